// A snapshot in the pieces in which the host stores it (SNAP-1), and back.
import { MOST_PIECE_BYTES, type StateRestorer } from '../../lib/shard/state-machine.ts';

export function* cutIntoPieces(bytes: Uint8Array): Generator<Uint8Array, void, void> {
  for (let from = 0; from < bytes.length; from += MOST_PIECE_BYTES) {
    yield bytes.subarray(from, from + MOST_PIECE_BYTES);
  }
}

/** Puts pieces together and restores from them at the end. */
export class PieceCollector implements StateRestorer {
  readonly #restore: (bytes: Uint8Array) => void;
  #pieces: Uint8Array[] = [];
  #length = 0;

  constructor(restore: (bytes: Uint8Array) => void) {
    this.#restore = restore;
  }

  take(piece: Uint8Array): void {
    // The caller may use its buffer again.
    this.#pieces.push(piece.slice());
    this.#length += piece.length;
  }

  end(): void {
    const bytes = new Uint8Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    this.#restore(bytes);
  }
}

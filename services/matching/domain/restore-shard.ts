// Restoring a matching shard from a snapshot (SNAP-1).
import { crc32OfBytes } from '../../lib/base/crc32.ts';
import { SLOT_COUNT } from '../../lib/routing/slot.ts';
import type { StateRestorer } from '../../lib/shard/state-machine.ts';
import { SlotRestorer } from './restore.ts';
import type { SlotState } from './slot-state.ts';
import type { SlotStates } from './slot-states.ts';
import { SHARD_PIECE, SLOT_OWNERS, SNAPSHOT_MARK, SNAPSHOT_VERSION } from './snapshot.ts';
import { SnapshotError, SnapshotReader } from './snapshot-bytes.ts';

const CHECKSUM_BYTES = 4;

/** Fills the slots of a shard that has done nothing yet. */
export class ShardRestorer<E> implements StateRestorer {
  readonly #states: SlotStates<E>;
  /** The slot whose pieces come now; it is kept when the next one begins. */
  #slot: SlotState<E> | undefined;
  #restorer: SlotRestorer | undefined;
  #place: 'begin' | 'slots' | 'end' = 'begin';

  constructor(states: SlotStates<E>) {
    this.#states = states;
  }

  /** @throws SnapshotError when the piece is not the next one of a snapshot of this version */
  take(piece: Uint8Array): void {
    try {
      this.#take(piece);
    } catch (error) {
      if (error instanceof SnapshotError) throw error;
      throw new SnapshotError(`the snapshot is not of a state: ${(error as Error).message}`);
    }
  }

  #take(piece: Uint8Array): void {
    const reader = new SnapshotReader(piece);
    const kind = reader.word();
    if (this.#place === 'end') throw new SnapshotError('something follows the end of the snapshot');
    if (this.#place === 'begin') {
      if (kind !== SHARD_PIECE.table) throw new SnapshotError('these bytes are no snapshot');
      this.#takeTable(reader);
    } else if (kind === SHARD_PIECE.slot) this.#beginSlot(reader);
    else if (kind === SHARD_PIECE.copy) this.#beginCopy(reader);
    else if (kind === SHARD_PIECE.end) this.#takeEnd(reader);
    else if (this.#restorer === undefined) throw new SnapshotError('a piece belongs to no slot');
    else this.#restorer.take(piece);
  }

  #takeTable(reader: SnapshotReader): void {
    checkVersion(reader);
    for (let left = reader.count(12); left > 0; left -= 1) {
      const word = reader.word();
      const owner = SLOT_OWNERS[word % SLOT_OWNERS.length];
      const slot = Math.floor(word / SLOT_OWNERS.length);
      const isSlot = owner !== undefined && slot >= 0 && slot < SLOT_COUNT;
      if (!isSlot) throw new SnapshotError('the snapshot has a wrong slot');
      this.#states.table.set(slot, reader.number(), owner);
    }
    reader.end();
    this.#place = 'slots';
  }

  #beginSlot(reader: SnapshotReader): void {
    this.#endSlot();
    this.#slot = this.#states.make(reader.word());
    this.#restorer = new SlotRestorer(this.#slot.shard);
    reader.end();
  }

  #beginCopy(reader: SnapshotReader): void {
    this.#endSlot();
    const copy = this.#states.beginCopy(reader.word(), reader.number(), reader.text());
    copy.chunks = reader.word();
    this.#restorer = copy.restorer;
    reader.end();
  }

  #endSlot(): void {
    const slot = this.#slot;
    this.#slot = undefined;
    if (slot === undefined) return;
    const isWhole = this.#restorer?.isComplete === true && slot.shard.books.size > 0;
    if (!isWhole || this.#states.table.ownerOf(slot.slot) === 'NONE') {
      throw new SnapshotError('the snapshot has a slot that is not whole');
    }
    this.#states.keep(slot);
  }

  #takeEnd(reader: SnapshotReader): void {
    this.#endSlot();
    if (this.#states.checksum() !== reader.text()) {
      throw new SnapshotError('the snapshot does not lead to the state that it names');
    }
    reader.end();
    this.#place = 'end';
  }

  /** @throws SnapshotError when pieces are missing */
  end(): void {
    if (this.#place !== 'end') throw new SnapshotError('the snapshot is cut: its end is missing');
  }
}

/**
 * Restores from all pieces in one.
 *
 * @throws SnapshotError when the bytes are not a whole snapshot of this version; the shard is then
 *   of no use
 */
export function restoreSnapshot<E>(states: SlotStates<E>, bytes: Uint8Array): void {
  if (bytes.length < CHECKSUM_BYTES * 3) throw new SnapshotError('the snapshot is cut');
  const body = bytes.subarray(0, bytes.length - CHECKSUM_BYTES);
  const reader = new SnapshotReader(body);
  if (reader.word() !== SNAPSHOT_MARK) throw new SnapshotError('these bytes are no snapshot');
  checkVersion(reader);
  const last = new SnapshotReader(bytes.subarray(body.length));
  if (last.word() >>> 0 !== crc32OfBytes(body)) {
    throw new SnapshotError(
      'the snapshot is cut or changed: its checksum is not that of its bytes',
    );
  }
  const restorer = new ShardRestorer(states);
  while (!reader.done) restorer.take(reader.bytes());
  restorer.end();
}

function checkVersion(reader: SnapshotReader): void {
  const version = reader.word();
  if (version === SNAPSHOT_VERSION) return;
  throw new SnapshotError(`a snapshot of version ${version} is not read`);
}

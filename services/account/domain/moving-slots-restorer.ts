// Takes over from a snapshot what a shard knows of slots that move (SNAP-1, MOV-3): watermarks of
// single slots, and copies that are under way.
import { StateDamaged, type StateReader } from '../../lib/base/state-bytes.ts';
import type { SlotCopying } from './slot-copies.ts';
import type { LedgerState } from './state.ts';

export class MovingSlotsRestorer {
  readonly #state: LedgerState;
  #copy: SlotCopying | undefined;

  constructor(state: LedgerState) {
    this.#state = state;
  }

  takeWatermark(reader: StateReader): void {
    const slot = reader.whole();
    const source = reader.text();
    const sequence = reader.whole();
    const point = { sequence, entryIndex: reader.whole(), chainChecksum: reader.text() };
    this.#state.slotWatermarks.set(slot, source, point);
  }

  takeCopy(reader: StateReader): void {
    const { copies } = this.#state;
    this.#copy = copies.begin(reader.whole(), reader.whole(), reader.text());
    this.#copy.chunks = reader.whole();
  }

  /** @throws StateDamaged when no copy came before */
  takeRecord(reader: StateReader): void {
    if (this.#copy === undefined) throw new StateDamaged('a record lacks its copy');
    this.#state.copies.put(this.#copy, reader.text(), Uint8Array.from(reader.bytes()));
  }
}

// How far the events of other shards are settled: of the shard as a whole, and of single slots that
// came from a shard that was elsewhere (SET-1, MOV-7).
import { type Hasher, Part, type StateDigest } from './digest.ts';

/** How far a matching shard's events are settled (SET-1), with what was seen of its log (LOG-12). */
export class Watermark extends Part {
  readonly sourceShardId: string;
  sequence = 0;
  entryIndex = 0;
  chainChecksum = '';

  constructor(sourceShardId: string) {
    super();
    this.sourceShardId = sourceShardId;
  }

  override feed(hasher: Hasher): void {
    hasher.text('watermark');
    hasher.text(this.sourceShardId);
    hasher.integer(this.sequence);
    hasher.integer(this.entryIndex);
    hasher.text(this.chainChecksum);
  }
}

/** The watermark of one slot for one source. */
class SlotWatermark extends Watermark {
  readonly slot: number;

  constructor(slot: number, sourceShardId: string) {
    super(sourceShardId);
    this.slot = slot;
  }

  override feed(hasher: Hasher): void {
    hasher.text('slot');
    hasher.integer(this.slot);
    super.feed(hasher);
  }
}

/** Where a watermark stands. */
export type SettledPoint = Pick<Watermark, 'sequence' | 'entryIndex' | 'chainChecksum'>;

/** Before the first event of a source. */
export const NOWHERE: SettledPoint = { sequence: 0, entryIndex: 0, chainChecksum: '' };

/** Watermarks of slots, by slot and source; one that the whole shard has reached is gone. */
export class SlotWatermarks {
  readonly #marks = new Map<number, Map<string, SlotWatermark>>();
  readonly #digest: StateDigest;

  constructor(digest: StateDigest) {
    this.#digest = digest;
  }

  find(slot: number, sourceShardId: string): Watermark | undefined {
    return this.#marks.get(slot)?.get(sourceShardId);
  }

  set(slot: number, sourceShardId: string, point: SettledPoint): void {
    const ofSlot = this.#marks.get(slot) ?? new Map<string, SlotWatermark>();
    this.#marks.set(slot, ofSlot);
    const mark = ofSlot.get(sourceShardId) ?? new SlotWatermark(slot, sourceShardId);
    ofSlot.set(sourceShardId, mark);
    mark.sequence = point.sequence;
    mark.entryIndex = point.entryIndex;
    mark.chainChecksum = point.chainChecksum;
    this.#digest.mark(mark);
  }

  remove(slot: number, sourceShardId: string): void {
    const ofSlot = this.#marks.get(slot);
    const mark = ofSlot?.get(sourceShardId);
    if (ofSlot === undefined || mark === undefined) return;
    this.#digest.remove(mark);
    ofSlot.delete(sourceShardId);
    if (ofSlot.size === 0) this.#marks.delete(slot);
  }

  /** Slots that have a watermark of their own for a source, ascending. */
  ofSource(sourceShardId: string): { readonly slot: number; readonly mark: Watermark }[] {
    return this.all().filter(({ mark }) => mark.sourceShardId === sourceShardId);
  }

  /** By slot, then source. */
  all(): { readonly slot: number; readonly mark: Watermark }[] {
    const all = [...this.#marks].flatMap(([slot, marks]) =>
      [...marks.values()].map((mark) => ({ slot, mark })),
    );
    return all.sort((one, other) => {
      if (one.slot !== other.slot) return one.slot - other.slot;
      return one.mark.sourceShardId < other.mark.sourceShardId ? -1 : 1;
    });
  }
}

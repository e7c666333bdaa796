// When the leader puts its state checksum into the log (SNAP-3): often enough that a snapshot can
// be written of a late state, and seldom enough that nobody notices what computing it takes.

type EntryPlace = { readonly entryIndex: number; readonly logTimeUs: number };

const COMMANDS = 20_000;
const LOG_TIME_US = 60_000_000;
/** When nobody proposes anything, an entry for its own sake comes after this. */
const FIRST_ENTRY_US = 1_000_000;

export class ChecksumPace {
  readonly #entryInterval: number;
  #commands = 0;
  #logTimeUs: number;
  /** Log time at which an entry is wanted, unless one comes before. */
  #wantedTimeUs: number | undefined;

  /**
   * @param entryInterval every entry whose index is a multiple of this has one
   * @param last the last entry, and whether it has one; else the next one gets one
   */
  constructor(
    entryInterval: number,
    last: { readonly logTimeUs: number; readonly hasOne: boolean },
  ) {
    this.#entryInterval = entryInterval;
    this.#logTimeUs = last.logTimeUs;
    if (last.hasOne) return;
    this.#commands = COMMANDS;
    this.#wantedTimeUs = last.logTimeUs + FIRST_ENTRY_US;
  }

  /** Has the next entry have one, and come at once. */
  want(): void {
    this.#commands = COMMANDS;
    this.#wantedTimeUs = 0;
  }

  /** The earlier of a time and the one at which an entry is wanted for the checksum's sake. */
  earlierOf(dueTimeUs: number | undefined): number | undefined {
    if (this.#wantedTimeUs === undefined) return dueTimeUs;
    return Math.min(dueTimeUs ?? this.#wantedTimeUs, this.#wantedTimeUs);
  }

  /** To be asked once for every entry, in order; where no snapshot can be, no checksum is due. */
  takes(
    { entryIndex, logTimeUs }: EntryPlace,
    commandCount: number,
    machine: { readonly hasUnfinishedWork?: boolean },
  ): boolean {
    this.#wantedTimeUs = undefined;
    this.#commands += commandCount;
    if (machine.hasUnfinishedWork === true) return false;
    const isDue =
      entryIndex % this.#entryInterval === 0 ||
      this.#commands >= COMMANDS ||
      (this.#commands > 0 && logTimeUs - this.#logTimeUs >= LOG_TIME_US);
    if (!isDue) return false;
    this.#commands = 0;
    this.#logTimeUs = logTimeUs;
    return true;
  }
}

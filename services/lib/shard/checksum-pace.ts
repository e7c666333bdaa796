// When the leader puts its state checksum into the log (SNAP-3): often enough that a snapshot can
// be written of a late state, and seldom enough that nobody notices what computing it takes.

type EntryPlace = { readonly entryIndex: number; readonly logTimeUs: number };

const COMMANDS = 20_000;
const LOG_TIME_US = 60_000_000;

export class ChecksumPace {
  readonly #entryInterval: number;
  #commands = 0;
  #logTimeUs: number;

  /**
   * @param entryInterval every entry whose index is a multiple of this has one
   * @param logTimeUs of the last entry that had one
   */
  constructor(entryInterval: number, logTimeUs: number) {
    this.#entryInterval = entryInterval;
    this.#logTimeUs = logTimeUs;
  }

  /** To be asked once for every entry, in order; where no snapshot can be, no checksum is due. */
  takes(
    { entryIndex, logTimeUs }: EntryPlace,
    commandCount: number,
    machine: { readonly hasUnfinishedWork?: boolean },
  ): boolean {
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

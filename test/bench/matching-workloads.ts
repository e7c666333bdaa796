// Five days for the matching benchmark (performance.md, P1), made from a seed: new orders, 15 % of
// them IOC, cancels and amends around a price that stands still, moves like on a normal day,
// swings by 25 % and 40 %, or crashes by 60 %. What they do to a book follows the two recorded days
// in `shared/data/flow`, in commands or events a hundred commands:
//
//                          recorded      made (still, normal, 25 %, 40 %, crash; 2,000,000)
//   new, canceled, amended 50, 41, 9     49, 42, 9
//   trades                 2.1, 2.3      1.1, 1.5, 2.4, 2.6, 1.3
//   cancels of no order    1.5, 1.6      1.1, 1.4, 2.3, 2.4, 1.2
//   levels that appear     37, 49        34, 38, 46, 47, 36
//   open orders, mean      928, 806      837, 682, 414, 393, 790
//
// Nearly all orders are canceled by one of the next commands. Records are those of that format.
import { AMEND, CANCEL, NEW, RECORD_BYTES } from '../../services/matching/replay/flow-records.ts';

/** One day. */
export type Workload = {
  readonly name: string;
  readonly records: Buffer;
  /** The orders belong to so many accounts. */
  readonly accounts: number;
};

/** Accounts that trade. */
const ACCOUNTS = 1_000;
const START_UNITS = 33_500;
/** Open orders that the book comes to hold; beyond it cancels prevail. */
const OPEN_ORDERS = 1_000;
/** Mean distance of a new order from the middle, in ticks. */
const MEAN_DISTANCE = 450;

/** Where the price stands, as a part of the first one, when a part of the day has passed. */
const DAYS: Readonly<Record<string, (passed: number) => number>> = {
  still: () => 1,
  normal: (passed) => 1 + 0.02 * Math.sin(passed * 20),
  'swing-25': (passed) => 1 + 0.25 * Math.sin(passed * 40),
  'swing-40': (passed) => 1 + 0.4 * Math.sin(passed * 40),
  'crash-60': (passed) => (passed < 0.5 ? 1 : Math.max(0.4, 1 - (passed - 0.5) * 6)),
};

/** Names of the days. */
export const DAY_NAMES: readonly string[] = Object.keys(DAYS);

/** A generator of its own (Numerical Recipes' LCG), so that a seed is a day for ever. */
function makeRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

/** A day of so many commands. */
export function makeWorkload(name: string, seed: number, count: number): Workload {
  const level = DAYS[name];
  if (level === undefined) throw new Error(`no day is called ${name}`);
  const day = new Day(makeRandom(seed + DAY_NAMES.indexOf(name)), count);
  for (let sequence = 1; sequence <= count; sequence += 1) day.add(level(sequence / count));
  return { name, records: day.records, accounts: ACCOUNTS };
}

type Open = { readonly orderId: number; readonly side: number };

class Day {
  readonly records: Buffer;
  readonly #random: () => number;
  /** Orders that may be open, oldest first but for holes filled from the end. */
  readonly #open: Open[] = [];
  #sequence = 0;
  #middle = 0;

  constructor(random: () => number, count: number) {
    this.#random = random;
    this.records = Buffer.alloc(count * RECORD_BYTES);
  }

  /** Adds a command at a moment when the price stands at a part of the first one. */
  add(level: number): void {
    this.#middle = Math.round(START_UNITS * level);
    const random = this.#random;
    const choice = random();
    const excess = this.#open.length > OPEN_ORDERS ? 0.04 : 0;
    if (this.#open.length === 0 || choice < 0.5 - excess) this.#addNew();
    else if (choice < 0.913) this.#addCancel();
    else this.#addAmend();
  }

  #addNew(): void {
    const random = this.#random;
    const side = random() < 0.5 ? 0 : 1;
    const isIoc = random() < 0.15;
    const orderId = this.#sequence + 1;
    this.#write({ kind: NEW, side, isIoc, orderId, priceUnits: this.#price(side) });
    if (!isIoc) this.#open.push({ orderId, side });
  }

  #addCancel(): void {
    const at = this.#chosen();
    const { orderId, side } = this.#open[at] as Open;
    this.#write({ kind: CANCEL, side, isIoc: false, orderId, priceUnits: 0 });
    this.#open[at] = this.#open[this.#open.length - 1] as Open;
    this.#open.pop();
  }

  #addAmend(): void {
    const { orderId, side } = this.#open[this.#chosen()] as Open;
    this.#write({ kind: AMEND, side, isIoc: false, orderId, priceUnits: this.#price(side) });
  }

  /** Nearly always the youngest order or the one before it, seldom any. */
  #chosen(): number {
    const count = this.#open.length;
    const choice = this.#random();
    if (choice < 0.97) return Math.max(count - (choice < 0.8 ? 1 : 2), 0);
    return Math.floor(this.#random() * count);
  }

  /** Mostly away from the middle, some near it, one in twenty-five far across it. */
  #price(side: number): number {
    const random = this.#random;
    const distance = 1 + Math.floor(-Math.log(1 - random()) * MEAN_DISTANCE);
    const away = random() < 0.04 ? -30 : distance;
    return Math.max(1, side === 0 ? this.#middle - away : this.#middle + away);
  }

  #write(command: {
    readonly kind: number;
    readonly side: number;
    readonly isIoc: boolean;
    readonly orderId: number;
    readonly priceUnits: number;
  }): void {
    const { records } = this;
    const at = this.#sequence * RECORD_BYTES;
    this.#sequence += 1;
    records.writeUInt8(command.kind, at);
    records.writeUInt8(command.side, at + 1);
    records.writeUInt8(command.isIoc ? 1 : 0, at + 2);
    records.writeUInt32LE(1 + Math.floor(this.#random() * 100), at + 4);
    records.writeBigUInt64LE(BigInt(this.#sequence), at + 8);
    records.writeBigUInt64LE(BigInt(command.orderId), at + 16);
    records.writeBigInt64LE(BigInt(command.priceUnits), at + 24);
  }
}

// Looks into encoded events of an account shard without decoding them: every event of every order
// passes here, and few of them are read by anybody.

import { slotOfAccountNumber } from '../../../lib/routing/slot.ts';
import type { Side } from '../../../lib/rules/terms.ts';
import { MalformedBytes, WireReader } from '../../../lib/shard/wire.ts';
import type { InstrumentFill, PositionFill } from '../../domain/positions.ts';

/** Field numbers in bourse/ledger/v1/event.proto. */
const ACCOUNT_NUMBER = 1;
const BALANCES = 3;
/** In bourse/log/v1/slot.proto. */
const SLOT = 1;
/** Fields of OrderExecuted, OrderRecord, OrderTerms and Fill. */
const EXECUTED = { record: 2, fill: 5 } as const;
const RECORD = { terms: 5 } as const;
const TERMS = { instrumentNumber: 1, side: 2 } as const;
const FILL = { quantityUnits: 2, notionalUnits: 4, feeUnits: 5 } as const;
/** In bourse/type/v1/order.proto. */
const SIDE_BUY = 1;
/** Of so many digits of 7 bits a number holds every value. */
const MOST_DIGITS = 7;

/** Fields of an event that say what happened, as far as somebody looks for them. */
export const EVENT_KIND = {
  transferPosted: 5,
  orderExecuted: 11,
  suspensePosted: 12,
  slotMoved: 23,
  tradeBusted: 27,
} as const;

/**
 * What stands at the beginning of an event, of one after the other. Fields are encoded in the order
 * of their numbers: the account comes first, then its balances, then what happened.
 */
export class EventGlance {
  /** 0 for events of the shard itself. */
  accountNumber = 0;
  /** Field that says what happened. */
  kind = 0;
  /** Content of that field. */
  #content = 0;
  #contentEnd = 0;
  #bytes: Uint8Array = new Uint8Array();
  #at = 0;

  /** @throws MalformedBytes */
  look(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#at = 0;
    this.accountNumber = 0;
    this.kind = 0;
    while (this.kind === 0 && this.#at < bytes.length) {
      const tag = this.#varint();
      const field = tag >>> 3;
      const value = this.#varint();
      if (field === ACCOUNT_NUMBER) this.accountNumber = value;
      if ((tag & 7) === 0) continue;
      this.#content = this.#at;
      this.#at += value;
      if (field <= BALANCES) continue;
      this.kind = field;
      this.#contentEnd = this.#at;
    }
  }

  /** An unsigned integer below 2^32; of a larger one only its last bits. */
  #varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw new MalformedBytes('an event is cut off');
      this.#at += 1;
      if (shift < 32) value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
  }

  /**
   * Finds a field that holds something in what stands between two places.
   *
   * @returns the length of its content, at whose beginning the glance stands then; -1 without one
   */
  #find(wanted: number, from: number, end: number): number {
    this.#at = from;
    while (this.#at < end) {
      const tag = this.#varint();
      const value = this.#varint();
      if (tag >>> 3 > wanted) return -1;
      if (tag >>> 3 === wanted) return value;
      if ((tag & 7) === 2) this.#at += value;
    }
    return -1;
  }

  /** Whether the event changed a total of its account. */
  movesMoney(): boolean {
    const { kind } = this;
    if (kind === EVENT_KIND.orderExecuted) {
      return this.#find(EXECUTED.fill, this.#content, this.#contentEnd) >= 0;
    }
    return kind === EVENT_KIND.transferPosted || kind === EVENT_KIND.tradeBusted;
  }

  /** The fill of what was executed; undefined when there is none, or its order has no terms. */
  executedFill(): InstrumentFill | undefined {
    const fillBytes = this.#find(EXECUTED.fill, this.#content, this.#contentEnd);
    if (fillBytes < 0) return undefined;
    const [fillAt, fillEnd] = [this.#at, this.#at + fillBytes];
    const recordBytes = this.#find(EXECUTED.record, this.#content, this.#contentEnd);
    const termsBytes = this.#find(RECORD.terms, this.#at, this.#at + recordBytes);
    if (recordBytes < 0 || termsBytes < 0) return undefined;
    const termsAt = this.#at;
    const named = this.#find(TERMS.instrumentNumber, termsAt, termsAt + termsBytes);
    const instrumentNumber = Math.max(0, named);
    const isBuy = this.#find(TERMS.side, termsAt, termsAt + termsBytes) === SIDE_BUY;
    const fill = this.#fill(isBuy ? 'BUY' : 'SELL', fillAt, fillEnd);
    return { instrumentNumber, fill };
  }

  #fill(side: Side, from: number, end: number): PositionFill {
    let quantityUnits = 0;
    let notionalUnits = 0n;
    let feeUnits = 0n;
    this.#at = from;
    while (this.#at < end) {
      const field = this.#varint() >>> 3;
      if (field === FILL.quantityUnits) quantityUnits = Number(this.#amount());
      else if (field === FILL.notionalUnits) notionalUnits = this.#amount();
      else if (field === FILL.feeUnits) feeUnits = signedOf(this.#amount());
      else this.#varint();
    }
    return { side, quantityUnits, notionalUnits, feeUnits };
  }

  /** An unsigned integer below 2^64. */
  #amount(): bigint {
    let value = 0;
    let scale = 1;
    const begin = this.#at;
    for (let digits = 0; digits < MOST_DIGITS; digits += 1) {
      const byte = this.#bytes[this.#at] ?? 0;
      this.#at += 1;
      value += (byte & 127) * scale;
      if (byte < 128) return BigInt(value);
      scale *= 128;
    }
    const end = this.#at + 4;
    const reader = new WireReader(this.#bytes.subarray(begin, end));
    const amount = reader.bigVarint();
    this.#at = begin + reader.place;
    return amount;
  }
}

/** What `sint64` stands for. */
function signedOf(zigzag: bigint): bigint {
  return (zigzag & 1n) === 0n ? zigzag >> 1n : -((zigzag + 1n) >> 1n);
}

const glance = new EventGlance();

/** Account that an event concerns; 0 for events of the shard itself. */
export function accountNumberOf(bytes: Uint8Array): number {
  glance.look(bytes);
  return glance.accountNumber;
}

/** Slot whose accounts, or whose move, an event concerns; -1 for every other event of the shard. */
export function slotOfEvent(bytes: Uint8Array): number {
  const reader = new WireReader(bytes);
  if (reader.done) return -1;
  const field = reader.field();
  if (field === ACCOUNT_NUMBER) return slotOfAccountNumber(reader.varint());
  if (field !== EVENT_KIND.slotMoved) return -1;
  const moved = new WireReader(reader.bytes());
  return !moved.done && moved.field() === SLOT ? moved.varint() : 0;
}

/** Whether an event may be one that other account shards follow, without a look at it: few may. */
export function mayBeFollowed(bytes: Uint8Array): boolean {
  glance.look(bytes);
  return glance.kind === EVENT_KIND.transferPosted || glance.kind === EVENT_KIND.tradeBusted;
}

/** Whether an event may be one that operators have to know of (SET-5): few may. */
export function mayBeSuspense(bytes: Uint8Array): boolean {
  glance.look(bytes);
  return glance.kind === EVENT_KIND.suspensePosted || glance.kind === EVENT_KIND.tradeBusted;
}

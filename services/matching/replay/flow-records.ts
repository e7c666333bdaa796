// A recorded or generated day in records of 40 bytes, and its commands: one object of each kind,
// filled anew from each record, as whoever decodes commands from a buffer would do it.
//
// A header of 16 bytes (8 magic, 4 version, 4 count), then, little-endian: u8 type (0 new,
// 1 cancel, 2 amend), u8 side (0 buy, 1 sell), u8 ioc, u8 free, u32 quantity, u64 sequence, u64
// order id, i64 price in ticks, i64 free. An amend's quantity is the new open quantity.
import type { AmendOrder, CancelOrder, MatchingCommand, PlaceOrder } from '../domain/command.ts';
import type { OrderTerms } from '../domain/rules.ts';

export const HEADER_BYTES = 16;
// What is exported has a name of its own in this file: the compiler folds only that.
const BYTES = 40;
export const RECORD_BYTES = BYTES;
const RECORD_WORDS = BYTES / 4;
const TWO_TO_32 = 2 ** 32;

/** Kinds of records. */
const NEW_KIND = 0;
const CANCEL_KIND = 1;
const AMEND_KIND = 2;
export const NEW = NEW_KIND;
export const CANCEL = CANCEL_KIND;
export const AMEND = AMEND_KIND;

/** Number of the one instrument that all commands are about. */
export const INSTRUMENT_NUMBER = 1;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Bytes that are no day of commands. */
export class FlowMalformed extends Error {}

/** Whole records in a part of a file, and the commands they stand for. */
export class FlowRecords {
  readonly count: number;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #accounts: number;
  readonly #terms: Mutable<OrderTerms> = makeTerms();
  readonly #place: Mutable<PlaceOrder> = {
    kind: 'placeOrder',
    accountNumber: 1,
    placement: 0,
    terms: this.#terms,
  };
  readonly #cancel: Mutable<CancelOrder> = {
    kind: 'cancelOrder',
    instrumentNumber: INSTRUMENT_NUMBER,
    accountNumber: 1,
    placement: 0,
  };
  readonly #amend: Mutable<AmendOrder> = makeAmend();

  /**
   * @param records whole records, without the header; not copied when aligned to 4 bytes
   * @param accounts the orders belong to so many accounts, by order id; a day says nothing of it
   */
  constructor(records: Uint8Array, accounts: number) {
    if (records.length % BYTES !== 0) throw new FlowMalformed('a record is cut off');
    const aligned = records.byteOffset % 4 === 0 ? records : records.slice();
    this.#bytes = aligned;
    this.#words = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
    this.#accounts = accounts;
    this.count = aligned.length / BYTES;
  }

  /** The records themselves. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  kindAt(index: number): number {
    return this.#bytes[index * BYTES] as number;
  }

  sideAt(index: number): number {
    return this.#bytes[index * BYTES + 1] as number;
  }

  isIocAt(index: number): boolean {
    return this.#bytes[index * BYTES + 2] === 1;
  }

  quantityAt(index: number): number {
    return this.#words[index * RECORD_WORDS + 1] as number;
  }

  sequenceAt(index: number): number {
    return this.#numberAt(index * RECORD_WORDS + 2);
  }

  orderIdAt(index: number): number {
    return this.#numberAt(index * RECORD_WORDS + 4);
  }

  priceAt(index: number): number {
    return this.#numberAt(index * RECORD_WORDS + 6);
  }

  /** What the file leaves free: the benchmark keeps there what an amended order has filled. */
  noteAt(index: number): number {
    return this.#words[index * RECORD_WORDS + 8] as number;
  }

  setNote(index: number, value: number): void {
    this.#words[index * RECORD_WORDS + 8] = value;
  }

  /**
   * The command of a record; the next call changes the object.
   *
   * @param filledUnits what the amended order has filled: an amend states a total (AMD-2)
   * @throws FlowMalformed when the record is of no known kind
   */
  commandAt(index: number, filledUnits: number): MatchingCommand {
    const at = index * RECORD_WORDS;
    const orderId = this.#numberAt(at + 4);
    const accountNumber = this.#accounts === 1 ? 1 : 1 + (orderId % this.#accounts);
    switch (this.kindAt(index)) {
      case NEW_KIND: {
        const terms = this.#terms;
        terms.side = this.sideAt(index) === 0 ? 'BUY' : 'SELL';
        terms.timeInForce = this.isIocAt(index) ? 'IOC' : 'GTC';
        terms.quantityUnits = this.#words[at + 1] as number;
        terms.priceUnits = this.#numberAt(at + 6);
        this.#place.accountNumber = accountNumber;
        this.#place.placement = orderId;
        return this.#place;
      }
      case CANCEL_KIND:
        this.#cancel.accountNumber = accountNumber;
        this.#cancel.placement = orderId;
        return this.#cancel;
      case AMEND_KIND:
        this.#amend.accountNumber = accountNumber;
        this.#amend.placement = orderId;
        this.#amend.quantityUnits = (this.#words[at + 1] as number) + filledUnits;
        this.#amend.priceUnits = this.#numberAt(at + 6);
        return this.#amend;
      default:
        throw new FlowMalformed(`record ${index} is of no known kind`);
    }
  }

  /** A 64-bit number; beyond 2^53 it is rounded, and out of range for every command. */
  #numberAt(word: number): number {
    const low = this.#words[word] as number;
    const high = (this.#words[word + 1] as number) | 0;
    return high === 0 ? low : high * TWO_TO_32 + low;
  }
}

/** Plain limit orders, without self-trade prevention and fees. */
function makeTerms(): OrderTerms {
  return {
    instrumentNumber: INSTRUMENT_NUMBER,
    side: 'BUY',
    type: 'LIMIT',
    timeInForce: 'GTC',
    postOnly: false,
    quantityUnits: 0,
    quoteBudgetUnits: 0n,
    priceUnits: 0,
    stopPriceUnits: 0,
    trailingOffsetUnits: 0,
    trailingOffsetBps: 0,
    expireTimeUs: 0,
    displayUnits: 0,
    minimumUnits: 0,
    selfTradePrevention: 'NONE',
    selfTradeGroup: 0,
    makerRatePpm: 0,
    takerRatePpm: 0,
    auctionRatePpm: 0,
    instrumentVersion: 1,
  };
}

function makeAmend(): AmendOrder {
  return {
    kind: 'amendOrder',
    instrumentNumber: INSTRUMENT_NUMBER,
    accountNumber: 1,
    placement: 0,
    quantityUnits: 0,
    priceUnits: 0,
    stopPriceUnits: undefined,
    displayUnits: undefined,
    expireTimeUs: undefined,
    expectedVersion: undefined,
    instrumentVersion: 1,
    // Whatever the amended order may cost.
    amendHoldUnits: 2n ** 61n,
    amendHoldId: '',
  };
}

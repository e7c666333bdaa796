// The newest events of each account, in memory: bounded for an account and over all accounts,
// oldest out first. Says how far back it is complete. Kept as bytes in a few large pieces, because
// every order makes some and hardly any is ever read: objects would cost more to keep than to make.

import { StoredHappening } from './happening.ts';

/** An event with its place, as it goes in. */
export type RingItem = Pick<StoredHappening, 'sequence' | 'logTimeUs' | 'traceContext' | 'bytes'>;

/** Sequence, log time, length of the trace context, length of the event. */
const HEADER_BYTES = 8 + 8 + 2 + 4;
/** The first piece of an account is small: most have few events. */
const FIRST_PIECE_BYTES = 512;
const PIECE_BYTES = 1 << 15;

/** Pieces that are kept to be filled again. */
const MOST_SPARE_PIECES = 256;

/** Some events of an account, one behind the other. */
class Piece {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  /** Where the oldest event that is kept begins, and where there is room for the next. */
  begin = 0;
  end = 0;

  constructor(byteCount: number) {
    this.#bytes = Buffer.from(new ArrayBuffer(byteCount));
    this.#view = new DataView(this.#bytes.buffer);
  }

  get byteCount(): number {
    return this.#bytes.length;
  }

  empty(): void {
    this.begin = 0;
    this.end = 0;
  }

  get isEmpty(): boolean {
    return this.begin === this.end;
  }

  /** @returns false when there is no room for it */
  push({ sequence, logTimeUs, traceContext, bytes }: RingItem): boolean {
    const traceBytes = traceContext === '' ? 0 : Buffer.byteLength(traceContext);
    const at = this.end;
    const behind = at + HEADER_BYTES + traceBytes + bytes.length;
    if (behind > this.#bytes.length) return false;
    const view = this.#view;
    view.setFloat64(at, sequence);
    view.setFloat64(at + 8, logTimeUs);
    view.setUint16(at + 16, traceBytes);
    view.setUint32(at + 18, bytes.length);
    if (traceBytes > 0) this.#bytes.write(traceContext, at + HEADER_BYTES);
    this.#bytes.set(bytes, at + HEADER_BYTES + traceBytes);
    this.end = behind;
    return true;
  }

  sequenceAt(at: number): number {
    return this.#view.getFloat64(at);
  }

  /** Where the event behind the one at a place begins. */
  behind(at: number): number {
    return at + HEADER_BYTES + this.#view.getUint16(at + 16) + this.#view.getUint32(at + 18);
  }

  /** A copy: the piece may be filled again while somebody reads it. */
  at(at: number): StoredHappening {
    const traceEnd = at + HEADER_BYTES + this.#view.getUint16(at + 16);
    return new StoredHappening({
      sequence: this.#view.getFloat64(at),
      logTimeUs: this.#view.getFloat64(at + 8),
      traceContext: this.#bytes.toString('utf8', at + HEADER_BYTES, traceEnd),
      bytes: Uint8Array.prototype.slice.call(this.#bytes, traceEnd, this.behind(at)),
    });
  }
}

type AccountItems = {
  /** Oldest first; none is empty. */
  readonly pieces: Piece[];
  count: number;
  /** Number of the oldest item, counting every item that the account ever had here. */
  startSerial: number;
  /** Sequence of the newest item that was forgotten; 0 when none was. */
  forgottenSequence: number;
};

/** Room that is there from the start; it doubles up to what may be kept. */
const FIRST_LENGTH = 1 << 10;

export class EventRing {
  readonly #perAccount: number;
  readonly #total: number;
  readonly #accounts = new Map<number, AccountItems>();
  readonly #spare: Piece[] = [];
  /** Account and serial of every item, in order of arrival; a circle once it has its full size. */
  #arrivalAccounts: Uint32Array;
  #arrivalSerials: Float64Array;
  #arrivals = 0;

  /**
   * @param perAccount most items kept of one account
   * @param total most items kept of all accounts
   */
  constructor(perAccount: number, total: number) {
    this.#perAccount = perAccount;
    this.#total = total;
    const begun = Math.min(total, FIRST_LENGTH);
    this.#arrivalAccounts = new Uint32Array(begun);
    this.#arrivalSerials = new Float64Array(begun);
  }

  /** Adds an item; what no longer fits is forgotten. */
  push(accountNumber: number, item: RingItem): void {
    let account = this.#accounts.get(accountNumber);
    if (account === undefined) {
      account = { pieces: [], count: 0, startSerial: 0, forgottenSequence: 0 };
      this.#accounts.set(accountNumber, account);
    }
    if (this.#arrivals === this.#arrivalAccounts.length) this.#grow();
    const place = this.#arrivals % this.#arrivalAccounts.length;
    if (this.#arrivals >= this.#arrivalAccounts.length) this.#forgetArrival(place);
    this.#arrivalAccounts[place] = accountNumber;
    this.#arrivalSerials[place] = account.startSerial + account.count;
    this.#arrivals += 1;
    this.#append(account, item);
    if (account.count > this.#perAccount) this.#forgetOldest(account);
  }

  #append(account: AccountItems, item: RingItem): void {
    account.count += 1;
    const last = account.pieces.at(-1);
    if (last?.push(item)) return;
    const needed = HEADER_BYTES + Buffer.byteLength(item.traceContext) + item.bytes.length;
    const usual = last === undefined ? FIRST_PIECE_BYTES : last.byteCount * 2;
    const piece =
      usual >= PIECE_BYTES && needed <= PIECE_BYTES
        ? (this.#spare.pop() ?? new Piece(PIECE_BYTES))
        : new Piece(Math.max(needed, Math.min(usual, PIECE_BYTES)));
    piece.push(item);
    account.pieces.push(piece);
  }

  #forgetOldest(account: AccountItems): void {
    const oldest = account.pieces[0] as Piece;
    account.forgottenSequence = oldest.sequenceAt(oldest.begin);
    account.startSerial += 1;
    account.count -= 1;
    oldest.begin = oldest.behind(oldest.begin);
    if (!oldest.isEmpty) return;
    account.pieces.shift();
    if (oldest.byteCount !== PIECE_BYTES || this.#spare.length >= MOST_SPARE_PIECES) return;
    oldest.empty();
    this.#spare.push(oldest);
  }

  /** Before the circle has closed for the first time: everything keeps its place. */
  #grow(): void {
    const length = Math.min(this.#total, this.#arrivals * 2);
    if (length === this.#arrivals) return;
    const [accounts, serials] = [this.#arrivalAccounts, this.#arrivalSerials];
    this.#arrivalAccounts = new Uint32Array(length);
    this.#arrivalAccounts.set(accounts);
    this.#arrivalSerials = new Float64Array(length);
    this.#arrivalSerials.set(serials);
  }

  #forgetArrival(place: number): void {
    const account = this.#accounts.get(this.#arrivalAccounts[place] as number);
    // The account's own bound may have been quicker.
    if (account === undefined || account.startSerial !== this.#arrivalSerials[place]) return;
    if (account.count > 0) this.#forgetOldest(account);
  }

  /** Items of an account, newest first. */
  *newestFirst(accountNumber: number): Generator<StoredHappening> {
    const pieces = this.#accounts.get(accountNumber)?.pieces ?? [];
    for (const piece of pieces.toReversed()) {
      const places: number[] = [];
      for (let at = piece.begin; at < piece.end; at = piece.behind(at)) places.push(at);
      for (const at of places.reverse()) yield piece.at(at);
    }
  }

  /** The oldest items of an account behind a sequence, in order, at most as many as said. */
  after(accountNumber: number, sequence: number, limit: number): readonly StoredHappening[] {
    const pieces = this.#accounts.get(accountNumber)?.pieces ?? [];
    // Who reads is mostly near the end.
    let first = Math.max(0, pieces.length - 1);
    while (first > 0 && !beginsBefore(pieces[first], sequence)) first -= 1;
    const found: StoredHappening[] = [];
    for (const piece of pieces.slice(first)) {
      for (let at = piece.begin; at < piece.end; at = piece.behind(at)) {
        if (piece.sequenceAt(at) <= sequence) continue;
        if (found.length === limit) return found;
        found.push(piece.at(at));
      }
    }
    return found;
  }

  /** Sequence of the newest item of the account that is no longer kept; 0 when none was lost. */
  forgottenSequence(accountNumber: number): number {
    return this.#accounts.get(accountNumber)?.forgottenSequence ?? 0;
  }
}

function beginsBefore(piece: Piece | undefined, sequence: number): boolean {
  return piece !== undefined && piece.sequenceAt(piece.begin) <= sequence;
}

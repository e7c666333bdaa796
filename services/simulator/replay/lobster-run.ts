// Replays a LOBSTER day through the public API and compares every exact take with the trades it
// made and every good row of the book with market data's.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Fill } from '../../../gen/bourse/order/v1/order_pb.ts';
import type { BatchResult } from '../../../gen/bourse/order/v1/service_pb.ts';
import {
  type OrderRefSchema,
  OrderType,
  Side,
  TimeInForce,
} from '../../../gen/bourse/type/v1/order_pb.ts';
import { formatDecimal } from '../../lib/base/decimal.ts';
import { StartError } from '../../lib/platform/config/start-error.ts';
import type { Exchange } from '../adapter/exchange.ts';
import { patiently } from '../adapter/patience.ts';
import type { Progress } from '../adapter/progress.ts';
import {
  type LobsterLine,
  parseBookRow,
  parseLobsterLine,
  type RecordedFill,
  type RecordedSide,
} from '../domain/lobster-line.ts';
import { CopiedBook } from '../domain/top-levels.ts';
import { BookFollower } from './book-follower.ts';
import { Comparison, type ReplayResult } from './comparison.ts';
import { readLines } from './lines.ts';
import { MakerFills } from './maker-fills.ts';
import { prepareMarket, type ReplayAccounts } from './market-setup.ts';
import { type BatchItem, OrderSender } from './order-sender.ts';
import { Pace } from './pace.ts';
import { findRefusal, sequenceOf } from './results.ts';
import { SettlementAudit } from './settlement-audit.ts';

/** Decimal places of a recorded price: dollars times 10,000. */
const PRICE_SCALE = 4;
const DEPTH = 10;
/** Rows that may wait for their book; market data is given time to come after. */
const ROWS_AHEAD = 20_000;

export type LobsterOptions = {
  readonly commandsFile: string;
  readonly bookFile: string;
  readonly instrumentId: string;
  readonly speed: number;
  readonly batchItems: number;
  readonly isMalformedFatal: boolean;
  /** Compare what was settled with sums of the recording, and audit the exchange. */
  readonly isAudited: boolean;
};

/** What the exchange tells beside its answers. */
type Feeds = { readonly fills: MakerFills; readonly follower: BookFollower };

type Waiting = { readonly row: number; readonly line: number; readonly sequence: bigint };

/** Runs the replay to its end. @throws StartError when a file or the market is not as needed. */
export async function replayLobster(
  exchange: Exchange,
  options: LobsterOptions,
  progress: Progress,
): Promise<ReplayResult> {
  const { instrumentId } = options;
  const [baseAssetId = '', quoteAssetId = 'USD'] = instrumentId.split('-');
  const accounts = await prepareMarket(exchange, {
    instrumentId,
    baseAssetId,
    quoteAssetId,
    baseScale: 0,
    priceUnit: '0.01',
    quantityUnit: '1',
    baseDeposit: '1000000000',
    quoteDeposit: '10000000000',
  });
  const run = new LobsterRun(exchange, options, { accounts, progress });
  if (!options.isAudited) return await run.run();
  const market = { instrumentId, baseAssetId, quoteAssetId };
  const audit = await SettlementAudit.begin(exchange, market, accounts);
  const result = await run.run(audit);
  return { ...result, sums: await audit.compare() };
}

class LobsterRun {
  readonly #exchange: Exchange;
  readonly #options: LobsterOptions;
  readonly #accounts: ReplayAccounts;
  readonly #progress: Progress;
  readonly #recordedRows: readonly string[];
  readonly #takes = new Comparison();
  readonly #rows = new Comparison();
  readonly #refused = new Comparison();
  readonly #book = new CopiedBook();
  readonly #waitingRows: Waiting[] = [];
  readonly #pendingTakes: Promise<void>[] = [];
  /** Rejected by the first take that could not be compared. */
  readonly #failed = Promise.withResolvers<never>();
  /** Makes client order ids of this run differ from those of every other. */
  readonly #prefix = Date.now().toString(36);
  readonly #quantities = new Map<string, number>();
  #sequence = 0n;
  #commands = 0;
  #malformed = 0;
  #unseen = 0;
  #takeCount = 0;
  #audit: SettlementAudit | undefined;
  #wakeReader = (): void => {};

  constructor(
    exchange: Exchange,
    options: LobsterOptions,
    around: { readonly accounts: ReplayAccounts; readonly progress: Progress },
  ) {
    this.#exchange = exchange;
    this.#options = options;
    this.#accounts = around.accounts;
    this.#progress = around.progress;
    this.#recordedRows = readRows(options.bookFile);
  }

  /** @param audit counts the recorded trades, when it is wanted */
  async run(audit?: SettlementAudit): Promise<ReplayResult> {
    this.#audit = audit;
    const { instrumentId } = this.#options;
    const fills = new MakerFills(this.#exchange, this.#accounts.maker);
    const follower = new BookFollower(this.#exchange, this.#book, {
      instrumentId,
      depth: DEPTH,
      toLevel: (price, quantity) => ({ price: recordedPrice(price), quantity: Number(quantity) }),
      onPassing: (through) => this.#compareRows(through),
      onJump: (sequence) => this.#skipRows(sequence),
    });
    const measured = this.#measure({ fills, follower });
    measured.catch(() => {}); // what is left of it when something else has failed
    try {
      return await Promise.race([measured, fills.failure, follower.failure, this.#failed.promise]);
    } finally {
      await Promise.all([follower.stop(), fills.stop()]);
    }
  }

  async #measure({ fills, follower }: Feeds): Promise<ReplayResult> {
    const { instrumentId, batchItems } = this.#options;
    await fills.ready;
    await follower.reach(0n);
    this.#sequence = follower.sequence ?? 0n;
    const sender = new OrderSender(this.#exchange);
    const startedMs = performance.now();
    await this.#send(sender, { fills, follower });
    await sender.finish();
    await follower.reach(this.#sequence);
    await Promise.all(this.#pendingTakes);
    const seconds = (performance.now() - startedMs) / 1000;
    return {
      format: 'lobster',
      instrumentId,
      commands: this.#commands,
      seconds,
      takes: this.#takes,
      rows: this.#rows,
      refused: this.#refused,
      malformedLines: this.#malformed,
      rowsUnseen: this.#unseen,
      reconnects: sender.reconnects,
      latenciesMs: sender.latenciesMs,
      batchItems,
    };
  }

  async #send(sender: OrderSender, { fills, follower }: Feeds): Promise<void> {
    const pace = new Pace(this.#options.speed);
    let batch: { item: BatchItem; line: LobsterLine; number: number }[] = [];
    let rowsAfter: { after: number; row: number; line: number }[] = [];
    const submit = async (): Promise<void> => {
      const sent = batch;
      const rows = rowsAfter;
      batch = [];
      rowsAfter = [];
      if (sent.length === 0) return this.#noteRows(rows);
      await sender.submit(
        sent.map(({ item }) => item),
        (results, repeated) => {
          this.#takeResults(sent, repeated ? this.#notSeen(rows) : rows, { results, fills });
          follower.allow(this.#sequence);
        },
      );
    };
    for await (const { number, text } of readLines(this.#options.commandsFile)) {
      const parsed = parseLobsterLine(text);
      if (parsed.kind === 'malformed') {
        this.#noteMalformed(number, parsed.why);
        continue;
      }
      const line = parsed.value;
      if (line.op === 'row') {
        if (line.ok) rowsAfter.push({ after: batch.length, row: line.index, line: number });
        continue;
      }
      if (line.op === 'take' && !pace.isMaximum) {
        await submit();
        await pace.waitFor(Number(line.time));
      }
      batch.push({ item: this.#toItem(line, number), line, number });
      if (batch.length >= this.#options.batchItems) await submit();
      while (this.#waitingRows.length > ROWS_AHEAD) await this.#booksPassed();
    }
    await submit();
  }

  #noteMalformed(number: number, why: string): void {
    this.#malformed += 1;
    const message = `line ${number} of ${this.#options.commandsFile} is malformed: ${why}`;
    if (this.#options.isMalformedFatal) throw new StartError(`${message}.`);
    this.#progress.warn(`${message}; skipped`);
  }

  #toItem(line: Exclude<LobsterLine, { op: 'row' }>, number: number): BatchItem {
    if (line.op === 'add' || line.op === 'take') return this.#toPlacement(line);
    const order = this.#orderOf(line.id);
    const accountId = this.#accounts.maker;
    const clientRequestId = `${this.#prefix}.${number}`;
    if (line.op === 'cancel') {
      this.#quantities.delete(line.id);
      return { request: { case: 'cancelOrder', value: { accountId, order, clientRequestId } } };
    }
    const quantity = (this.#quantities.get(line.id) ?? 0) - line.by;
    this.#quantities.set(line.id, quantity);
    if (quantity <= 0) {
      return { request: { case: 'cancelOrder', value: { accountId, order, clientRequestId } } };
    }
    const value = { accountId, order, quantity: String(quantity), clientRequestId };
    return { request: { case: 'amendOrder', value } };
  }

  #toPlacement(line: Extract<LobsterLine, { op: 'add' | 'take' }>): BatchItem {
    const isTake = line.op === 'take';
    if (line.op === 'add') this.#quantities.set(line.id, line.quantity);
    else this.#takeCount += 1;
    const id = line.op === 'add' ? line.id : `take-${this.#takeCount}`;
    return {
      request: {
        case: 'placeOrder',
        value: {
          accountId: isTake ? this.#accounts.taker : this.#accounts.maker,
          clientOrderId: `${this.#prefix}.${id}`,
          instrumentId: this.#options.instrumentId,
          side: toSide(line.side),
          type: OrderType.LIMIT,
          orderQuantity: { case: 'quantity', value: String(line.quantity) },
          price: formatDecimal(BigInt(isTake ? line.limit : line.price), PRICE_SCALE),
          timeInForce: isTake ? TimeInForce.IOC : TimeInForce.GTC,
        },
      },
    };
  }

  #orderOf(id: string): MessageInitShape<typeof OrderRefSchema> {
    const { instrumentId } = this.#options;
    return { instrumentId, id: { case: 'clientOrderId', value: `${this.#prefix}.${id}` } };
  }

  #takeResults(
    sent: readonly { readonly line: LobsterLine; readonly number: number }[],
    rows: readonly { readonly after: number; readonly row: number; readonly line: number }[],
    { results, fills }: { readonly results: readonly BatchResult[]; readonly fills: MakerFills },
  ): void {
    let nextRow = 0;
    results.forEach((result, i) => {
      for (; rows[nextRow]?.after === i; nextRow += 1)
        this.#noteRows(rows.slice(nextRow, nextRow + 1));
      const { line, number } = sent[i] as (typeof sent)[number];
      this.#commands += 1;
      const sequence = sequenceOf(result);
      if (sequence > this.#sequence) this.#sequence = sequence;
      const refusal = findRefusal(result);
      if (refusal !== undefined)
        this.#refused.add(`line ${number}: ${line.op} refused: ${refusal}`);
      if (line.op === 'take') {
        const compared = this.#compareTake(line, { result, number, fills });
        this.#pendingTakes.push(compared.catch(this.#failed.reject));
      }
    });
    this.#noteRows(rows.slice(nextRow));
    this.#progress.advance(results.length + rows.length);
  }

  /** A repeated answer tells the present state, so what the book was then cannot be told. */
  #notSeen<Row>(rows: readonly Row[]): readonly Row[] {
    this.#unseen += rows.length;
    return [];
  }

  #noteRows(rows: readonly { readonly row: number; readonly line: number }[]): void {
    for (const { row, line } of rows) {
      this.#waitingRows.push({ row, line, sequence: this.#sequence });
    }
  }

  /** What the recording could not say exactly is what it was here, for the sums. */
  async #compareTake(
    { side, exact, expected }: Extract<LobsterLine, { op: 'take' }>,
    got: { readonly result: BatchResult; readonly number: number; readonly fills: MakerFills },
  ): Promise<void> {
    const { result } = got.result;
    let made: readonly Fill[] = [];
    if (result.case === 'placeOrder') {
      const { order, fills, duplicate } = result.value;
      made = duplicate && order !== undefined ? await this.#fillsOf(order.clientOrderId) : fills;
    }
    const trades = await Promise.all(
      made.map(async ({ tradeId, price, quantity }): Promise<RecordedFill> => {
        const maker = await got.fills.maker(tradeId);
        const makerId = maker.slice(this.#prefix.length + 1);
        return { makerId, price: recordedPrice(price), quantity: Number(quantity) };
      }),
    );
    this.#audit?.addTake(side, exact ? expected : trades);
    if (!exact) return;
    const [have, want] = [textOf(trades), textOf(expected)];
    const difference = `line ${got.number}: take traded [${have}], recorded [${want}]`;
    this.#takes.add(have === want ? undefined : difference);
  }

  /** All fills of an order, oldest first: a repeated answer may hold only its present state. */
  async #fillsOf(clientOrderId: string): Promise<Fill[]> {
    const order = {
      instrumentId: this.#options.instrumentId,
      id: { case: 'clientOrderId' as const, value: clientOrderId },
    };
    const request = { accountId: this.#accounts.taker, order, pageSize: 1_000 };
    const page = await patiently(() => this.#exchange.orders.listFills(request));
    return page.fills.reverse();
  }

  /** Compares the rows whose book is the copy as it is now. */
  #compareRows(through: bigint): void {
    while (this.#waitingRows[0] !== undefined && this.#waitingRows[0].sequence <= through) {
      const waiting = this.#waitingRows.shift() as Waiting;
      const recorded = parseBookRow(this.#recordedRows[waiting.row] ?? '');
      const difference =
        recorded.kind === 'malformed'
          ? `row ${waiting.row}: ${recorded.why}`
          : this.#book.findDifference(recorded.value, DEPTH);
      const where = `line ${waiting.line}: row ${waiting.row} of the book, `;
      this.#rows.add(difference === undefined ? undefined : where + difference);
    }
    this.#wakeReader();
  }

  #skipRows(sequence: bigint): void {
    while (this.#waitingRows[0] !== undefined && this.#waitingRows[0].sequence < sequence) {
      this.#waitingRows.shift();
      this.#unseen += 1;
    }
    this.#wakeReader();
  }

  async #booksPassed(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wakeReader = resolve;
    });
  }
}

function textOf(fills: readonly RecordedFill[]): string {
  return fills.map((fill) => `${fill.makerId} ${fill.quantity}@${fill.price}`).join(', ');
}

function toSide(side: RecordedSide): Side {
  return side === 'buy' ? Side.BUY : Side.SELL;
}

/** A decimal price as the recording counts it. */
function recordedPrice(price: string): number {
  const [whole = '0', fraction = ''] = price.split('.');
  return Number(whole + fraction.padEnd(PRICE_SCALE, '0'));
}

function readRows(path: string): string[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
    if (path.endsWith('.gz')) bytes = gunzipSync(bytes);
  } catch (error) {
    throw new StartError(`The file ${path} cannot be read: ${(error as Error).message}.`);
  }
  return bytes.toString('latin1').trimEnd().split('\n');
}

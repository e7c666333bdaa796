// Streams what happens to an account's orders: a snapshot of the open ones, then every report,
// gap-free over failovers (CON-3). Reports are never dropped: who reads too slowly is cut off with
// the token to go on from.

import { create } from '@bufbuild/protobuf';
import type {
  AccountEvent,
  AccountSnapshot,
  StreamAccountResponse,
} from '../../../../gen/bourse/ledger/v1/service_pb.ts';
import { OrderSchema } from '../../../../gen/bourse/order/v1/order_pb.ts';
import {
  type StreamExecutionReportsRequest,
  type StreamExecutionReportsResponse,
  StreamExecutionReportsResponseSchema,
} from '../../../../gen/bourse/order/v1/service_pb.ts';
import { writeMessage } from '../../../lib/platform/codec/message-writer.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import { outsideOfTrace } from '../../../lib/platform/rpc/client.ts';
import { toOperatingError } from '../../../lib/platform/rpc/error-mapping.ts';
import type { Subscriber } from '../../../lib/platform/rpc/fanout.ts';
import { addToMetric } from '../../../lib/platform/telemetry/metrics.ts';
import { ATTRIBUTES, METRICS } from '../../../lib/platform/telemetry/names.ts';
import { FormCheck } from '../../../lib/rules/form.ts';
import type { TradedInstrument } from '../../domain/instrument.ts';
import { encodeBustReport } from '../codec/bust-report.ts';
import {
  encodeDeclinedReport,
  encodeOrder,
  encodeReport,
  encodeTime,
  type ReportInit,
} from '../codec/order-codec.ts';
import { decodeRecord } from '../codec/record-codec.ts';
import {
  decodeResumeToken,
  encodeResumeToken,
  FROM_THE_BEGINNING,
  type ResumePlace,
  type SeenPoint,
  type StreamPlace,
} from '../codec/tokens.ts';
import type { FlowParts } from '../flow/parts.ts';
import { shardUnavailable } from '../mesh/connections.ts';
import { formError } from '../problems.ts';

const HEARTBEAT_MS = 1_000;
/** Bytes that a reader may leave unread before the source is paused for it. */
const UNREAD_BYTES = 1_048_576;
/** How long it may leave them unread. */
const UNREAD_LIMIT_MS = 5_000;
/** How long no leader may answer before the stream is given up. */
const LEADERLESS_LIMIT_MS = 30_000;
/** A source without a word for this long is left: three of its signs of life are missing. */
const SILENCE_MS = 3_000;
const PAUSE_MS = 50;
const STREAM_LIMIT = 10_000;

const ATTRIBUTES_OF_STREAM = { [ATTRIBUTES.stream]: 'execution-reports' };

/** Serves all streams of execution reports of this process. */
export class ExecutionReports {
  readonly #parts: FlowParts;
  #openCount = 0;

  constructor(parts: FlowParts) {
    this.#parts = parts;
  }

  /** Takes a subscriber in; throws what is wrong with its request. */
  serve(request: StreamExecutionReportsRequest, subscriber: Subscriber): void {
    const { accountId, resumeToken } = request;
    const check = new FormCheck();
    check.requiredId('account_id', accountId);
    if (check.violations.length > 0) throw formError(check.violations);
    const from: ResumePlace =
      resumeToken === '' ? FROM_THE_BEGINNING : decodeResumeToken(accountId, resumeToken);
    if (this.#openCount >= STREAM_LIMIT) {
      const options = { metadata: { limit: String(STREAM_LIMIT) }, retryDelayMs: 1_000 };
      throw new OperatingError('TOO_MANY_STREAMS', 'No more streams can be served.', options);
    }
    this.#openCount++;
    addToMetric(METRICS.streams, 1, ATTRIBUTES_OF_STREAM);
    const stream = new ReportStream(this.#parts, subscriber, { accountId, ...from });
    void outsideOfTrace(() => stream.run()).finally(() => {
      this.#openCount--;
      addToMetric(METRICS.streams, -1, ATTRIBUTES_OF_STREAM);
    });
  }
}

type Message = NonNullable<StreamExecutionReportsResponse['message']>;
type MessageInit = { readonly case: Message['case']; readonly value: object };

class ReportStream {
  readonly #parts: FlowParts;
  readonly #subscriber: Subscriber;
  readonly #accountId: string;
  /** Behind the last message sent. */
  #place: StreamPlace;
  /** What the shard's leaders have called committed; every later one must have it (LOG-12). */
  #seen: SeenPoint;
  /** Shard whose numbers these are. */
  #shardId: string;
  #isStarted = false;
  /** Within the parts of a snapshot that the present source has begun. */
  #isInSnapshot = false;
  /** A message is being dealt with. */
  #isTaking = false;
  #lastSentUs: number;
  #lastHeardUs: number;

  constructor(
    parts: FlowParts,
    subscriber: Subscriber,
    from: ResumePlace & { readonly accountId: string },
  ) {
    this.#parts = parts;
    this.#subscriber = subscriber;
    this.#accountId = from.accountId;
    this.#place = from.place;
    this.#seen = from.seen;
    this.#shardId = from.shardId;
    this.#lastSentUs = parts.world.wallClockUs();
    this.#lastHeardUs = this.#lastSentUs;
  }

  /** Follows the account until the subscriber is gone, cut off or told that the server closes. */
  async run(): Promise<void> {
    const { signal, draining } = this.#subscriber;
    const onDraining = () => this.#close();
    draining.addEventListener('abort', onDraining);
    const heartbeat = this.#keepAlive();
    try {
      if (draining.aborted) this.#close();
      while (!signal.aborted) {
        await this.#follow();
        if (!signal.aborted) await this.#parts.accounts.untilChange(PAUSE_MS, signal);
      }
    } catch (thrown) {
      this.#subscriber.end(toOperatingError(thrown, this.#subscriber.traceId));
    } finally {
      heartbeat.cancel();
      draining.removeEventListener('abort', onDraining);
    }
  }

  /** One stream of the account's shard, to its end; returns when it should be opened again. */
  async #follow(): Promise<void> {
    const { accounts, world } = this.#parts;
    const accountId = this.#accountId;
    const place = this.#place;
    const leader = accounts.leaderOf(accountId);
    if (leader === undefined) return this.#checkLeaderless();
    this.#checkShard(leader.shardId);
    this.#isInSnapshot = false;
    const abort = new AbortController();
    const stop = () => abort.abort();
    this.#subscriber.signal.addEventListener('abort', stop);
    const unwatch = leader.onElsewhere(stop);
    const watchdog = this.#watchSilence(stop);
    try {
      const after = place === 'begin' ? {} : { afterSequence: place };
      const { entryIndex: seenEntryIndex, chainChecksum: seenChainChecksum } = this.#seen;
      const request = { accountId, ...after, seenEntryIndex, seenChainChecksum };
      const { signal } = abort;
      for await (const message of leader.clients.ledger.streamAccount(request, { signal })) {
        this.#lastHeardUs = world.wallClockUs();
        if (message.kind.case === 'closing') return;
        this.#isTaking = true;
        await this.#take(message);
        this.#isTaking = false;
        this.#lastHeardUs = world.wallClockUs();
        if (this.#subscriber.signal.aborted) return;
      }
    } catch (error) {
      this.#isTaking = false;
      if (this.#subscriber.signal.aborted || abort.signal.aborted) return;
      if (!isInterruption(error)) throw error;
      this.#checkLeaderless();
    } finally {
      unwatch();
      watchdog.cancel();
      this.#subscriber.signal.removeEventListener('abort', stop);
      abort.abort();
    }
  }

  /** What came of an account that has moved stands in the numbers of the shard that had it. */
  #checkShard(shardId: string): void {
    if (this.#place !== 'begin' && this.#shardId !== shardId) {
      const message = 'The account has moved to another shard; begin with a snapshot.';
      throw new OperatingError('RESUME_TOKEN_TOO_OLD', message);
    }
    this.#shardId = shardId;
  }

  /** A leader that hangs is left; while a reader is waited for, nobody is listened to. */
  #watchSilence(stop: () => void): { cancel(): void } {
    const { world } = this.#parts;
    let timer = world.setTimer(SILENCE_MS, look);
    const heardUs = () => Math.max(this.#lastHeardUs, openedUs);
    const openedUs = world.wallClockUs();
    const isBusy = () => this.#isTaking;
    function look(): void {
      const silentMs = (world.wallClockUs() - heardUs()) / 1_000;
      if (silentMs >= SILENCE_MS && !isBusy()) stop();
      else timer = world.setTimer(Math.max(10, SILENCE_MS - silentMs), look);
    }
    return { cancel: () => timer.cancel() };
  }

  #checkLeaderless(): void {
    const silentUs = this.#parts.world.wallClockUs() - this.#lastHeardUs;
    if (silentUs > LEADERLESS_LIMIT_MS * 1000) throw shardUnavailable(undefined);
  }

  async #take(message: StreamAccountResponse): Promise<void> {
    const { kind, throughSequence, committedEntryIndex: entryIndex } = message;
    if (entryIndex > 0n) {
      this.#seen = { entryIndex, chainChecksum: message.committedChainChecksum };
    }
    if (!this.#isStarted) this.#start();
    if (kind.case === 'snapshot') await this.#sendSnapshot(kind.value, throughSequence);
    if (kind.case === 'events') {
      for (const event of kind.value.events) await this.#sendEvent(event);
    }
    // Only now: a token must never pass over what is not sent yet.
    if (this.#place !== 'begin' && throughSequence > this.#place) this.#place = throughSequence;
  }

  #start(): void {
    this.#isStarted = true;
    const heartbeatInterval = { seconds: BigInt(HEARTBEAT_MS / 1000), nanos: 0 };
    const resumed = this.#place !== 'begin';
    this.#send({ case: 'started', value: { resumed, heartbeatInterval } });
  }

  /** A part of the snapshot; until the last one a stream that breaks off begins anew. */
  async #sendSnapshot(part: AccountSnapshot, throughSequence: bigint): Promise<void> {
    const orders = [];
    for (const message of part.orders) {
      const instrument = await this.#instrument(message.terms?.instrumentNumber ?? 0);
      orders.push(create(OrderSchema, encodeOrder(instrument, decodeRecord(message))));
    }
    const { complete } = part;
    if (complete) this.#place = throughSequence;
    const first = !this.#isInSnapshot;
    this.#isInSnapshot = !complete;
    this.#send({ case: 'snapshot', value: { orders, complete, first } });
    await this.#waitForReader();
  }

  async #sendEvent({ sequence, event, logTimeUs }: AccountEvent): Promise<void> {
    if (event === undefined) return;
    const { kind, accountSequence } = event;
    let report: ReportInit;
    if (kind.case === 'orderExecuted') {
      const { record } = kind.value;
      const instrument = await this.#instrument(record?.terms?.instrumentNumber ?? 0);
      report = encodeReport(instrument, kind.value);
    } else if (kind.case === 'orderDeclined') {
      const { record: message, previousAccountSequence } = kind.value;
      const instrument = await this.#instrument(message?.terms?.instrumentNumber ?? 0);
      const numbers = { accountSequence, previousAccountSequence };
      report = encodeDeclinedReport(instrument, decodeRecord(message), numbers);
    } else if (kind.case === 'tradeBusted') {
      const instrument = await this.#instrument(kind.value.bust?.instrumentNumber ?? 0);
      report = encodeBustReport(instrument, kind.value, { accountSequence, timeUs: logTimeUs });
    } else {
      return; // changes no order
    }
    this.#place = sequence;
    this.#send({ case: 'report', value: report });
    await this.#waitForReader();
  }

  /** An instrument that was created a moment ago may reach this process after its first order. */
  async #instrument(instrumentNumber: number): Promise<TradedInstrument> {
    for (let waitedMs = 0; ; waitedMs += PAUSE_MS) {
      const instrument = this.#parts.instruments.findByNumber(instrumentNumber);
      if (instrument !== undefined) return instrument;
      if (waitedMs > UNREAD_LIMIT_MS) {
        throw new OperatingError('NOT_READY', 'An instrument is not known here yet.');
      }
      await this.#pause(PAUSE_MS);
    }
  }

  #token(): string {
    const resume = { place: this.#place, seen: this.#seen, shardId: this.#shardId };
    return encodeResumeToken(this.#accountId, resume);
  }

  #send(message: MessageInit): void {
    const resumeToken = this.#token();
    const init = { resumeToken, message };
    this.#subscriber.write(writeMessage(StreamExecutionReportsResponseSchema, init));
    this.#lastSentUs = this.#parts.world.wallClockUs();
    addToMetric(METRICS.streamMessages, 1, ATTRIBUTES_OF_STREAM);
  }

  /** Pauses the source while the reader is behind, and cuts off who stays behind. */
  async #waitForReader(): Promise<void> {
    const { signal } = this.#subscriber;
    if (this.#subscriber.bufferedBytes <= UNREAD_BYTES || signal.aborted) return;
    const limitUs = this.#parts.world.wallClockUs() + UNREAD_LIMIT_MS * 1000;
    while (this.#subscriber.bufferedBytes > UNREAD_BYTES / 2 && !signal.aborted) {
      if (this.#parts.world.wallClockUs() > limitUs) {
        throw this.#tooSlow();
      }
      await this.#pause(PAUSE_MS);
    }
  }

  #tooSlow(): OperatingError {
    addToMetric(METRICS.streamsTooSlow, 1, ATTRIBUTES_OF_STREAM);
    const metadata = { resume_token: this.#token() };
    const options = { metadata, retryDelayMs: 100 };
    return new OperatingError('SUBSCRIBER_TOO_SLOW', 'The reader is too slow.', options);
  }

  /** Heartbeats when nothing is sent, as long as the account's shard is heard itself. */
  #keepAlive(): { cancel(): void } {
    const { world } = this.#parts;
    let timer = world.setTimer(HEARTBEAT_MS / 2, tick);
    const beat = () => {
      const nowUs = world.wallClockUs();
      const isSilent = nowUs - this.#lastSentUs >= (HEARTBEAT_MS * 1000) / 2;
      const isHeard = nowUs - this.#lastHeardUs < HEARTBEAT_MS * 1000;
      if (!this.#isStarted || !isSilent || !isHeard || this.#subscriber.signal.aborted) return;
      this.#send({ case: 'heartbeat', value: { sendTime: encodeTime(nowUs) } });
    };
    function tick(): void {
      beat();
      timer = world.setTimer(HEARTBEAT_MS / 2, tick);
    }
    return { cancel: () => timer.cancel() };
  }

  /** A planned end: said, then done; the reader goes on elsewhere with its last token. */
  #close(): void {
    if (this.#subscriber.signal.aborted) return;
    const grace = { seconds: 0n, nanos: 0 };
    this.#send({ case: 'closing', value: { comment: 'The server is shutting down.', grace } });
    this.#subscriber.end();
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.world.setTimer(delayMs, resolve);
    });
  }
}

/** Whether the same stream can be opened again, at the same or another node. */
function isInterruption(error: unknown): boolean {
  if (!(error instanceof OperatingError)) return false;
  switch (error.reason) {
    case 'NOT_LEADER':
    case 'WRONG_SHARD':
    case 'NOT_READY':
    case 'SLOT_MOVING':
    case 'LOG_UNAVAILABLE':
      return true;
    default:
      return error.reason === undefined && error.isOutcomeUnknown;
  }
}

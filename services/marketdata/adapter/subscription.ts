// What all of market data's streams share: how they begin, stay alive and end, and that a message
// is encoded once for everybody and only the resume token is put before it.

import type { DescMessage } from '@bufbuild/protobuf';
import { writeMessage } from '../../lib/platform/codec/message-writer.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { Subscriber } from '../../lib/platform/rpc/fanout.ts';
import type { FeedEntry, MarketWorld } from './feeds.ts';
import { encodeToken, encodeTokenField, type StreamKind } from './resume-token.ts';
import { showTime } from './shown.ts';

/** A stream that is silent for longer sends a heartbeat. */
export const HEARTBEAT_INTERVAL_MS = 1_000;
/** A subscriber with more waiting than this gets merged updates, where they can be merged. */
export const MERGE_ABOVE_BYTES = 256 * 1024;
/** A subscriber with more waiting than this is cut off, where nothing can be merged. */
export const CUT_OFF_ABOVE_BYTES = 4 * 1024 * 1024;
/** How long a stream goes on after it has said that it will end. */
const CLOSING_GRACE_MS = 100;

/** Fields that every stream's response has besides its own. */
type StreamMessage = 'started' | 'heartbeat' | 'closing';

export abstract class Subscription {
  protected readonly subscriber: Subscriber;
  /** Sequence that the client has, by instrument number. */
  protected readonly places = new Map<number, number>();
  readonly kind: StreamKind;
  readonly #world: MarketWorld;
  readonly #schema: DescMessage;
  #entries: readonly FeedEntry[];
  #isQuiet = true;
  #cleanUps: (() => void)[] = [];

  constructor(
    subscriber: Subscriber,
    world: MarketWorld,
    { kind, schema }: { readonly kind: StreamKind; readonly schema: DescMessage },
  ) {
    this.subscriber = subscriber;
    this.#world = world;
    this.kind = kind;
    this.#schema = schema;
    this.#entries = [];
    subscriber.signal.addEventListener('abort', () => this.#close());
    const close = (): void => this.#announceClosing();
    subscriber.draining.addEventListener('abort', close);
    this.onClose(() => subscriber.draining.removeEventListener('abort', close));
  }

  /** Runs when the stream is over, whoever ended it. */
  onClose(cleanUp: () => void): void {
    if (this.subscriber.signal.aborted) cleanUp();
    else this.#cleanUps.push(cleanUp);
  }

  /** Sends a heartbeat when nothing was sent since the last call. */
  beat(): void {
    if (this.#isQuiet) this.send('heartbeat', this.#heartbeat());
    this.#isQuiet = true;
  }

  protected begin(entries: readonly FeedEntry[], resumed: boolean): void {
    this.#entries = entries;
    const heartbeatInterval = { seconds: BigInt(HEARTBEAT_INTERVAL_MS / 1000), nanos: 0 };
    this.send('started', { resumed, heartbeatInterval });
  }

  protected addEntry(entry: FeedEntry): void {
    this.#entries = [...this.#entries, entry];
  }

  /** Encodes one message for this subscriber alone. */
  protected send(kind: StreamMessage | 'snapshot' | 'update' | 'updates', value: object): void {
    this.write(encodeMessage(this.#schema, kind, value));
  }

  /** Writes a message that was encoded without its token. */
  protected write(encoded: Uint8Array, tokenField = this.#tokenField()): void {
    this.#isQuiet = false;
    this.subscriber.write(Buffer.concat([tokenField, encoded]));
  }

  /** Ends the stream of a client that reads too slowly for what may not be dropped. */
  protected cutOff(): void {
    this.subscriber.end(
      new OperatingError('SUBSCRIBER_TOO_SLOW', 'The client reads too slowly for this stream.', {
        metadata: { resume_token: encodeToken(this.kind, this.places) },
      }),
    );
  }

  /** Sequence of an instrument up to which nothing waits to be sent. */
  protected covered(entry: FeedEntry): number {
    return entry.feed.sequence;
  }

  #tokenField(): Uint8Array {
    return encodeTokenField(encodeToken(this.kind, this.places));
  }

  #heartbeat(): object {
    const places = this.#entries.map((entry) => ({
      instrumentId: entry.scale?.instrumentId ?? '',
      sequence: BigInt(this.covered(entry)),
      stale: entry.isStale,
    }));
    return { sendTime: showTime(this.#world.wallClockUs()), places };
  }

  #announceClosing(): void {
    const grace = { seconds: 0n, nanos: CLOSING_GRACE_MS * 1_000_000 };
    this.send('closing', { comment: 'The server is stopping; stream again elsewhere.', grace });
    this.#world.setTimer(CLOSING_GRACE_MS, () => this.subscriber.end());
  }

  #close(): void {
    const cleanUps = this.#cleanUps;
    this.#cleanUps = [];
    for (const cleanUp of cleanUps) cleanUp();
  }
}

/** Encodes a stream's message without its resume token, for any number of subscribers. */
export function encodeMessage(schema: DescMessage, kind: string, value: object): Uint8Array {
  return writeMessage(schema, { message: { case: kind, value } });
}

// Keeps one stream open at whoever leads a shard (CON-2): leaves a leader when the table shows one
// of a higher epoch, when it is silent, or when it says that it closes; and comes back by the
// table's change, so that nobody is asked again and again.

import { OperatingError } from '../errors/operating-error.ts';
import { outsideOfTrace } from '../rpc/client.ts';
import { type ClusterWorld, pause } from './cluster-world.ts';
import {
  findLeader,
  type LeaderPlace,
  NO_EPOCH,
  onNewerLeader,
  type TableWatch,
} from './leader-place.ts';

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 250;
/** Who closes, or does not lead, is asked again in vain: it is the table's change that tells. */
const REDIRECT_PAUSE_MS = 50;
/** A first message may take longer: a connection, and events that are read from the log. */
const FIRST_MESSAGE_FACTOR = 3;

/** Why a stream is over. */
export type StreamEnd =
  /** The sender said so, or ended it without a word. */
  | { readonly kind: 'ended' }
  /** Nothing came for too long. */
  | { readonly kind: 'silent' }
  /** Another leads the shard. */
  | { readonly kind: 'ledElsewhere' }
  /** `restart` was called. */
  | { readonly kind: 'restarted' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** `closing` ends the stream: the sender has said that it will. */
export type MessageEnd = 'closing' | undefined;

export type FollowLeaderOptions<Message> = {
  readonly watch: TableWatch;
  readonly world: Pick<ClusterWorld, 'setTimer'>;
  readonly shardId: string;
  /** A stream without a message for this long counts as dead. */
  readonly silenceMs: number;
  /** Opens the stream at a leader, once what came from the one before is dealt with. */
  readonly open: (
    leader: LeaderPlace,
    signal: AbortSignal,
  ) => AsyncIterable<Message> | Promise<AsyncIterable<Message>>;
  /** Deals with a message. While it takes, nothing counts as silence. */
  readonly onMessage: (message: Message) => MessageEnd | Promise<MessageEnd>;
  /** Told how a stream ended and whether it had brought anything; true ends the following. */
  readonly onEnd?: (end: StreamEnd, heard: boolean, leader: LeaderPlace) => boolean;
};

/** Follows for as long as `stop` is not called. */
export class LeaderFollower<Message> {
  readonly #options: FollowLeaderOptions<Message>;
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;
  #endStream: ((end: StreamEnd) => void) | undefined;

  constructor(options: FollowLeaderOptions<Message>) {
    this.#options = options;
    // Outside of the turn, so that its owner is complete when it is first called.
    this.#done = outsideOfTrace(() => Promise.resolve().then(() => this.#run()));
  }

  /** Ends the present stream and opens it anew. */
  restart(): void {
    this.#endStream?.({ kind: 'restarted' });
  }

  /** Ends the stream and resolves when nothing runs any more. */
  stop(): Promise<void> {
    this.#abort.abort();
    return this.#done;
  }

  async #run(): Promise<void> {
    const { watch, shardId, onEnd } = this.#options;
    const { signal } = this.#abort;
    let pauseMs = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      const leader = findLeader(watch.table(), shardId);
      if (leader === undefined) {
        await this.#untilLedSince(NO_EPOCH);
        continue;
      }
      const { end, heard } = await this.#follow(leader);
      if (signal.aborted) return;
      if (onEnd?.(end, heard, leader) === true) return;
      if (heard && end.kind !== 'restarted') pauseMs = FIRST_PAUSE_MS;
      const isVain = end.kind === 'ended' || (end.kind === 'failed' && isRedirect(end.error));
      if (isVain) pauseMs = Math.max(pauseMs, REDIRECT_PAUSE_MS);
      await this.#untilLedSince(leader.epoch, pauseMs);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  /** Waits for a leader of a higher epoch, or for a while. */
  async #untilLedSince(epoch: number, delayMs?: number): Promise<void> {
    const { watch, world, shardId } = this.#options;
    const waiting = new AbortController();
    const finish = (): void => waiting.abort();
    this.#abort.signal.addEventListener('abort', finish);
    const unwatch = onNewerLeader(watch, { shardId, epoch }, finish);
    const { signal } = waiting;
    if (this.#abort.signal.aborted) finish();
    if (delayMs !== undefined) await pause(world, delayMs, signal);
    else if (!signal.aborted) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    }
    unwatch();
    this.#abort.signal.removeEventListener('abort', finish);
  }

  async #follow(
    leader: LeaderPlace,
  ): Promise<{ readonly end: StreamEnd; readonly heard: boolean }> {
    const { watch, world, shardId, silenceMs, open, onMessage } = this.#options;
    const stream = new AbortController();
    let end: StreamEnd = { kind: 'ended' };
    let heard = false;
    const endStream = (why: StreamEnd): void => {
      if (stream.signal.aborted) return;
      end = why;
      stream.abort();
    };
    const stop = (): void => endStream({ kind: 'ended' });
    this.#endStream = endStream;
    this.#abort.signal.addEventListener('abort', stop);
    const at = { shardId, epoch: leader.epoch };
    const unwatch = onNewerLeader(watch, at, () => endStream({ kind: 'ledElsewhere' }));
    const silent = (): void => endStream({ kind: 'silent' });
    let watchdog = world.setTimer(silenceMs * FIRST_MESSAGE_FACTOR, silent);
    try {
      if (this.#abort.signal.aborted) return { end, heard };
      const messages = await open(leader, stream.signal);
      for await (const message of messages) {
        watchdog.cancel();
        if (stream.signal.aborted) break;
        heard = true;
        if ((await onMessage(message)) === 'closing') break;
        watchdog.cancel();
        watchdog = world.setTimer(silenceMs, silent);
      }
    } catch (error) {
      if (!stream.signal.aborted) end = { kind: 'failed', error };
    } finally {
      watchdog.cancel();
      unwatch();
      this.#endStream = undefined;
      this.#abort.signal.removeEventListener('abort', stop);
      stream.abort();
    }
    return { end, heard };
  }
}

function isRedirect(error: unknown): boolean {
  return error instanceof OperatingError && error.reason === 'NOT_LEADER';
}

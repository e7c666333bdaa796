// Follows one account: a snapshot of its open orders and balances, then its events, gap-free; or
// only what came behind a position. Nothing is shown before it is committed (LOG-5).
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import type { World } from '../../../lib/shard/world.ts';
import type { BalanceAfter } from '../../domain/event.ts';
import type { OrderRecord } from '../../domain/order.ts';
import { balancesOf, openOrders } from '../../domain/queries.ts';
import { isRefusal } from '../../domain/state.ts';
import { type AccountShard, notLeader } from './account-shard.ts';
import type { Happening } from './activity.ts';
import { accountUnknown } from './refusals.ts';

export type AccountSnapshot = {
  readonly accountNumber: number;
  readonly orders: readonly OrderRecord[];
  readonly balances: readonly BalanceAfter[];
  readonly accountSequence: number;
};

/** How far a message reaches. */
type Reach = { readonly throughSequence: number; readonly logTimeUs: number };

export type AccountMessage = Reach &
  (
    | { readonly kind: 'snapshot'; readonly snapshot: AccountSnapshot }
    | { readonly kind: 'events'; readonly happenings: readonly Happening[] }
    | { readonly kind: 'heartbeat' }
    /** The last message: go on elsewhere. */
    | { readonly kind: 'closing' }
  );

export type FollowAccountOptions = {
  readonly shard: AccountShard;
  readonly world: World;
  readonly accountId: string;
  /** Only what came behind this shard sequence; a snapshot first when absent. */
  readonly afterSequence: number | undefined;
  readonly heartbeatMs: number;
  /** Aborted when nobody reads any more. */
  readonly signal: AbortSignal;
  /** Aborted when the server drains. */
  readonly draining: AbortSignal;
  /** Makes fewer of the events that wait for a slow reader; without it the stream ends. */
  readonly merge?: (waiting: readonly Happening[]) => Happening[];
  /** Leaves the open orders, which may be many, out of the snapshot. */
  readonly withoutOrders?: boolean;
};

/** Events that may wait for a slow reader. */
const MOST_WAITING = 10_000;

/**
 * @throws OperatingError NOT_LEADER, ACCOUNT_UNKNOWN, RESUME_TOKEN_TOO_OLD, SUBSCRIBER_TOO_SLOW,
 * WRONG_SHARD, LOG_UNAVAILABLE.
 */
export async function* followAccount(
  options: FollowAccountOptions,
): AsyncGenerator<AccountMessage, void, void> {
  const { shard, accountId, afterSequence } = options;
  const ended = shard.leadershipSignal;
  if (ended === undefined) throw notLeader(shard.host.shardId);
  const start = await shard.read((state, place) => {
    const account = state.findAccount(accountId);
    if (isRefusal(account)) return { refusal: account };
    const { accountNumber, accountSequence } = account;
    if (afterSequence !== undefined) return { accountNumber, place, snapshot: undefined };
    const orders = options.withoutOrders === true ? [] : openOrders(account);
    const balances = balancesOf(account);
    const snapshot = { accountNumber, orders, balances, accountSequence };
    return { accountNumber, place, snapshot };
  });
  if ('refusal' in start) throw accountUnknown(start.refusal, accountId);
  const { accountNumber, place, snapshot } = start;
  const follower = new AccountFollower(options, accountNumber, ended);
  try {
    if (snapshot !== undefined) {
      follower.resume(place.lastSequence, place.lastSequence);
      const reach = { throughSequence: place.lastSequence, logTimeUs: place.logTimeUs };
      yield { kind: 'snapshot', snapshot, ...reach };
    } else {
      await shard.recall(place.lastSequence);
      follower.resume(afterSequence ?? 0, place.lastSequence);
    }
    yield* follower.messages();
  } finally {
    follower.close();
  }
}

class AccountFollower {
  readonly #options: FollowAccountOptions;
  readonly #accountNumber: number;
  readonly #ended: AbortSignal;
  readonly #stopListening: () => void;
  #waiting: Happening[] = [];
  #sentSequence = 0;
  #isTooSlow = false;
  #wake: (() => void) | undefined;

  constructor(options: FollowAccountOptions, accountNumber: number, ended: AbortSignal) {
    this.#options = options;
    this.#accountNumber = accountNumber;
    this.#ended = ended;
    const { activity } = options.shard;
    // Before the activity has come as far as the snapshot, its events are already in the snapshot.
    this.#stopListening = activity.listen(accountNumber, (happenings) => this.#hear(happenings));
    for (const signal of this.#ends()) signal.addEventListener('abort', this.#onEnd);
  }

  readonly #onEnd = (): void => this.#wake?.();

  #ends(): readonly AbortSignal[] {
    return [this.#options.signal, this.#options.draining, this.#ended];
  }

  close(): void {
    this.#stopListening();
    for (const signal of this.#ends()) signal.removeEventListener('abort', this.#onEnd);
  }

  /** Begins behind a sequence that the snapshot, or an earlier stream, has reached. */
  resume(afterSequence: number, lastSequence: number): void {
    const { activity } = this.#options.shard;
    const missed =
      afterSequence > lastSequence
        ? undefined
        : activity.findAfter(this.#accountNumber, afterSequence);
    if (missed === undefined) {
      const sentence = 'What follows this position is no longer kept.';
      throw new OperatingError('RESUME_TOKEN_TOO_OLD', sentence);
    }
    this.#sentSequence = afterSequence;
    this.#waiting = missed.slice();
  }

  #hear(happenings: readonly Happening[]): void {
    if (this.#isTooSlow) return;
    for (const happening of happenings) {
      if (happening.sequence > this.#sentSequence) this.#waiting.push(happening);
    }
    if (this.#waiting.length > MOST_WAITING) {
      const { merge } = this.#options;
      if (merge === undefined) this.#isTooSlow = true;
      else this.#waiting = merge(this.#waiting);
    }
    this.#wake?.();
  }

  async *messages(): AsyncGenerator<AccountMessage, void, void> {
    const { signal, draining } = this.#options;
    while (!signal.aborted) {
      if (this.#isTooSlow) {
        const sentence = 'The stream grew faster than it was read; go on from its last position.';
        throw new OperatingError('SUBSCRIBER_TOO_SLOW', sentence);
      }
      const happenings = this.#waiting;
      if (happenings.length > 0) {
        this.#waiting = [];
        const last = happenings.at(-1) as Happening;
        this.#sentSequence = last.sequence;
        const { sequence: throughSequence, logTimeUs } = last;
        yield { kind: 'events', happenings, throughSequence, logTimeUs };
      } else if (draining.aborted || this.#ended.aborted) {
        yield { kind: 'closing', ...this.#reach() };
        return;
      } else if (await this.#isSilent()) {
        yield { kind: 'heartbeat', ...this.#reach() };
      }
    }
  }

  #reach(): Reach {
    const { sequence, logTimeUs } = this.#options.shard.activity.place;
    return { throughSequence: Math.max(sequence, this.#sentSequence), logTimeUs };
  }

  /** Waits for something to happen; true when nothing did for a heartbeat's time. */
  async #isSilent(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.#options.world.setTimer(this.#options.heartbeatMs, () => {
        this.#wake = undefined;
        resolve(true);
      });
      this.#wake = () => {
        this.#wake = undefined;
        timer.cancel();
        resolve(false);
      };
    });
  }
}

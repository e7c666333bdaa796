// Follows one account: a snapshot of its open orders and balances, then its events, gap-free; or
// only what came behind a position. A stream has no queue of its own: it reads on where it stands,
// in the memory of what happened lately, or, when that has forgotten it, in the shard's log.
// Nothing is shown before it is committed (LOG-5).
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import type { LogPoint } from '../../../lib/shard/log-entry.ts';
import { HistoryGone } from '../../../lib/shard/log-history.ts';
import { LogUnreachable, type World } from '../../../lib/shard/world.ts';
import type { BalanceAfter } from '../../domain/event.ts';
import type { OrderRecord } from '../../domain/order.ts';
import { balancesOf, openOrders } from '../../domain/queries.ts';
import { isRefusal } from '../../domain/state.ts';
import type { AccountShard } from './account-shard.ts';
import { StoredHappening } from './happening.ts';
import { accountUnknown, logUnavailable } from './refusals.ts';

export type AccountSnapshot = {
  readonly accountNumber: number;
  /** Open orders; empty for a reader who only wants balances. */
  readonly orders: readonly OrderRecord[];
  readonly balances: readonly BalanceAfter[];
  readonly accountSequence: number;
};

/** How far a message reaches. */
type Reach = { readonly throughSequence: number; readonly logTimeUs: number };

export type AccountMessage = Reach &
  (
    | { readonly kind: 'snapshot'; readonly snapshot: AccountSnapshot }
    | { readonly kind: 'events'; readonly happenings: readonly StoredHappening[] }
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
  /** A committed entry that the reader has seen (LOG-12), if it has. */
  readonly seen: LogPoint | undefined;
  readonly heartbeatMs: number;
  /** Aborted when nobody reads any more. */
  readonly signal: AbortSignal;
  /** Aborted when the server drains. */
  readonly draining: AbortSignal;
  /**
   * `events`: every one, older ones from the log. `balances`: where events are forgotten, a
   * snapshot of the balances stands for them.
   */
  readonly wants: 'events' | 'balances';
};

/** Events that are taken from memory at a time. */
const EVENTS_PER_PAGE = 1_000;

/**
 * @throws OperatingError NOT_LEADER, ACCOUNT_UNKNOWN, RESUME_TOKEN_TOO_OLD, WRONG_SHARD,
 * LOG_FORKED, LOG_UNAVAILABLE.
 */
export async function* followAccount(
  options: FollowAccountOptions,
): AsyncGenerator<AccountMessage, void, void> {
  const { shard, afterSequence, seen } = options;
  const ended = shard.leadershipSignal;
  if (ended === undefined) throw shard.notLeader();
  const start = await readAccount(options, afterSequence === undefined ? options.wants : undefined);
  if (seen !== undefined) await shard.checkSeen(seen);
  if (afterSequence !== undefined) {
    // What was before an account came here stands in another shard's log.
    const isElsewhere = afterSequence < shard.activity.arrivedAt(start.accountNumber);
    if (isElsewhere || afterSequence > start.throughSequence) throw tooOld();
  }
  const follower = new AccountFollower(options, start, ended);
  try {
    yield* follower.messages();
  } finally {
    follower.close();
  }
}

type AccountStart = Reach & {
  readonly accountNumber: number;
  readonly snapshot: AccountSnapshot | undefined;
};

/** The account as it is, with what is asked of it. */
async function readAccount(
  { shard, accountId }: FollowAccountOptions,
  wants: FollowAccountOptions['wants'] | undefined,
): Promise<AccountStart> {
  return shard.read((state, place) => {
    const account = state.findAccount(accountId);
    if (isRefusal(account)) throw accountUnknown(account, accountId);
    const { accountNumber, accountSequence } = account;
    const reach = { throughSequence: place.lastSequence, logTimeUs: place.logTimeUs };
    if (wants === undefined) return { ...reach, accountNumber, snapshot: undefined };
    const orders = wants === 'events' ? openOrders(account) : [];
    const balances = balancesOf(account);
    const snapshot = { accountNumber, orders, balances, accountSequence };
    return { ...reach, accountNumber, snapshot };
  });
}

function tooOld(): OperatingError {
  const sentence = 'The log of the shard does not hold what follows this position.';
  return new OperatingError('RESUME_TOKEN_TOO_OLD', sentence);
}

class AccountFollower {
  readonly #options: FollowAccountOptions;
  readonly #start: AccountStart;
  readonly #ended: AbortSignal;
  readonly #stopListening: () => void;
  /** Every event of the account up to here has been sent. */
  #sentSequence: number;
  #sentUs = Number.NEGATIVE_INFINITY;
  #wake: (() => void) | undefined;

  constructor(options: FollowAccountOptions, start: AccountStart, ended: AbortSignal) {
    this.#options = options;
    this.#start = start;
    this.#ended = ended;
    this.#sentSequence = options.afterSequence ?? start.throughSequence;
    const { activity } = options.shard;
    this.#stopListening = activity.listen(start.accountNumber, this.#onNews);
    for (const signal of this.#ends()) signal.addEventListener('abort', this.#onNews);
  }

  readonly #onNews = (): void => this.#wake?.();

  #ends(): readonly AbortSignal[] {
    return [this.#options.signal, this.#options.draining, this.#ended];
  }

  close(): void {
    this.#stopListening();
    for (const signal of this.#ends()) signal.removeEventListener('abort', this.#onNews);
  }

  async *messages(): AsyncGenerator<AccountMessage, void, void> {
    const { signal, draining, shard, wants } = this.#options;
    const { accountNumber } = this.#start;
    const { snapshot, ...reach } = this.#start;
    if (snapshot !== undefined) yield { kind: 'snapshot', snapshot, ...reach };
    // A resumed stream says at once that it is there; that of balances has said so by itself.
    else if (wants === 'events') yield this.#heartbeat();
    while (!signal.aborted) {
      const page = shard.activity.findAfter(accountNumber, this.#sentSequence, EVENTS_PER_PAGE);
      const last = page?.at(-1);
      const isEnding = draining.aborted || this.#ended.aborted || !shard.serves(accountNumber);
      if (page !== undefined && last !== undefined) {
        yield this.#events(page, { throughSequence: last.sequence, logTimeUs: last.logTimeUs });
      } else if (isEnding) {
        yield { kind: 'closing', ...this.#reach() };
        return;
      } else if (page === undefined) {
        yield* wants === 'events' ? this.#fromLog() : this.#anew();
      } else if (await this.#isSilent()) {
        yield this.#heartbeat();
      }
    }
  }

  #events(happenings: readonly StoredHappening[], reach: Reach): AccountMessage {
    this.#note(reach.throughSequence);
    return { kind: 'events', happenings, ...reach };
  }

  #heartbeat(): AccountMessage {
    const reach = this.#reach();
    this.#note(reach.throughSequence);
    return { kind: 'heartbeat', ...reach };
  }

  #note(throughSequence: number): void {
    this.#sentSequence = throughSequence;
    this.#sentUs = this.#options.world.monotonicUs();
  }

  /** How far the account is sent when memory has nothing behind the last event that was. */
  #reach(): Reach {
    const { activity } = this.#options.shard;
    const { accountNumber } = this.#start;
    const { sequence, logTimeUs } = activity.place;
    const behind = activity.findAfter(accountNumber, this.#sentSequence, 1);
    const isAll = behind !== undefined && behind.length === 0;
    const throughSequence = isAll ? Math.max(sequence, this.#sentSequence) : this.#sentSequence;
    return { throughSequence, logTimeUs };
  }

  /** What memory has forgotten, from the log, as far as the log reaches now. */
  async *#fromLog(): AsyncGenerator<AccountMessage, void, void> {
    const { shard, world, signal, draining, heartbeatMs } = this.#options;
    const { accountNumber } = this.#start;
    const end = shard.host.position;
    if (end === undefined) throw shard.notLeader();
    try {
      for await (const step of shard.history.read(this.#sentSequence + 1, end, accountNumber)) {
        if (signal.aborted || draining.aborted || this.#ended.aborted) return;
        const { events, ...reach } = step;
        const silentMs = (world.monotonicUs() - this.#sentUs) / 1000;
        if (events.length > 0)
          yield this.#events(
            events.map((stored) => new StoredHappening(stored)),
            reach,
          );
        else if (silentMs < heartbeatMs / 2) this.#sentSequence = reach.throughSequence;
        else {
          this.#note(reach.throughSequence);
          yield { kind: 'heartbeat', ...reach };
        }
        // Memory may have what follows.
        if (shard.activity.findAfter(accountNumber, this.#sentSequence, 1) !== undefined) return;
      }
    } catch (error) {
      if (error instanceof HistoryGone) throw tooOld();
      if (error instanceof LogUnreachable) throw logUnavailable(shard.host.shardId);
      throw error;
    }
  }

  /** The balances as they are now, in place of the events that led to them. */
  async *#anew(): AsyncGenerator<AccountMessage, void, void> {
    const { snapshot, accountNumber: _, ...reach } = await readAccount(this.#options, 'balances');
    if (snapshot === undefined) return;
    this.#note(reach.throughSequence);
    yield { kind: 'snapshot', snapshot, ...reach };
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

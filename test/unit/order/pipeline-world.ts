// A simulated world for pipelines: time that the test moves, and shards that answer when it says.

import type {
  CommandResult,
  FlowWorld,
  Link,
  LinkListener,
  NumberedCommand,
  Settled,
} from '../../../services/order/adapter/pipeline/propose-pipeline.ts';
import { SlotRouter } from '../../../services/order/adapter/pipeline/slot-router.ts';

type Command = NumberedCommand<string, string>;

export type OpenedLink = {
  readonly shardId: string;
  /** Where it leads to; undefined: to the leader. */
  readonly address: string | undefined;
  readonly batches: Command[][];
  readonly listener: LinkListener<string>;
  isClosed: boolean;
};

type AnswerOptions = {
  readonly refuse?: Readonly<Record<string, string>>;
  readonly link?: OpenedLink;
  readonly detail?: Readonly<Record<string, string>>;
};

type SendOptions = {
  readonly slot?: number;
  readonly owner?: number;
  readonly isUrgent?: boolean;
  readonly orderingGroup?: bigint;
  readonly insists?: boolean;
  readonly validMs?: number;
};

export class PipelineWorld {
  nowUs = 1_000_000_000;
  readonly links: OpenedLink[] = [];
  readonly owners = new Map<number, string>();
  /** Shards without a leader. */
  readonly leaderless = new Set<string>();
  /** Epochs of leaders; 1 when not said. */
  readonly epochs = new Map<string, number>();
  readonly addresses = new Map<string, string>();
  readonly settled: { identity: string; settled: Settled<string> }[] = [];
  readonly router: SlotRouter<string, string>;
  readonly #turns: (() => void)[] = [];
  #timers: { dueUs: number; callback: () => void }[] = [];
  readonly #placementListeners = new Set<() => void>();

  constructor() {
    const world: FlowWorld = {
      wallClockUs: () => this.nowUs,
      nextTurn: (callback) => this.#turns.push(callback),
      randomBytes: (count) => new Uint8Array(count),
      setTimer: (delayMs, callback) => {
        const timer = { dueUs: this.nowUs + delayMs * 1000, callback };
        this.#timers.push(timer);
        return { cancel: () => this.#timers.splice(this.#timers.indexOf(timer) >>> 0, 1) };
      },
    };
    this.router = new SlotRouter({
      world,
      openLink: (shardId, listener, address) => this.#open(shardId, listener, address),
      leaderAddressOf: (shardId) => this.addresses.get(shardId),
      leaderEpochOf: (shardId) =>
        this.leaderless.has(shardId) ? undefined : (this.epochs.get(shardId) ?? 1),
      onPlacementChange: (run) => {
        this.#placementListeners.add(run);
        return () => this.#placementListeners.delete(run);
      },
      findShardId: (slot) => this.owners.get(slot),
    });
  }

  /** Sends a command whose identity is its text. */
  send(identity: string, options: SendOptions = {}) {
    return this.router.send(options.slot ?? 1, {
      owner: options.owner,
      isUrgent: options.isUrgent ?? false,
      orderingGroup: options.orderingGroup ?? 0n,
      identity,
      validUntilUs: this.nowUs + (options.validMs ?? 10_000) * 1000,
      traceContext: '',
      content: identity,
      insists: options.insists ?? true,
      settle: (settled) => this.settled.push({ identity, settled }),
    });
  }

  /** Runs what is due now. */
  turn(): void {
    for (const run of this.#turns.splice(0)) run();
  }

  /** Lets time pass, with everything that falls due in it. */
  pass(delayMs: number): void {
    const untilUs = this.nowUs + delayMs * 1000;
    for (;;) {
      this.turn();
      const due = this.#timers.filter((timer) => timer.dueUs <= untilUs);
      const next = due.sort((one, other) => one.dueUs - other.dueUs)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.nowUs = next.dueUs;
      next.callback();
    }
    this.nowUs = untilUs;
  }

  changePlacement(): void {
    for (const run of this.#placementListeners) run();
    this.turn();
  }

  get link(): OpenedLink {
    const link = this.links.at(-1);
    if (link === undefined) throw new Error('no link is open');
    return link;
  }

  /** Identities of every batch sent on the last link. */
  get batches(): string[][] {
    return this.link.batches.map((batch) => batch.map((command) => command.identity));
  }

  /**
   * Answers the last batch of a link; `refuse` names commands and their reasons.
   *
   * @param detail of every refusal
   */
  answer(
    refuse: Record<string, string> = {},
    link = this.link,
    detail: Record<string, string> = {},
  ): void {
    this.answerBatch(-1, { refuse, link, detail });
  }

  /** Answers one of a link's batches. */
  answerBatch(
    index: number,
    { refuse = {}, link = this.link, detail = {} }: AnswerOptions = {},
  ): void {
    const results = (link.batches.at(index) ?? []).map((command): CommandResult<string> => {
      const reason = refuse[command.identity];
      if (reason !== undefined) {
        const settled = { kind: 'refused', reason: reason as never, detail } as const;
        return { number: command.number, settled };
      }
      const settled = { kind: 'committed', committed: command.identity, duplicate: false } as const;
      return { number: command.number, settled };
    });
    link.listener.onResults(results);
    this.turn();
  }

  get committed(): string[] {
    return this.settled
      .filter(({ settled }) => settled.kind === 'committed')
      .map(({ identity }) => identity);
  }

  #open(
    shardId: string,
    listener: LinkListener<string>,
    address?: string,
  ): Link<string, string> | undefined {
    if (address === undefined && this.leaderless.has(shardId)) return undefined;
    const link: OpenedLink = { shardId, address, batches: [], listener, isClosed: false };
    this.links.push(link);
    return {
      send: (batch) => link.batches.push([...batch]),
      close: () => {
        link.isClosed = true;
      },
    };
  }
}

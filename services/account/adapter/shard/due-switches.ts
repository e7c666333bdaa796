// Does what dead man's switches that went off have to do (CXL-2): cancels everything of the account
// in each instrument and forbids what has not arrived, with identities derived from the switch,
// again and again until the books have answered and it is settled. What is to do stands in the
// shard's state, so whoever leads the shard goes on with it.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type {
  Command as CommandMessage,
  CommandSchema,
} from '../../../../gen/bourse/matching/v1/command_pb.ts';
import { ProposeRequestSchema } from '../../../../gen/bourse/matching/v1/service_pb.ts';
import { CancelReason } from '../../../../gen/bourse/type/v1/order_pb.ts';
import { findShardOfInstrument } from '../../../lib/platform/cluster/cluster-table.ts';
import type { ClusterWatch } from '../../../lib/platform/cluster/watch-cluster.ts';
import type { Logger } from '../../../lib/platform/telemetry/logger.ts';
import type { World } from '../../../lib/shard/world.ts';
import type { FinishCancelAfter } from '../../domain/command.ts';
import type { LiveOrder } from '../../domain/live-order.ts';
import type { LedgerState } from '../../domain/state.ts';
import type { DueSwitch } from '../../domain/switches.ts';
import type { MatchingNodes } from '../settlement/matching-nodes.ts';

/** How often the state is looked at, and how long after a failure it is tried again. */
const LOOK_MS = 50;
const RETRY_MS = 250;
const VALIDITY_US = 30_000_000;
/** Forbids in one message beside the cancel; what is left comes in the next round. */
const MOST_FORBIDS = 900;
/** A book that takes longer is asked again. */
const ANSWER_LIMIT_MS = 10_000;

export type DueSwitchesOptions = {
  readonly world: World;
  readonly log: Logger;
  readonly watch: ClusterWatch;
  readonly nodes: MatchingNodes;
  readonly state: () => LedgerState;
  /** Waits until everything that the books had committed is settled; false when it takes long. */
  readonly waitForSettlement: (instrumentId: string) => Promise<boolean>;
  /** Proposes to the shard itself. */
  readonly propose: (identity: string, command: FinishCancelAfter) => Promise<unknown>;
  /** Ends with the leadership. */
  readonly signal: AbortSignal;
};

type CommandInit = Exclude<MessageInitShape<typeof CommandSchema>, CommandMessage>;
type Proposed = { readonly identity: string; readonly kind: NonNullable<CommandInit['kind']> };

/** One instrument of a switch that went off. */
type Task = { readonly due: DueSwitch; readonly instrumentNumber: number };

export class DueSwitches {
  readonly #options: DueSwitchesOptions;
  readonly #running = new Set<string>();
  /** Resolves when everything has ended. */
  readonly ended: Promise<void>;

  constructor(options: DueSwitchesOptions) {
    this.#options = options;
    this.ended = this.#watch();
  }

  async #watch(): Promise<void> {
    const { signal, state } = this.#options;
    const tasks = new Set<Promise<void>>();
    while (!signal.aborted) {
      for (const due of state().switches.due()) {
        for (const instrumentNumber of due.instrumentNumbers) {
          const key = keyOf({ due, instrumentNumber });
          if (this.#running.has(key)) continue;
          this.#running.add(key);
          const task = this.#run({ due, instrumentNumber }).finally(() => {
            this.#running.delete(key);
            tasks.delete(task);
          });
          tasks.add(task);
        }
      }
      await this.#pause(LOOK_MS);
    }
    await Promise.all(tasks);
  }

  /** Until nothing of before the switch is open, and the shard has noted it. */
  async #run(task: Task): Promise<void> {
    const { log, signal } = this.#options;
    for (let round = 1; !signal.aborted; ) {
      try {
        const open = this.#openOrders(task);
        if (open.length === 0) {
          await this.#finish(task);
          return;
        }
        await this.#propose(task, [...forbidsOf(task, open, round), cancelOf(task, round)]);
        const { instrumentId } = this.#instrumentOf(task);
        if (await this.#options.waitForSettlement(instrumentId)) round += 1;
        else await this.#pause(RETRY_MS);
      } catch (error) {
        log.warn({ err: error, task: keyOf(task) }, 'a dead man’s switch is tried again (CXL-2)');
        await this.#pause(RETRY_MS);
      }
    }
  }

  /** Orders that are not final and were placed before the switch went off. */
  #openOrders({ due, instrumentNumber }: Task): readonly LiveOrder[] {
    const account = this.#options.state().accountsByNumber.get(due.accountNumber);
    return [...(account?.liveOrders.values() ?? [])].filter(
      (order) =>
        order.terms?.instrumentNumber === instrumentNumber && order.placedTimeUs <= due.dueTimeUs,
    );
  }

  #instrumentOf({ instrumentNumber }: Task): { readonly instrumentId: string } {
    const instrument = this.#options.state().instruments.get(instrumentNumber);
    if (instrument === undefined) throw new Error(`instrument ${instrumentNumber} is unknown`);
    return instrument;
  }

  async #finish(task: Task): Promise<void> {
    const { accountNumber, dueSequence } = task.due;
    const { instrumentNumber } = task;
    const command = { kind: 'finishCancelAfter', accountNumber, dueSequence, instrumentNumber };
    await this.#options.propose(`${keyOf(task)}/finish`, command as FinishCancelAfter);
  }

  /** Resolves when the book has answered all of them; each is done once, by its identity. */
  async #propose(task: Task, commands: readonly Proposed[]): Promise<void> {
    const { world, watch, nodes, signal } = this.#options;
    const table = watch.table();
    const { instrumentId } = this.#instrumentOf(task);
    const shardId = table && findShardOfInstrument(table, instrumentId)?.shardId;
    const client = shardId === undefined ? undefined : nodes.findLeader(shardId);
    if (client === undefined || shardId === undefined) throw new Error('the book has no leader');
    const validUntilUs = BigInt(world.wallClockUs() + VALIDITY_US);
    const proposals = commands.map(({ identity, kind }, index) => {
      return { number: BigInt(index + 1), identity, validUntilUs, command: { kind } };
    });
    const request = create(ProposeRequestSchema, { shardId, proposals });
    const abort = new AbortController();
    const limit = world.setTimer(ANSWER_LIMIT_MS, () => abort.abort());
    const ended = AbortSignal.any([signal, abort.signal]);
    let answered = 0;
    try {
      const responses = client.propose(once(request, ended), { signal: ended });
      for await (const { results } of responses) {
        for (const { kind } of results) {
          if (kind.case !== 'committed') throw new Error('the book refused a command');
          answered += 1;
        }
        if (answered === commands.length) return;
      }
      throw new Error('the book ended the stream');
    } finally {
      limit.cancel();
      abort.abort();
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#options.world.setTimer(delayMs, resolve);
    });
  }
}

/** One message; the stream stays open for its answers. */
async function* once<Message>(message: Message, signal: AbortSignal): AsyncGenerator<Message> {
  yield message;
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function keyOf({ due, instrumentNumber }: Task): string {
  return `d/${due.accountNumber}/${due.dueSequence}/${instrumentNumber}`;
}

function cancelOf(task: Task, round: number): Proposed {
  const { instrumentNumber, due } = task;
  const { accountNumber } = due;
  const reason = CancelReason.DEAD_MAN_SWITCH;
  const value = { instrumentNumber, accountNumber, reason };
  return { identity: `${keyOf(task)}/${round}`, kind: { case: 'cancelAllOrders', value } };
}

/** What has not reached its book never will; a group is forbidden by its first leg (HLD-3). */
function forbidsOf(task: Task, open: readonly LiveOrder[], round: number): readonly Proposed[] {
  const { instrumentNumber, due } = task;
  const { accountNumber } = due;
  const placed = open.filter(({ holdState, group, placement }) => {
    return holdState === 'PLACED' && (group === undefined || group.placement === placement);
  });
  return placed.slice(0, MOST_FORBIDS).map(({ placement, validUntilUs }) => ({
    identity: `f/${accountNumber}-${placement}/d${due.dueSequence}/${round}`,
    kind: {
      case: 'forbidOrder',
      value: {
        instrumentNumber,
        accountNumber,
        placement: BigInt(placement),
        amendHoldId: '',
        forbiddenValidUntilUs: BigInt(validUntilUs),
      },
    },
  }));
}

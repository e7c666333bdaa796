// Does what dead man's switches that went off have to do (CXL-2): cancels everything of the account
// in each instrument and forbids what has not arrived, with identities derived from the switch,
// again and again until the books have answered and it is settled. What is to do stands in the
// shard's state, so whoever leads the shard goes on with it.

import { CancelReason } from '../../../../gen/bourse/type/v1/order_pb.ts';
import type { Logger } from '../../../lib/platform/telemetry/logger.ts';
import type { FinishCancelAfter } from '../../domain/command.ts';
import type { LiveOrder } from '../../domain/live-order.ts';
import type { LedgerState } from '../../domain/state.ts';
import type { DueSwitch } from '../../domain/switches.ts';
import { type BookProposal, type BookRoad, proposeToBook } from './book-proposals.ts';

/** How often the state is looked at, and how long after a failure it is tried again. */
const LOOK_MS = 50;
const RETRY_MS = 250;
/** Forbids in one message beside the cancel; what is left comes in the next round. */
const MOST_FORBIDS = 900;

export type DueSwitchesOptions = BookRoad & {
  readonly log: Logger;
  readonly state: () => LedgerState;
  /** Waits until everything that the books had committed is settled; false when it takes long. */
  readonly waitForSettlement: (instrumentId: string) => Promise<boolean>;
  /** Proposes to the shard itself. */
  readonly propose: (identity: string, command: FinishCancelAfter) => Promise<unknown>;
};

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
        const { instrumentId } = this.#instrumentOf(task);
        const commands = [...forbidsOf(task, open, round), cancelOf(task, round)];
        await proposeToBook(this.#options, instrumentId, commands);
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

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#options.world.setTimer(delayMs, resolve);
    });
  }
}

function keyOf({ due, instrumentNumber }: Task): string {
  return `d/${due.accountNumber}/${due.dueSequence}/${instrumentNumber}`;
}

function cancelOf(task: Task, round: number): BookProposal {
  const { instrumentNumber, due } = task;
  const { accountNumber } = due;
  const reason = CancelReason.DEAD_MAN_SWITCH;
  const value = { instrumentNumber, accountNumber, reason };
  return { identity: `${keyOf(task)}/${round}`, kind: { case: 'cancelAllOrders', value } };
}

/** What has not reached its book never will; a group is forbidden by its first leg (HLD-3). */
function forbidsOf(task: Task, open: readonly LiveOrder[], round: number): readonly BookProposal[] {
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

// Resolves orphans (HLD-4): a hold that is still only placed when log time has passed its
// `valid_until` is forbidden at its book, placement or amend, in every state of the instrument. The
// book decides: the order is there, then its events confirm the hold; or it never will be, then the
// event of the forbid releases it. Nothing is released here.

import type { Logger } from '../../../lib/platform/telemetry/logger.ts';
import type { PlacedHold } from '../../domain/placed-holds.ts';
import type { LedgerState } from '../../domain/state.ts';
import { type BookProposal, type BookRoad, proposeToBook } from './book-proposals.ts';

/** How often the state is looked at: with the bound below, at most 1,000 forbids a second. */
const LOOK_MS = 100;
const MOST_AT_ONCE = 100;
/** How long after a failure it is tried again. */
const RETRY_MS = 500;

export type DueHoldsOptions = BookRoad & {
  readonly log: Logger;
  /** Epoch of the leadership: identities of another one are other attempts. */
  readonly epoch: number;
  readonly state: () => LedgerState;
  /** Waits until everything that the book had committed is settled; false when it takes long. */
  readonly waitForSettlement: (instrumentId: string) => Promise<boolean>;
};

export class DueHolds {
  readonly #options: DueHoldsOptions;
  #round = 0;
  /** Resolves when everything has ended. */
  readonly ended: Promise<void>;

  constructor(options: DueHoldsOptions) {
    this.#options = options;
    this.ended = this.#watch();
  }

  async #watch(): Promise<void> {
    const { signal, state, log } = this.#options;
    while (!signal.aborted) {
      const due = state().placedHolds.overdue(MOST_AT_ONCE);
      let delayMs = LOOK_MS;
      try {
        if (due.length > 0) await this.#forbid(due);
      } catch (error) {
        delayMs = RETRY_MS;
        if (!signal.aborted) log.warn({ err: error }, 'orphans are asked about again (HLD-4)');
      }
      await this.#pause(delayMs);
    }
  }

  async #forbid(due: readonly PlacedHold[]): Promise<void> {
    this.#round += 1;
    const byInstrument = new Map<string, BookProposal[]>();
    for (const hold of due) {
      const instrument = this.#instrumentOf(hold);
      if (instrument === undefined) continue;
      const commands = byInstrument.get(instrument.instrumentId) ?? [];
      commands.push(this.#forbidOf(hold, instrument.instrumentNumber));
      byInstrument.set(instrument.instrumentId, commands);
    }
    const asked = [...byInstrument].map(async ([instrumentId, commands]) => {
      await proposeToBook(this.#options, instrumentId, commands);
      await this.#options.waitForSettlement(instrumentId);
    });
    const results = await Promise.allSettled(asked);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  #instrumentOf({ accountNumber, placement }: PlacedHold) {
    const { accountsByNumber, instruments } = this.#options.state();
    const order = accountsByNumber.get(accountNumber)?.liveOrders.get(placement);
    return instruments.get(order?.terms?.instrumentNumber ?? 0);
  }

  #forbidOf(hold: PlacedHold, instrumentNumber: number): BookProposal {
    const { accountNumber, placement, amendHoldId, validUntilUs } = hold;
    const attempt = `${this.#options.epoch}.${this.#round}`;
    return {
      identity: `f/${accountNumber}-${placement}/o${attempt}/${amendHoldId}`,
      kind: {
        case: 'forbidOrder',
        value: {
          instrumentNumber,
          accountNumber,
          placement: BigInt(placement),
          amendHoldId,
          forbiddenValidUntilUs: BigInt(validUntilUs),
        },
      },
    };
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#options.world.setTimer(delayMs, resolve);
    });
  }
}

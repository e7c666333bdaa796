// Stands before the shard's queue (SET-4): a hold that the balance does not cover waits until what
// the books have committed is settled, so that money from an acknowledged fill or cancel is usable
// at once and lag is never told as INSUFFICIENT_FUNDS.

import type { ShardHost } from '../../../lib/shard/host.ts';
import type { Proposal, ProposalResult } from '../../../lib/shard/proposal.ts';
import type { World } from '../../../lib/shard/world.ts';
import type { Account } from '../../domain/account.ts';
import type { AccountMachine } from '../../domain/account-machine.ts';
import type { Command, PlaceGroupHold, PlaceHold } from '../../domain/command.ts';
import type { Answer, Event } from '../../domain/event.ts';
import { groupNeeds, withGroupRates } from '../../domain/group-holds.ts';
import { withRates } from '../../domain/holds.ts';
import { instrumentsOf } from '../../domain/queries.ts';
import type { LedgerState } from '../../domain/state.ts';
import { HoldTurns } from './hold-turns.ts';

/** A command whose bytes said nothing that a domain could do; refused without being proposed. */
export type MalformedCommand = { readonly kind: 'malformed'; readonly sentence: string };

export type GateCommand = Command | MalformedCommand;

type LedgerHost = Pick<ShardHost<Command, Event, Answer>, 'submit' | 'reserve'>;
type Settle = (result: ProposalResult<Event, Answer>) => void;
type Reservation = ReturnType<LedgerHost['reserve']>;

/** What settlement must offer. */
export type SettlementView = {
  isTooFarBehind(): boolean;
  waitFor(instrumentIds: readonly string[]): Promise<boolean>;
};

export type HoldGateOptions = {
  readonly host: LedgerHost;
  readonly world: Pick<World, 'monotonicUs'>;
  readonly machine: () => AccountMachine | undefined;
  /** Undefined while the shard is not led here. */
  readonly settlement: () => SettlementView | undefined;
};

/** Money that a command needs. */
type Need = {
  readonly account: Account;
  readonly assetNumber: number;
  readonly amountUnits: bigint;
  /** A repeat of something done already needs nothing. */
  readonly isRepeat: boolean;
  readonly mayWait: boolean;
};

export class HoldGate {
  readonly #options: HoldGateOptions;
  /** Needs that were proposed and are not answered, by account and asset. */
  readonly #promised = new Map<string, bigint>();
  /** How many needs wait here for settlement, by account and asset. */
  readonly #waiting = new Map<string, number>();
  /** Holds that were refused as short and will be asked again. */
  readonly #turns: HoldTurns;

  constructor(options: HoldGateOptions) {
    this.#options = options;
    this.#turns = new HoldTurns(options.world);
  }

  reserve(): Reservation {
    return this.#options.host.reserve();
  }

  /** As the host's own; see ShardHost.submit. */
  submit(proposal: Proposal<GateCommand>, settle: Settle, reservation?: Reservation): void {
    const { command } = proposal;
    if (command.kind === 'malformed') {
      settle(refusedBefore('MESSAGE_MALFORMED', { problem: command.sentence }));
      return;
    }
    const known = proposal as Proposal<Command>;
    if (isPlacement(command) && !command.refuseWhenShort) {
      this.#turns.end(turnNameOf(command));
    }
    const need = this.#findNeed(command);
    if (need === undefined || need.isRepeat) {
      this.#options.host.submit(known, settle, reservation);
      return;
    }
    const settlement = this.#options.settlement();
    if (isPlacement(command) && settlement?.isTooFarBehind()) {
      settle(refusedBefore('SETTLEMENT_LAG'));
      return;
    }
    const key = keyOf(need);
    if (!need.mayWait && (this.#waiting.has(key) || this.#turns.isAwaited(key))) {
      // Who came earlier waits for the same money: what may be asked again must not overtake it.
      this.#beginTurn(command, key);
      settle(refusedBefore('INSUFFICIENT_FUNDS'));
      return;
    }
    const mustWait = need.mayWait && this.#availableUnits(need) < need.amountUnits;
    const { machine } = this.#options;
    const state = machine()?.state;
    const instrumentIds = mustWait && state ? instrumentsOf(state, need.account) : [];
    if (instrumentIds.length === 0 || settlement === undefined) {
      this.#forward(known, need, settle, reservation);
      return;
    }
    count(this.#waiting, key, 1);
    void settlement.waitFor(instrumentIds).then((isSettled) => {
      count(this.#waiting, key, -1);
      if (isSettled) this.#forward(known, need, settle, reservation);
      else settle(refusedBefore('SETTLEMENT_LAG'));
    });
  }

  #forward(
    proposal: Proposal<Command>,
    need: Need,
    settle: Settle,
    reservation: Reservation,
  ): void {
    const key = keyOf(need);
    this.#promised.set(key, (this.#promised.get(key) ?? 0n) + need.amountUnits);
    const answered: Settle = (result) => {
      const left = (this.#promised.get(key) ?? 0n) - need.amountUnits;
      if (left > 0n) this.#promised.set(key, left);
      else this.#promised.delete(key);
      if (!need.mayWait && isShort(result)) this.#beginTurn(proposal.command, key);
      settle(result);
    };
    this.#options.host.submit(proposal, answered, reservation);
  }

  #beginTurn(command: Command, key: string): void {
    if (isPlacement(command)) this.#turns.begin(turnNameOf(command), key);
  }

  /** What is available when everything that is under way has taken its part. */
  #availableUnits(need: Need): bigint {
    const balance = need.account.balances.get(need.assetNumber);
    return (balance?.availableUnits ?? 0n) - (this.#promised.get(keyOf(need)) ?? 0n);
  }

  /** Of both amounts of a bracket the one that lacks; the entry's when none does. */
  #findGroupNeed(state: LedgerState, command: PlaceGroupHold): Need | undefined {
    const { accountId, legs, refuseWhenShort } = command;
    const [first] = legs;
    const account = state.accountsById.get(accountId);
    const instrument = state.instruments.get(first?.terms.instrumentNumber ?? 0);
    if (account === undefined || instrument === undefined || first === undefined) return undefined;
    if (legs.some(({ declineReason }) => declineReason !== 'NONE')) return undefined;
    const isRepeat = account.placementByClientOrderId.has(first.clientOrderId);
    const rated = withGroupRates(state, account, command, state.shard.logTimeUs);
    const needs = groupNeeds(instrument, rated).map((need) => {
      return { account, ...need, isRepeat, mayWait: !refuseWhenShort };
    });
    return needs.find((need) => this.#availableUnits(need) < need.amountUnits) ?? needs[0];
  }

  #findNeed(command: Command): Need | undefined {
    const state = this.#options.machine()?.state;
    if (state === undefined) return undefined;
    switch (command.kind) {
      case 'placeHold': {
        const account = state.accountsById.get(command.accountId);
        if (account === undefined || command.declineReason !== 'NONE') return undefined;
        const { assetNumber, refuseWhenShort, clientOrderId } = command;
        const isRepeat = account.placementByClientOrderId.has(clientOrderId);
        // What is held is for the rates that the account will have (HLD-1).
        const { amountUnits } = withRates(state, account, command, state.shard.logTimeUs);
        return { account, assetNumber, amountUnits, isRepeat, mayWait: !refuseWhenShort };
      }
      case 'placeGroupHold':
        return this.#findGroupNeed(state, command);
      case 'amendHold': {
        const account = state.accountsByNumber.get(command.accountNumber);
        const order = account?.liveOrders.get(command.placement);
        if (account === undefined || order === undefined) return undefined;
        const { amountUnits, amendHoldId } = command;
        const isRepeat = order.amendHolds().has(amendHoldId);
        const assetNumber = order.holdAssetNumber;
        return { account, assetNumber, amountUnits, isRepeat, mayWait: true };
      }
      case 'withdraw':
      case 'transfer': {
        const account = state.accountsById.get(command.accountId);
        if (account === undefined) return undefined;
        const { assetNumber, amountUnits, clientTransferId } = command;
        const isRepeat = account.transfers.has(clientTransferId);
        return { account, assetNumber, amountUnits, isRepeat, mayWait: true };
      }
      default:
        return undefined;
    }
  }
}

/** What places orders, alone or as a group. */
function isPlacement(command: Command): command is PlaceHold | PlaceGroupHold {
  return command.kind === 'placeHold' || command.kind === 'placeGroupHold';
}

/** Counts by key, never below nothing. */
function count(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const counted = (counts.get(key) ?? 0) + change;
  if (counted <= 0) counts.delete(key);
  else counts.set(key, counted);
}

function isShort(result: ProposalResult<Event, Answer>): boolean {
  if (result.kind !== 'applied' || result.outcome.kind !== 'refused') return false;
  return result.outcome.refusal.reason === 'INSUFFICIENT_FUNDS';
}

/** A hold comes back under its client order id, a group under its first, with another identity. */
function turnNameOf(command: PlaceHold | PlaceGroupHold): string {
  const { clientOrderId = '' } = command.kind === 'placeHold' ? command : (command.legs[0] ?? {});
  return `${command.accountId}/${clientOrderId}`;
}

function keyOf(need: Need): string {
  return `${need.account.accountNumber}/${need.assetNumber}`;
}

/** A refusal by the gate: nothing was proposed, nothing is in the log. */
function refusedBefore(
  reason: string,
  detail: Readonly<Record<string, string>> = {},
): ProposalResult<Event, Answer> {
  return {
    kind: 'applied',
    duplicate: false,
    logTimeUs: 0,
    entryIndex: 0,
    firstSequence: 0,
    events: [],
    outcome: { kind: 'refused', refusal: { reason, detail } },
  };
}

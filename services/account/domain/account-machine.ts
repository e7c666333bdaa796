// The account shard's state machine: every command of bourse.ledger.v1, dispatched. Two kinds of
// command are handled here because they are small: reference data and slots.
import { assert, assertNever } from '../../lib/base/assert.ts';
import type {
  CommandContext,
  Outcome,
  StateMachine,
  StateRestorer,
} from '../../lib/shard/state-machine.ts';
import { AccountSlots } from './account-slots.ts';
import { createAccount, postTransfer, setSelfTradeGroup } from './accounts.ts';
import { bustTrade } from './busts.ts';
import type { Asset, Command, SetInstrument, SettleSlot } from './command.ts';
import { refused } from './command-checks.ts';
import { advanceSwitches, cancelAllAfter, finishCancelAfter } from './dead-man-switch.ts';
import type { Answer, Emit, Event } from './event.ts';
import { setFeeSchedule } from './fees.ts';
import { placeGroupHold } from './group-holds.ts';
import { amendHold, placeHold, prepareCancel } from './holds.ts';
import { beginSource } from './ranges.ts';
import { setAccountLimits, setAccountState } from './settings.ts';
import { settle } from './settlement.ts';
import { acquireSlots, emitOfShard, moveSlot } from './slot-steps.ts';
import { snapshotOf } from './snapshot.ts';
import { LedgerRestorer } from './snapshot-restorer.ts';
import { DEFAULT_LIMITS, LedgerState, type Limits } from './state.ts';
import { settleTransfers, transferToAccount } from './transfers.ts';

const FORMAT_VERSION = 1;

export class AccountMachine implements StateMachine<Command, Event, Answer> {
  readonly formatVersion = FORMAT_VERSION;
  readonly state: LedgerState;
  readonly slots: AccountSlots;

  constructor(limits: Limits = DEFAULT_LIMITS) {
    this.state = new LedgerState(limits);
    this.slots = new AccountSlots(this.state);
  }

  /**
   * Switches (CXL-2) and orphans (HLD-4). Forgetting is not worth an entry of its own; it happens
   * in the next one.
   */
  nextDueTimeUs(): number | undefined {
    const switchUs = this.state.switches.nextTimeUs() ?? Number.POSITIVE_INFINITY;
    const holdUs = this.state.placedHolds.nextTimeUs() ?? Number.POSITIVE_INFINITY;
    const nextUs = Math.min(switchUs, holdUs);
    return nextUs === Number.POSITIVE_INFINITY ? undefined : nextUs;
  }

  advance(logTimeUs: number, emit: Emit): void {
    this.state.advance(logTimeUs);
    advanceSwitches(this.state, logTimeUs, emit);
    this.state.placedHolds.advance(logTimeUs);
  }

  apply(command: Command, context: CommandContext, emit: Emit): Outcome<Answer> {
    const outcome = this.#dispatch(command, context, emit);
    this.state.ledger.assertBalanced();
    return outcome;
  }

  /** No command of an account shard is ever left unfinished. */
  proceed(): Outcome<Answer> {
    assert(false, 'an account shard leaves no command unfinished');
  }

  stateChecksum(): string {
    return this.state.digest.toText();
  }

  snapshotPieces(): Iterable<Uint8Array> {
    return snapshotOf(this.state);
  }

  beginRestore(): StateRestorer {
    return new LedgerRestorer(this.state);
  }

  #dispatch(command: Command, context: CommandContext, emit: Emit): Outcome<Answer> {
    const { state } = this;
    switch (command.kind) {
      case 'createAccount':
        return createAccount(state, command, context, emit);
      case 'deposit':
      case 'withdraw':
        return postTransfer(state, command, context, emit);
      case 'placeHold':
        return placeHold(state, command, context, emit);
      case 'placeGroupHold':
        return placeGroupHold(state, command, context, emit);
      case 'setAccountState':
        return setAccountState(state, command, emit);
      case 'setAccountLimits':
        return setAccountLimits(state, command, emit);
      case 'setFeeSchedule':
        return setFeeSchedule(state, command, emit);
      case 'setSelfTradeGroup':
        return setSelfTradeGroup(state, command, emit);
      case 'cancelAllAfter':
        return cancelAllAfter(state, command, context, emit);
      case 'finishCancelAfter':
        return finishCancelAfter(state, command, emit);
      case 'amendHold':
        return amendHold(state, command, emit);
      case 'prepareCancel':
        return prepareCancel(state, command, context, emit);
      case 'settle':
        return settle(state, command, context, emit);
      case 'transfer':
        return transferToAccount(state, command, context, emit);
      case 'settleTransfers':
        return settleTransfers(state, command, context, emit);
      case 'bustTrade':
        return bustTrade(state, command, context, emit);
      case 'setAsset':
        return setAsset(state, command, emit);
      case 'setInstrument':
        return setInstrument(state, command, emit);
      case 'acquireSlots':
        return acquireSlots(state, command, emit);
      case 'settleSlot':
        return settleSlot(state, command, context, emit);
      case 'beginSource':
        return beginSource(state, command);
      case 'moveSlot':
        return moveSlot(state, command.move, emit);
      default:
        return assertNever(command);
    }
  }
}

/** A higher version replaces a lower one; an equal or lower one changes nothing. */
function setAsset(state: LedgerState, command: Asset, emit: Emit): Outcome<Answer> {
  const { assetNumber, assetId, scale, version } = command;
  const known = state.assets.get(assetNumber);
  if (known !== undefined && known.version >= version) return { kind: 'done' };
  // REF-1: fixed for life.
  if (known !== undefined && (known.scale !== scale || known.assetId !== assetId)) {
    return refused('ASSET_ALREADY_EXISTS', { asset_id: known.assetId });
  }
  const asset: Asset = { assetNumber, assetId, scale, version };
  state.assets.set(assetNumber, asset);
  state.markAsset(asset);
  return emitOfShard({ kind: 'assetSet', ...asset }, emit);
}

function setInstrument(state: LedgerState, command: SetInstrument, emit: Emit): Outcome<Answer> {
  const { rules } = command;
  const known = state.instruments.get(rules.instrumentNumber);
  if (known !== undefined && known.version >= rules.version) return { kind: 'done' };
  const isFixedPartEqual =
    known === undefined ||
    (known.instrumentId === rules.instrumentId &&
      known.baseAssetNumber === rules.baseAssetNumber &&
      known.quoteAssetNumber === rules.quoteAssetNumber &&
      known.notionalFactor === rules.notionalFactor &&
      known.baseFactor === rules.baseFactor);
  if (!isFixedPartEqual) {
    return refused('INSTRUMENT_ALREADY_EXISTS', { instrument_id: rules.instrumentId });
  }
  state.instruments.set(rules.instrumentNumber, rules);
  state.markInstrument(rules);
  return emitOfShard({ kind: 'instrumentSet', rules }, emit);
}

/** What a slot lacks, because it came from a shard that was elsewhere (MOV-7). */
function settleSlot(
  state: LedgerState,
  { slot, range }: SettleSlot,
  context: CommandContext,
  emit: Emit,
): Outcome<Answer> {
  return range.kind === 'settle'
    ? settle(state, range, context, emit, slot)
    : settleTransfers(state, range, context, emit, slot);
}

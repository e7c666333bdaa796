// Events and answers of an account shard between the contract and the domain.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Answer as AnswerMessage,
  AnswerSchema,
  type Event as EventMessage,
  EventSchema,
  type TransferPosted as TransferMessage,
} from '../../../../gen/bourse/ledger/v1/event_pb.ts';
import { assertNever } from '../../../lib/base/assert.ts';
import { malformed } from '../../../lib/platform/codec/malformed.ts';
import { amountUnitsOf, safeNumber } from '../../../lib/platform/codec/numbers.ts';
import { slotEventMessage, slotEventOf } from '../../../lib/platform/codec/slot-codec.ts';
import {
  decodeRules,
  encodeRules,
  groupTypeCodec,
  rejectReasonCodec,
  selfTradePreventionCodec,
} from '../../../lib/platform/codec/terms-codec.ts';
import type { SentTransfer } from '../../domain/command.ts';
import type {
  Answer,
  Event,
  EventBody,
  OrderExecuted,
  TransferPosted,
} from '../../domain/event.ts';
import { tradeBustedInit, tradeBustedOf } from './bust-codec.ts';
import {
  balanceInit,
  balanceOf,
  executionTypeCodec,
  fillInit,
  fillOf,
  recordMessage,
  recordOf,
  rejectReasonNumber,
} from './record-codec.ts';
import { accountStateCodec, limitsInit, limitsOf, tiersInit, tiersOf } from './settings-codec.ts';

type Kind = EventMessage['kind'];
type KindInit = NonNullable<Exclude<MessageInitShape<typeof EventSchema>, EventMessage>['kind']>;
type ValueOf<Case extends Kind['case']> = Extract<Kind, { case: Case }>['value'];

export function eventMessage(event: Event): EventMessage {
  return create(EventSchema, {
    accountNumber: event.accountNumber,
    accountSequence: BigInt(event.accountSequence),
    balances: event.balances.map(balanceInit),
    kind: kindOf(event),
  });
}

function kindOf(event: Event): KindInit {
  switch (event.kind) {
    case 'accountCreated': {
      const number = selfTradePreventionCodec.toNumber(event.defaultSelfTradePrevention);
      const { accountId } = event;
      return { case: event.kind, value: { accountId, defaultSelfTradePrevention: number } };
    }
    case 'transferPosted':
      return { case: event.kind, value: transferInit(event) };
    case 'holdPlaced':
      return { case: event.kind, value: { record: recordMessage(event.record) } };
    case 'orderDeclined': {
      const previousAccountSequence = BigInt(event.previousAccountSequence);
      const record = recordMessage(event.record);
      return { case: event.kind, value: { record, previousAccountSequence } };
    }
    case 'amendHoldPlaced':
    case 'amendHoldReleased': {
      const { amendHoldId, amountUnits, heldUnits } = event;
      const placement = BigInt(event.placement);
      return { case: event.kind, value: { placement, amendHoldId, amountUnits, heldUnits } };
    }
    case 'amendDeclined': {
      const { amendHoldId } = event;
      const reason = rejectReasonNumber(event.reason);
      return {
        case: event.kind,
        value: { placement: BigInt(event.placement), amendHoldId, reason },
      };
    }
    case 'groupHoldPlaced':
      return { case: event.kind, value: groupHoldInit(event) };
    case 'selfTradeGroupSet':
    case 'accountStateSet':
    case 'accountLimitsSet':
    case 'feeScheduleSet':
    case 'cancelAfterSet':
    case 'cancelAfterDue':
    case 'cancelAfterFinished':
      return settingKind(event);
    case 'cancelRecorded':
      return { case: event.kind, value: { clientOrderId: event.clientOrderId } };
    case 'orderExecuted':
      return executedKind(event);
    case 'tradeBusted':
      return { case: event.kind, value: tradeBustedInit(event) };
    case 'suspensePosted':
      return { case: event.kind, value: suspenseInit(event) };
    case 'rangeSettled': {
      const { sourceShardId, throughSequence: through } = event;
      return { case: event.kind, value: { sourceShardId, throughSequence: BigInt(through) } };
    }
    case 'assetSet': {
      const { assetNumber, assetId, scale } = event;
      const version = BigInt(event.version);
      return { case: event.kind, value: { assetNumber, assetId, scale, version } };
    }
    case 'instrumentSet':
      return { case: event.kind, value: { rules: encodeRules(event.rules) } };
    case 'slotsAcquired': {
      const { slots, generation } = event;
      return { case: event.kind, value: { slots: [...slots], generation: BigInt(generation) } };
    }
    case 'slotMoved':
      return { case: event.kind, value: slotEventMessage(event.move) };
    default:
      return assertNever(event);
  }
}

function suspenseInit(event: Extract<Event, { kind: 'suspensePosted' }>) {
  const { assetNumber, amountUnits, placement } = event;
  return { assetNumber, amountUnits, placement: BigInt(placement) };
}

function suspenseOf({ assetNumber, amountUnits, placement }: ValueOf<'suspensePosted'>) {
  return { assetNumber, amountUnits, placement: safeNumber(placement) };
}

function groupHoldInit({ groupType, records }: Extract<Event, { kind: 'groupHoldPlaced' }>) {
  return { groupType: groupTypeCodec.toNumber(groupType), records: records.map(recordMessage) };
}

type SettingKind =
  | 'selfTradeGroupSet'
  | 'accountStateSet'
  | 'accountLimitsSet'
  | 'feeScheduleSet'
  | 'cancelAfterSet'
  | 'cancelAfterDue'
  | 'cancelAfterFinished';

/** What was set for an account, and what became of it. */
function settingKind(event: Extract<Event, { kind: SettingKind }>): KindInit {
  switch (event.kind) {
    case 'selfTradeGroupSet':
      return { case: event.kind, value: { selfTradeGroup: event.selfTradeGroup } };
    case 'accountStateSet': {
      const state = accountStateCodec.toNumber(event.accountState);
      return { case: event.kind, value: { state, comment: event.comment } };
    }
    case 'accountLimitsSet':
      return { case: event.kind, value: limitsInit(event.limits) };
    case 'feeScheduleSet':
      return { case: event.kind, value: { ...event.scope, tiers: tiersInit(event.tiers) } };
    case 'cancelAfterSet':
      return { case: event.kind, value: { cancelTimeUs: BigInt(event.cancelTimeUs) } };
    case 'cancelAfterDue':
      return { case: event.kind, value: { instrumentNumbers: [...event.instrumentNumbers] } };
    case 'cancelAfterFinished': {
      const { instrumentNumber } = event;
      const dueSequence = BigInt(event.dueSequence);
      return { case: event.kind, value: { instrumentNumber, dueSequence } };
    }
    default:
      return assertNever(event);
  }
}

function settingOf(kind: Extract<Kind, { case: SettingKind }>): EventBody {
  switch (kind.case) {
    case 'selfTradeGroupSet':
      return { kind: kind.case, selfTradeGroup: kind.value.selfTradeGroup };
    case 'accountStateSet': {
      const accountState = accountStateCodec.toName(kind.value.state);
      return { kind: kind.case, accountState, comment: kind.value.comment };
    }
    case 'accountLimitsSet':
      return { kind: kind.case, limits: limitsOf(kind.value) };
    case 'feeScheduleSet': {
      const { accountId, instrumentNumber } = kind.value;
      const scope = { accountId, instrumentNumber };
      return { kind: kind.case, scope, tiers: tiersOf(kind.value.tiers) };
    }
    case 'cancelAfterSet':
      return { kind: kind.case, cancelTimeUs: safeNumber(kind.value.cancelTimeUs) };
    case 'cancelAfterDue':
      return { kind: kind.case, instrumentNumbers: [...kind.value.instrumentNumbers] };
    case 'cancelAfterFinished': {
      const { instrumentNumber } = kind.value;
      const dueSequence = safeNumber(kind.value.dueSequence);
      return { kind: kind.case, instrumentNumber, dueSequence };
    }
    default:
      return assertNever(kind);
  }
}

function executedKind(event: OrderExecuted): KindInit {
  return {
    case: 'orderExecuted',
    value: {
      executionType: executionTypeCodec.toNumber(event.executionType),
      record: recordMessage(event.record),
      instrumentSequence: BigInt(event.instrumentSequence),
      previousInstrumentSequence: BigInt(event.previousInstrumentSequence),
      ...(event.fill === undefined ? {} : { fill: fillInit(event.fill) }),
      eventTimeUs: BigInt(event.eventTimeUs),
      releasedUnits: event.releasedUnits,
      cause: event.cause,
    },
  };
}

function transferInit(transfer: TransferPosted) {
  const { assetNumber, amountUnits, clientTransferId } = transfer;
  const { otherAccountId, byClearing, accountId } = transfer;
  return { assetNumber, amountUnits, clientTransferId, otherAccountId, byClearing, accountId };
}

function transferOf(message: TransferMessage): TransferPosted {
  const { assetNumber, clientTransferId, otherAccountId, byClearing, accountId } = message;
  const amountUnits = amountUnitsOf(message.amountUnits);
  return { assetNumber, amountUnits, clientTransferId, otherAccountId, byClearing, accountId };
}

/** What an event has sent by clearing to an account of another shard; undefined when nothing. */
export function sentTransferOf({ kind }: EventMessage): SentTransfer | undefined {
  if (kind.case !== 'transferPosted' || !kind.value.byClearing) return undefined;
  const { accountId, clientTransferId, otherAccountId, assetNumber, amountUnits } = kind.value;
  if (amountUnits > 0n) return undefined;
  return {
    fromAccountId: accountId,
    clientTransferId,
    toAccountId: otherAccountId,
    assetNumber,
    amountUnits: -amountUnits,
  };
}

/** @throws OperatingError MESSAGE_MALFORMED when the message is not what the contract promises. */
export function eventOf(message: EventMessage): Event {
  return {
    accountNumber: message.accountNumber,
    accountSequence: safeNumber(message.accountSequence),
    balances: message.balances.map(balanceOf),
    ...bodyOf(message.kind),
  };
}

function bodyOf(kind: Kind): EventBody {
  switch (kind.case) {
    case 'accountCreated': {
      const number = kind.value.defaultSelfTradePrevention;
      const defaultSelfTradePrevention = selfTradePreventionCodec.toName(number);
      return { kind: kind.case, accountId: kind.value.accountId, defaultSelfTradePrevention };
    }
    case 'transferPosted':
      return { kind: kind.case, ...transferOf(kind.value) };
    case 'holdPlaced':
      return { kind: kind.case, record: recordOf(kind.value.record) };
    case 'orderDeclined': {
      const previousAccountSequence = safeNumber(kind.value.previousAccountSequence);
      return { kind: kind.case, record: recordOf(kind.value.record), previousAccountSequence };
    }
    case 'amendHoldPlaced':
    case 'amendHoldReleased': {
      const { amendHoldId, amountUnits, heldUnits } = kind.value;
      const placement = safeNumber(kind.value.placement);
      return { kind: kind.case, placement, amendHoldId, amountUnits, heldUnits };
    }
    case 'amendDeclined': {
      const reason = rejectReasonCodec.toName(kind.value.reason);
      const placement = safeNumber(kind.value.placement);
      return { kind: kind.case, placement, amendHoldId: kind.value.amendHoldId, reason };
    }
    case 'groupHoldPlaced': {
      const groupType = groupTypeCodec.toName(kind.value.groupType);
      return { kind: kind.case, groupType, records: kind.value.records.map(recordOf) };
    }
    case 'selfTradeGroupSet':
    case 'accountStateSet':
    case 'accountLimitsSet':
    case 'feeScheduleSet':
    case 'cancelAfterSet':
    case 'cancelAfterDue':
    case 'cancelAfterFinished':
      return settingOf(kind);
    case 'cancelRecorded':
      return { kind: kind.case, clientOrderId: kind.value.clientOrderId };
    case 'orderExecuted':
      return executedOf(kind.value);
    case 'tradeBusted':
      return tradeBustedOf(kind.value);
    case 'suspensePosted':
      return { kind: kind.case, ...suspenseOf(kind.value) };
    case 'rangeSettled': {
      const throughSequence = safeNumber(kind.value.throughSequence);
      return { kind: kind.case, sourceShardId: kind.value.sourceShardId, throughSequence };
    }
    case 'assetSet': {
      const { assetNumber, assetId, scale } = kind.value;
      const version = safeNumber(kind.value.version);
      return { kind: kind.case, assetNumber, assetId, scale, version };
    }
    case 'instrumentSet':
      return { kind: kind.case, rules: decodeRules(kind.value.rules) };
    case 'slotsAcquired': {
      const generation = safeNumber(kind.value.generation);
      return { kind: kind.case, slots: [...kind.value.slots], generation };
    }
    case 'slotMoved':
      return { kind: kind.case, move: slotEventOf(kind.value) };
    case undefined:
      throw malformed('an event says what happened');
    default:
      return assertNever(kind);
  }
}

function executedOf(message: ValueOf<'orderExecuted'>): OrderExecuted {
  const executionType = executionTypeCodec.toName(message.executionType);
  if (executionType === 'TRADE_BUST') throw malformed('a bust is an event of its own');
  return {
    kind: 'orderExecuted',
    executionType,
    record: recordOf(message.record),
    instrumentSequence: safeNumber(message.instrumentSequence),
    previousInstrumentSequence: safeNumber(message.previousInstrumentSequence),
    fill: message.fill === undefined ? undefined : fillOf(message.fill),
    eventTimeUs: safeNumber(message.eventTimeUs),
    releasedUnits: message.releasedUnits,
    cause: message.cause,
  };
}

export function answerMessage(answer: Answer): AnswerMessage {
  const { record, records, existing, accountNumber, transfer, balance } = answer;
  return create(AnswerSchema, {
    existing,
    ...(record === undefined ? {} : { record: recordMessage(record) }),
    ...(records === undefined ? {} : { records: records.map(recordMessage) }),
    ...(accountNumber === undefined ? {} : { accountNumber }),
    ...(transfer === undefined ? {} : { transfer: transferInit(transfer) }),
    ...(balance === undefined ? {} : { balance: balanceInit(balance) }),
    accountSequence: BigInt(answer.accountSequence ?? 0),
    postedTimeUs: BigInt(answer.postedTimeUs ?? 0),
    totalAfterUnits: answer.totalAfterUnits ?? 0n,
    cancelTimeUs: BigInt(answer.cancelTimeUs ?? 0),
    selfTradeGroup: answer.selfTradeGroup ?? 0,
    asked: answer.asked ?? '',
    ...(answer.bust === undefined ? {} : { bust: bustAnswerInit(answer.bust) }),
  });
}

function bustAnswerInit({ comment, bustedTimeUs }: NonNullable<Answer['bust']>) {
  return { comment, bustedTimeUs: BigInt(bustedTimeUs) };
}

function bustAnswerOf({ comment, bustedTimeUs }: NonNullable<AnswerMessage['bust']>) {
  return { comment, bustedTimeUs: safeNumber(bustedTimeUs) };
}

/** @throws OperatingError MESSAGE_MALFORMED when the message is not what the contract promises. */
export function answerOf(message: AnswerMessage): Answer {
  const { existing, record, records, accountNumber, transfer, balance } = message;
  return {
    existing,
    ...(record === undefined ? {} : { record: recordOf(record) }),
    ...(records.length === 0 ? {} : { records: records.map(recordOf) }),
    ...(message.cancelTimeUs === 0n ? {} : { cancelTimeUs: safeNumber(message.cancelTimeUs) }),
    ...(message.asked === '' ? {} : { asked: message.asked }),
    ...(message.bust === undefined ? {} : { bust: bustAnswerOf(message.bust) }),
    ...(message.selfTradeGroup === 0 ? {} : { selfTradeGroup: message.selfTradeGroup }),
    ...(accountNumber === 0 ? {} : { accountNumber }),
    ...(balance === undefined ? {} : { balance: balanceOf(balance) }),
    ...(transfer === undefined
      ? {}
      : {
          transfer: transferOf(transfer),
          accountSequence: safeNumber(message.accountSequence),
          postedTimeUs: safeNumber(message.postedTimeUs),
          totalAfterUnits: message.totalAfterUnits,
        }),
  };
}

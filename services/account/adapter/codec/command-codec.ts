// Commands of an account shard between the contract and the domain.

import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  type Command as CommandMessage,
  CommandSchema,
} from '../../../../gen/bourse/ledger/v1/command_pb.ts';
import type { OrderTerms as TermsMessage } from '../../../../gen/bourse/matching/v1/command_pb.ts';
import { SelfTradePrevention } from '../../../../gen/bourse/type/v1/order_pb.ts';
import { assertNever } from '../../../lib/base/assert.ts';
import { malformed } from '../../../lib/platform/codec/malformed.ts';
import { amountUnitsOf, safeNumber } from '../../../lib/platform/codec/numbers.ts';
import { slotCommandMessage, slotCommandOf } from '../../../lib/platform/codec/slot-codec.ts';
import {
  decodeRules,
  decodeTerms,
  encodeRules,
  encodeTerms,
  groupTypeCodec,
  selfTradePreventionCodec,
} from '../../../lib/platform/codec/terms-codec.ts';
import type {
  AmendHold,
  Command,
  PlaceGroupHold,
  PlaceHold,
  PlacementTerms,
  SettleSlot,
  Transfer,
} from '../../domain/command.ts';
import { bustInit, bustOf } from './bust-codec.ts';
import { encodeFrequentCommand } from './frequent.ts';
import { decodeFrequentCommand } from './frequent-decoder.ts';
import {
  beginSourceInit,
  beginSourceOf,
  settleInit,
  settleOf,
  settleTransfersInit,
  settleTransfersOf,
} from './range-codec.ts';
import { bytesOf, hexOf, rejectReasonName, rejectReasonNumber } from './record-codec.ts';
import { accountStateCodec, limitsInit, limitsOf, tiersInit, tiersOf } from './settings-codec.ts';

type Kind = CommandMessage['kind'];
type KindInit = NonNullable<
  Exclude<MessageInitShape<typeof CommandSchema>, CommandMessage>['kind']
>;
type ValueOf<Case extends Kind['case']> = Extract<Kind, { case: Case }>['value'];

/** Commands within a command: what a slot's tail holds. */
const tailCodec = {
  encodeCommand: (command: Command): Uint8Array =>
    encodeFrequentCommand(command) ?? toBinary(CommandSchema, commandMessage(command)),
  decodeCommand: (bytes: Uint8Array): Command =>
    decodeFrequentCommand(bytes) ?? commandOf(fromBinary(CommandSchema, bytes)),
};

export function commandMessage(command: Command): CommandMessage {
  return create(CommandSchema, { kind: kindOf(command) });
}

function kindOf(command: Command): KindInit {
  switch (command.kind) {
    case 'createAccount': {
      const number = selfTradePreventionCodec.toNumber(command.defaultSelfTradePrevention);
      const { accountId } = command;
      return { case: command.kind, value: { accountId, defaultSelfTradePrevention: number } };
    }
    case 'deposit':
    case 'withdraw': {
      const { kind, ...value } = command;
      return { case: kind, value };
    }
    case 'placeHold':
      return placeHoldKind(command);
    case 'placeGroupHold':
      return placeGroupHoldKind(command);
    case 'setSelfTradeGroup':
      return { case: command.kind, value: command };
    case 'transfer':
      return { case: command.kind, value: command };
    case 'prepareCancel':
      return { case: command.kind, value: command };
    case 'cancelAllAfter': {
      const { accountId, timeoutUs } = command;
      return { case: 'cancelAllAfter', value: { accountId, timeoutUs: BigInt(timeoutUs) } };
    }
    case 'finishCancelAfter': {
      const { accountNumber, instrumentNumber } = command;
      const dueSequence = BigInt(command.dueSequence);
      return { case: 'finishCancelAfter', value: { accountNumber, dueSequence, instrumentNumber } };
    }
    case 'amendHold': {
      const { kind, placement, validUntilUs, ...value } = command;
      const numbers = { placement: BigInt(placement), validUntilUs: BigInt(validUntilUs) };
      return { case: kind, value: { ...value, ...numbers } };
    }
    case 'settle':
      return { case: command.kind, value: settleInit(command) };
    case 'setAccountState':
    case 'setAccountLimits':
    case 'setFeeSchedule':
      return settingKind(command);
    case 'settleTransfers':
      return { case: command.kind, value: settleTransfersInit(command) };
    case 'bustTrade':
      return { case: command.kind, value: bustInit(command) };
    case 'setAsset': {
      const { assetNumber, assetId, scale, version } = command;
      return { case: 'setAsset', value: { assetNumber, assetId, scale, version: BigInt(version) } };
    }
    case 'setInstrument':
      return { case: 'setInstrument', value: { rules: encodeRules(command.rules) } };
    case 'acquireSlots': {
      const { slots, generation } = command;
      return { case: 'acquireSlots', value: { slots: [...slots], generation: BigInt(generation) } };
    }
    case 'settleSlot':
      return settleSlotKind(command);
    case 'beginSource':
      return { case: command.kind, value: beginSourceInit(command) };
    case 'moveSlot':
      return { case: command.kind, value: slotCommandMessage(command.move, tailCodec) };
    default:
      return assertNever(command);
  }
}

type SettingCase = 'setAccountState' | 'setAccountLimits' | 'setFeeSchedule';
type Setting = Extract<Command, { kind: SettingCase }>;

/** What an operator sets. */
function settingKind(command: Setting): KindInit {
  const { asked } = command;
  switch (command.kind) {
    case 'setAccountState': {
      const { accountId, accountState, comment } = command;
      const state = accountStateCodec.toNumber(accountState);
      return { case: command.kind, value: { accountId, state, comment, asked } };
    }
    case 'setAccountLimits': {
      const { accountId, limits } = command;
      return { case: command.kind, value: { accountId, ...limitsInit(limits), asked } };
    }
    case 'setFeeSchedule': {
      const { scope, tiers } = command;
      return { case: command.kind, value: { ...scope, tiers: tiersInit(tiers), asked } };
    }
    default:
      return assertNever(command);
  }
}

function settingOf(kind: Extract<Kind, { case: SettingCase }>): Setting {
  const { accountId, asked } = kind.value;
  switch (kind.case) {
    case 'setAccountState': {
      const accountState = accountStateCodec.toName(kind.value.state);
      return { kind: kind.case, accountId, accountState, comment: kind.value.comment, asked };
    }
    case 'setAccountLimits':
      return { kind: kind.case, accountId, limits: limitsOf(kind.value), asked };
    case 'setFeeSchedule': {
      const { instrumentNumber } = kind.value;
      const scope = { accountId, instrumentNumber };
      return { kind: kind.case, scope, tiers: tiersOf(kind.value.tiers), asked };
    }
    default:
      return assertNever(kind);
  }
}

/** Terms whose self-trade prevention may be left to the account's settings. */
function placementTermsInit(terms: PlacementTerms) {
  const selfTradePrevention =
    terms.selfTradePrevention === undefined
      ? SelfTradePrevention.UNSPECIFIED
      : selfTradePreventionCodec.toNumber(terms.selfTradePrevention);
  const known = encodeTerms({ ...terms, selfTradePrevention: 'NONE', selfTradeGroup: 0 });
  return { ...known, selfTradePrevention };
}

/** @throws OperatingError MESSAGE_MALFORMED when terms are absent or hold what no domain can. */
function placementTermsOf(terms: TermsMessage | undefined): PlacementTerms {
  if (terms === undefined) throw malformed('a hold has terms');
  const { NONE, UNSPECIFIED } = SelfTradePrevention;
  const isUnspecified = terms.selfTradePrevention === UNSPECIFIED;
  const { selfTradeGroup: _ofTheAccount, ...decoded } = decodeTerms(
    isUnspecified ? { ...terms, selfTradePrevention: NONE } : terms,
  );
  const selfTradePrevention = isUnspecified ? undefined : decoded.selfTradePrevention;
  return { ...decoded, selfTradePrevention };
}

function placeGroupHoldKind(command: PlaceGroupHold): KindInit {
  return {
    case: 'placeGroupHold',
    value: {
      accountId: command.accountId,
      groupType: groupTypeCodec.toNumber(command.groupType),
      legs: command.legs.map(({ clientOrderId, terms, declineReason }) => ({
        clientOrderId,
        terms: placementTermsInit(terms),
        declineReason: rejectReasonNumber(declineReason),
      })),
      bodyHash: bytesOf(command.bodyHash),
      entryUnits: command.entryUnits,
      groupUnits: command.groupUnits,
      validUntilUs: BigInt(command.validUntilUs),
      refuseWhenShort: command.refuseWhenShort,
    },
  };
}

function placeGroupHoldOf(message: ValueOf<'placeGroupHold'>): PlaceGroupHold {
  return {
    kind: 'placeGroupHold',
    accountId: message.accountId,
    groupType: groupTypeCodec.toName(message.groupType),
    legs: message.legs.map(({ clientOrderId, terms, declineReason }) => ({
      clientOrderId,
      terms: placementTermsOf(terms),
      declineReason: rejectReasonName(declineReason),
    })),
    bodyHash: hexOf(message.bodyHash),
    entryUnits: amountUnitsOf(message.entryUnits),
    groupUnits: amountUnitsOf(message.groupUnits),
    validUntilUs: safeNumber(message.validUntilUs),
    refuseWhenShort: message.refuseWhenShort,
  };
}

function placeHoldKind(command: PlaceHold): KindInit {
  return {
    case: 'placeHold',
    value: {
      accountId: command.accountId,
      clientOrderId: command.clientOrderId,
      terms: placementTermsInit(command.terms),
      bodyHash: bytesOf(command.bodyHash),
      assetNumber: command.assetNumber,
      amountUnits: command.amountUnits,
      validUntilUs: BigInt(command.validUntilUs),
      declineReason: rejectReasonNumber(command.declineReason),
      refuseWhenShort: command.refuseWhenShort,
    },
  };
}

function settleSlotKind({ slot, range }: SettleSlot): KindInit {
  return { case: 'settleSlot', value: { slot, range: commandMessage(range).kind as never } };
}

function settleSlotOf({ slot, range: kind }: ValueOf<'settleSlot'>): SettleSlot {
  if (kind.case === undefined) throw malformed('what a slot lacks is a range');
  return { kind: 'settleSlot', slot, range: commandOf(create(CommandSchema, { kind })) as never };
}

/** @throws OperatingError MESSAGE_MALFORMED when the message is not what the contract promises. */
export function commandOf(message: CommandMessage): Command {
  const { kind } = message;
  switch (kind.case) {
    case 'createAccount': {
      const { accountId, defaultSelfTradePrevention: number } = kind.value;
      const defaultSelfTradePrevention = selfTradePreventionCodec.toName(number);
      return { kind: 'createAccount', accountId, defaultSelfTradePrevention };
    }
    case 'deposit':
    case 'withdraw':
      return transferOf(kind.case, kind.value);
    case 'placeHold':
      return placeHoldOf(kind.value);
    case 'placeGroupHold':
      return placeGroupHoldOf(kind.value);
    case 'setSelfTradeGroup': {
      const { accountId, selfTradeGroup } = kind.value;
      return { kind: 'setSelfTradeGroup', accountId, selfTradeGroup };
    }
    case 'cancelAllAfter': {
      const { accountId, timeoutUs } = kind.value;
      return { kind: 'cancelAllAfter', accountId, timeoutUs: safeNumber(timeoutUs) };
    }
    case 'finishCancelAfter': {
      const { accountNumber, instrumentNumber } = kind.value;
      const dueSequence = safeNumber(kind.value.dueSequence);
      return { kind: 'finishCancelAfter', accountNumber, dueSequence, instrumentNumber };
    }
    case 'amendHold':
      return amendHoldOf(kind.value);
    case 'prepareCancel': {
      const { accountId, clientOrderId } = kind.value;
      return { kind: 'prepareCancel', accountId, clientOrderId };
    }
    case 'settle':
      return settleOf(kind.value);
    case 'transfer':
      return { ...transferOf(kind.case, kind.value), toAccountId: kind.value.toAccountId };
    case 'setAccountState':
    case 'setAccountLimits':
    case 'setFeeSchedule':
      return settingOf(kind);
    case 'settleTransfers':
      return settleTransfersOf(kind.value);
    case 'bustTrade':
      return { kind: kind.case, ...bustOf(kind.value) };
    case 'setAsset': {
      const { assetNumber, assetId, scale, version } = kind.value;
      return { kind: 'setAsset', assetNumber, assetId, scale, version: safeNumber(version) };
    }
    case 'setInstrument':
      return { kind: 'setInstrument', rules: decodeRules(kind.value.rules) };
    case 'acquireSlots': {
      const { slots, generation } = kind.value;
      return { kind: 'acquireSlots', slots: [...slots], generation: safeNumber(generation) };
    }
    case 'settleSlot':
      return settleSlotOf(kind.value);
    case 'beginSource':
      return beginSourceOf(kind.value);
    case 'moveSlot':
      return { kind: kind.case, move: slotCommandOf(kind.value, tailCodec) };
    case undefined:
      throw malformed('a command says what to do');
    default:
      return assertNever(kind);
  }
}

function transferOf<Kind extends Transfer['kind'] | 'transfer'>(
  kind: Kind,
  message: ValueOf<'deposit' | 'withdraw' | 'transfer'>,
) {
  const { accountId, assetNumber, clientTransferId } = message;
  const amountUnits = amountUnitsOf(message.amountUnits);
  return { kind, accountId, assetNumber, amountUnits, clientTransferId };
}

function placeHoldOf(message: ValueOf<'placeHold'>): PlaceHold {
  return {
    kind: 'placeHold',
    accountId: message.accountId,
    clientOrderId: message.clientOrderId,
    terms: placementTermsOf(message.terms),
    bodyHash: hexOf(message.bodyHash),
    assetNumber: message.assetNumber,
    amountUnits: amountUnitsOf(message.amountUnits),
    validUntilUs: safeNumber(message.validUntilUs),
    declineReason: rejectReasonName(message.declineReason),
    refuseWhenShort: message.refuseWhenShort,
  };
}

function amendHoldOf(message: ValueOf<'amendHold'>): AmendHold {
  const { accountNumber, amendHoldId } = message;
  return {
    kind: 'amendHold',
    accountNumber,
    placement: safeNumber(message.placement),
    amendHoldId,
    amountUnits: amountUnitsOf(message.amountUnits),
    validUntilUs: safeNumber(message.validUntilUs),
  };
}

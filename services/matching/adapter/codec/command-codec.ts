// Commands of a matching shard between the contract and the domain.

import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  type Command as CommandMessage,
  CommandSchema,
} from '../../../../gen/bourse/matching/v1/command_pb.ts';
import { assertNever } from '../../../lib/base/assert.ts';
import { malformed } from '../../../lib/platform/codec/malformed.ts';
import { amountUnitsOf, safeNumber } from '../../../lib/platform/codec/numbers.ts';
import { slotCommandMessage, slotCommandOf } from '../../../lib/platform/codec/slot-codec.ts';
import {
  cancelReasonCodec,
  decodeRules,
  decodeTerms,
  encodeRules,
  encodeTerms,
  groupTypeCodec,
  instrumentStateCodec,
  sideCodec,
} from '../../../lib/platform/codec/terms-codec.ts';
import type {
  AmendOrder,
  CancelAllOrders,
  MatchingCommand,
  SetInstrumentState,
} from '../../domain/command.ts';
import { encodeFrequentCommand } from './frequent.ts';
import { decodeFrequentCommand } from './frequent-decoder.ts';

type Kind = CommandMessage['kind'];
type KindInit = NonNullable<
  Exclude<MessageInitShape<typeof CommandSchema>, CommandMessage>['kind']
>;
type Message<Case extends Kind['case']> = Extract<Kind, { case: Case }>['value'];
type AmendMessage = Message<'amendOrder'>;

/** Commands within a command: what a slot's tail holds. */
const tailCodec = {
  encodeCommand: (command: MatchingCommand): Uint8Array =>
    encodeFrequentCommand(command) ?? toBinary(CommandSchema, commandMessage(command)),
  decodeCommand: (bytes: Uint8Array): MatchingCommand =>
    decodeFrequentCommand(bytes) ?? commandOf(fromBinary(CommandSchema, bytes)),
};

export function commandMessage(command: MatchingCommand): CommandMessage {
  return create(CommandSchema, { kind: kindOf(command) });
}

function kindOf(command: MatchingCommand): KindInit {
  switch (command.kind) {
    case 'placeOrder': {
      const { accountNumber, placement, terms } = command;
      return {
        case: 'placeOrder',
        value: { accountNumber, placement: BigInt(placement), terms: encodeTerms(terms) },
      };
    }
    case 'placeOrderGroup': {
      const { accountNumber, legs } = command;
      const placement = BigInt(command.placement);
      const groupType = groupTypeCodec.toNumber(command.groupType);
      return {
        case: command.kind,
        value: { accountNumber, placement, groupType, legs: legs.map(encodeTerms) },
      };
    }
    case 'cancelOrderGroup':
    case 'cancelOrder': {
      const { instrumentNumber, accountNumber, placement } = command;
      return {
        case: command.kind,
        value: { instrumentNumber, accountNumber, placement: BigInt(placement) },
      };
    }
    case 'amendOrder':
      return amendKind(command);
    case 'cancelAllOrders':
      return cancelAllKind(command);
    case 'forbidOrder': {
      const { kind, placement, forbiddenValidUntilUs, ...rest } = command;
      return {
        case: kind,
        value: {
          ...rest,
          placement: BigInt(placement),
          forbiddenValidUntilUs: BigInt(forbiddenValidUntilUs),
        },
      };
    }
    case 'setInstrument': {
      const initialState = instrumentStateCodec.toNumber(command.initialState);
      return {
        case: 'setInstrument',
        value: { rules: encodeRules(command.rules), initialState },
      };
    }
    case 'setInstrumentState':
      return stateKind(command);
    case 'retireInstrument': {
      const { instrumentNumber, comment } = command;
      return { case: command.kind, value: { instrumentNumber, comment } };
    }
    case 'acquireSlots': {
      const { slots, generation } = command;
      return { case: 'acquireSlots', value: { slots: [...slots], generation: BigInt(generation) } };
    }
    case 'moveSlot':
      return { case: command.kind, value: slotCommandMessage(command.move, tailCodec) };
    default:
      return assertNever(command);
  }
}

function stateKind(command: SetInstrumentState): KindInit {
  const { kind, instrumentNumber, comment } = command;
  return {
    case: kind,
    value: {
      instrumentNumber,
      state: instrumentStateCodec.toNumber(command.state),
      comment,
      auctionEndTimeUs: BigInt(command.auctionEndTimeUs),
      stateAfterAuction: instrumentStateCodec.toNumber(command.stateAfterAuction),
    },
  };
}

function cancelAllKind(command: CancelAllOrders): KindInit {
  const { kind, instrumentNumber, accountNumber, side, comment } = command;
  return {
    case: kind,
    value: {
      instrumentNumber,
      accountNumber,
      ...(side === undefined ? {} : { side: sideCodec.toNumber(side) }),
      reason: cancelReasonCodec.toNumber(command.reason),
      comment,
    },
  };
}

function amendKind(command: AmendOrder): KindInit {
  const { quantityUnits, priceUnits, expectedVersion } = command;
  const { stopPriceUnits, displayUnits, expireTimeUs } = command;
  return {
    case: 'amendOrder',
    value: {
      instrumentNumber: command.instrumentNumber,
      accountNumber: command.accountNumber,
      placement: BigInt(command.placement),
      ...(quantityUnits === undefined ? {} : { quantityUnits: BigInt(quantityUnits) }),
      ...(priceUnits === undefined ? {} : { priceUnits: BigInt(priceUnits) }),
      ...(expectedVersion === undefined ? {} : { expectedVersion: BigInt(expectedVersion) }),
      ...(stopPriceUnits === undefined ? {} : { stopPriceUnits: BigInt(stopPriceUnits) }),
      ...(displayUnits === undefined ? {} : { displayUnits: BigInt(displayUnits) }),
      ...(expireTimeUs === undefined ? {} : { expireTimeUs: BigInt(expireTimeUs) }),
      instrumentVersion: BigInt(command.instrumentVersion),
      amendHoldUnits: command.amendHoldUnits,
      amendHoldId: command.amendHoldId,
    },
  };
}

/** @throws OperatingError MESSAGE_MALFORMED when the message does not say what the contract promises. */
export function commandOf(message: CommandMessage): MatchingCommand {
  const { kind } = message;
  switch (kind.case) {
    case 'placeOrder': {
      const { accountNumber, placement, terms } = kind.value;
      return {
        kind: 'placeOrder',
        accountNumber,
        placement: safeNumber(placement),
        terms: decodeTerms(terms),
      };
    }
    case 'placeOrderGroup': {
      const { accountNumber, placement, groupType, legs } = kind.value;
      return {
        kind: kind.case,
        accountNumber,
        placement: safeNumber(placement),
        groupType: groupTypeCodec.toName(groupType),
        legs: legs.map(decodeTerms),
      };
    }
    case 'cancelOrderGroup':
    case 'cancelOrder': {
      const { instrumentNumber, accountNumber, placement } = kind.value;
      return { kind: kind.case, instrumentNumber, accountNumber, placement: safeNumber(placement) };
    }
    case 'amendOrder':
      return amendOf(kind.value);
    case 'cancelAllOrders':
      return cancelAllOf(kind.value);
    case 'forbidOrder': {
      const { instrumentNumber, accountNumber, placement, amendHoldId } = kind.value;
      return {
        kind: 'forbidOrder',
        instrumentNumber,
        accountNumber,
        placement: safeNumber(placement),
        amendHoldId,
        forbiddenValidUntilUs: safeNumber(kind.value.forbiddenValidUntilUs),
      };
    }
    case 'setInstrument': {
      const initialState = instrumentStateCodec.toName(kind.value.initialState);
      return { kind: 'setInstrument', rules: decodeRules(kind.value.rules), initialState };
    }
    case 'setInstrumentState':
      return stateOf(kind.value);
    case 'retireInstrument': {
      const { instrumentNumber, comment } = kind.value;
      return { kind: kind.case, instrumentNumber, comment };
    }
    case 'acquireSlots': {
      const { slots, generation } = kind.value;
      return { kind: 'acquireSlots', slots: [...slots], generation: safeNumber(generation) };
    }
    case 'moveSlot':
      return { kind: kind.case, move: slotCommandOf(kind.value, tailCodec) };
    case undefined:
      throw malformed('a command says what to do');
    default:
      return assertNever(kind);
  }
}

function cancelAllOf(message: Message<'cancelAllOrders'>): CancelAllOrders {
  const { instrumentNumber, accountNumber, side, reason, comment } = message;
  return {
    kind: 'cancelAllOrders',
    instrumentNumber,
    accountNumber,
    side: side === 0 ? undefined : sideCodec.toName(side),
    reason: reason === 0 ? 'MASS' : cancelReasonCodec.toName(reason),
    comment,
  };
}

function stateOf(message: Message<'setInstrumentState'>): SetInstrumentState {
  const { instrumentNumber, comment, auctionEndTimeUs } = message;
  return {
    kind: 'setInstrumentState',
    instrumentNumber,
    state: instrumentStateCodec.toName(message.state),
    comment,
    auctionEndTimeUs: safeNumber(auctionEndTimeUs),
    stateAfterAuction: stateAfterAuctionOf(message.stateAfterAuction),
  };
}

function stateAfterAuctionOf(number: number): SetInstrumentState['stateAfterAuction'] {
  const state = number === 0 ? 'CONTINUOUS' : instrumentStateCodec.toName(number);
  if (state === 'CONTINUOUS' || state === 'POST_ONLY' || state === 'CLOSED') return state;
  throw malformed(`${state} does not follow an auction`);
}

function amendOf(message: AmendMessage): AmendOrder {
  const { quantityUnits, priceUnits, expectedVersion } = message;
  const { stopPriceUnits, displayUnits, expireTimeUs } = message;
  return {
    kind: 'amendOrder',
    instrumentNumber: message.instrumentNumber,
    accountNumber: message.accountNumber,
    placement: safeNumber(message.placement),
    quantityUnits: quantityUnits === undefined ? undefined : safeNumber(quantityUnits),
    priceUnits: priceUnits === undefined ? undefined : safeNumber(priceUnits),
    expectedVersion: expectedVersion === undefined ? undefined : safeNumber(expectedVersion),
    stopPriceUnits: stopPriceUnits === undefined ? undefined : safeNumber(stopPriceUnits),
    displayUnits: displayUnits === undefined ? undefined : safeNumber(displayUnits),
    expireTimeUs: expireTimeUs === undefined ? undefined : safeNumber(expireTimeUs),
    instrumentVersion: safeNumber(message.instrumentVersion),
    amendHoldUnits: amountUnitsOf(message.amendHoldUnits),
    amendHoldId: message.amendHoldId,
  };
}

// Commands of a matching shard between the contract and the domain.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Command as CommandMessage,
  CommandSchema,
} from '../../../../gen/bourse/matching/v1/command_pb.ts';
import { assertNever } from '../../../lib/base/assert.ts';
import { malformed } from '../../../lib/platform/codec/malformed.ts';
import { amountUnitsOf, safeNumber } from '../../../lib/platform/codec/numbers.ts';
import {
  decodeRules,
  decodeTerms,
  encodeRules,
  encodeTerms,
  instrumentStateCodec,
  sideCodec,
} from '../../../lib/platform/codec/terms-codec.ts';
import type { AmendOrder, MatchingCommand } from '../../domain/command.ts';

type Kind = CommandMessage['kind'];
type KindInit = NonNullable<
  Exclude<MessageInitShape<typeof CommandSchema>, CommandMessage>['kind']
>;
type AmendMessage = Extract<Kind, { case: 'amendOrder' }>['value'];

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
    case 'cancelOrder': {
      const { instrumentNumber, accountNumber, placement } = command;
      return {
        case: 'cancelOrder',
        value: { instrumentNumber, accountNumber, placement: BigInt(placement) },
      };
    }
    case 'amendOrder':
      return amendKind(command);
    case 'cancelAllOrders': {
      const { instrumentNumber, accountNumber, side } = command;
      return {
        case: 'cancelAllOrders',
        value: {
          instrumentNumber,
          accountNumber,
          ...(side === undefined ? {} : { side: sideCodec.toNumber(side) }),
        },
      };
    }
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
    case 'setInstrumentState': {
      const { instrumentNumber, comment } = command;
      const state = instrumentStateCodec.toNumber(command.state);
      return { case: 'setInstrumentState', value: { instrumentNumber, state, comment } };
    }
    case 'acquireSlots': {
      const { slots, generation } = command;
      return { case: 'acquireSlots', value: { slots: [...slots], generation: BigInt(generation) } };
    }
    default:
      return assertNever(command);
  }
}

function amendKind(command: AmendOrder): KindInit {
  const { quantityUnits, priceUnits, expectedVersion } = command;
  return {
    case: 'amendOrder',
    value: {
      instrumentNumber: command.instrumentNumber,
      accountNumber: command.accountNumber,
      placement: BigInt(command.placement),
      ...(quantityUnits === undefined ? {} : { quantityUnits: BigInt(quantityUnits) }),
      ...(priceUnits === undefined ? {} : { priceUnits: BigInt(priceUnits) }),
      ...(expectedVersion === undefined ? {} : { expectedVersion: BigInt(expectedVersion) }),
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
    case 'cancelOrder': {
      const { instrumentNumber, accountNumber, placement } = kind.value;
      return {
        kind: 'cancelOrder',
        instrumentNumber,
        accountNumber,
        placement: safeNumber(placement),
      };
    }
    case 'amendOrder':
      return amendOf(kind.value);
    case 'cancelAllOrders': {
      const { instrumentNumber, accountNumber, side } = kind.value;
      return {
        kind: 'cancelAllOrders',
        instrumentNumber,
        accountNumber,
        side: side === 0 ? undefined : sideCodec.toName(side),
      };
    }
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
    case 'setInstrumentState': {
      const { instrumentNumber, state, comment } = kind.value;
      return {
        kind: 'setInstrumentState',
        instrumentNumber,
        state: instrumentStateCodec.toName(state),
        comment,
      };
    }
    case 'acquireSlots': {
      const { slots, generation } = kind.value;
      return { kind: 'acquireSlots', slots: [...slots], generation: safeNumber(generation) };
    }
    case undefined:
      throw malformed('a command says what to do');
    default:
      return assertNever(kind);
  }
}

function amendOf(message: AmendMessage): AmendOrder {
  const { quantityUnits, priceUnits, expectedVersion } = message;
  return {
    kind: 'amendOrder',
    instrumentNumber: message.instrumentNumber,
    accountNumber: message.accountNumber,
    placement: safeNumber(message.placement),
    quantityUnits: quantityUnits === undefined ? undefined : safeNumber(quantityUnits),
    priceUnits: priceUnits === undefined ? undefined : safeNumber(priceUnits),
    expectedVersion: expectedVersion === undefined ? undefined : safeNumber(expectedVersion),
    instrumentVersion: safeNumber(message.instrumentVersion),
    amendHoldUnits: amountUnitsOf(message.amendHoldUnits),
    amendHoldId: message.amendHoldId,
  };
}

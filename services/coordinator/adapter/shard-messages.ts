// The coordinator's commands to shards as messages of their contracts.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { CommandSchema as LedgerCommandSchema } from '../../../gen/bourse/ledger/v1/command_pb.ts';
import type { CommandSchema as MatchingCommandSchema } from '../../../gen/bourse/matching/v1/command_pb.ts';
import { assertNever } from '../../lib/base/assert.ts';
import { encodeRules, instrumentStateCodec } from '../../lib/platform/codec/terms-codec.ts';
import type { ShardCommand } from '../domain/agreement.ts';
import { ASSET_VERSION } from '../domain/reference-tables.ts';

export type MatchingCommandInit = MessageInitShape<typeof MatchingCommandSchema>;
type LedgerCommandInit = MessageInitShape<typeof LedgerCommandSchema>;

export function matchingCommand(command: ShardCommand): MatchingCommandInit {
  switch (command.kind) {
    case 'acquireSlots':
      return { kind: { case: command.kind, value: slotsOf(command) } };
    case 'setInstrument': {
      const initialState = instrumentStateCodec.toNumber(command.initialState);
      return {
        kind: { case: command.kind, value: { rules: encodeRules(command.rules), initialState } },
      };
    }
    case 'setAsset':
      throw new Error('matching shards know no assets');
    default:
      return assertNever(command);
  }
}

export function ledgerCommand(command: ShardCommand): LedgerCommandInit {
  switch (command.kind) {
    case 'acquireSlots':
      return { kind: { case: command.kind, value: slotsOf(command) } };
    case 'setAsset': {
      const { assetNumber, assetId, scale } = command.asset;
      const version = BigInt(ASSET_VERSION);
      return { kind: { case: command.kind, value: { assetNumber, assetId, scale, version } } };
    }
    case 'setInstrument':
      return { kind: { case: command.kind, value: { rules: encodeRules(command.rules) } } };
    default:
      return assertNever(command);
  }
}

function slotsOf({ slots, generation }: Extract<ShardCommand, { kind: 'acquireSlots' }>) {
  return { slots: [...slots], generation: BigInt(generation) };
}

/** A step of a slot's move, as its shard gets it (MOV-2). */
export type SlotStep = {
  readonly slot: number;
  readonly generation: number;
  readonly step: 'export' | 'done' | 'refuseImport' | 'unfreeze';
};

/** The same in both contracts. */
export function moveCommand({ slot, generation, step }: SlotStep) {
  const value = { slot, generation: BigInt(generation), step: { case: step, value: {} } };
  return { kind: { case: 'moveSlot' as const, value } };
}

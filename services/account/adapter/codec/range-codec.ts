// Commands about the streams of other shards between the contract and the domain: ranges of their
// events, and where they begin.

import type {
  BeginSource as BeginSourceMessage,
  SentTransfer as SentTransferMessage,
  Settle as SettleMessage,
  SettleTransfers as SettleTransfersMessage,
} from '../../../../gen/bourse/ledger/v1/command_pb.ts';
import { amountUnitsOf, safeNumber } from '../../../lib/platform/codec/numbers.ts';
import type { BeginSource, SentTransfer, Settle, SettleTransfers } from '../../domain/command.ts';
import { bustInit, bustOf } from './bust-codec.ts';
import { bytesOf, hexOf } from './record-codec.ts';
import { settledEntryInit, settledEntryOf } from './settled-codec.ts';

/** What every range of another shard's events begins with. */
function rangeInit(command: Settle | SettleTransfers) {
  return {
    sourceShardId: command.sourceShardId,
    fromSequence: BigInt(command.fromSequence),
    throughSequence: BigInt(command.throughSequence),
    sourceEntryIndex: BigInt(command.sourceEntryIndex),
    sourceChainChecksum: bytesOf(command.sourceChainChecksum),
    slotsVersion: BigInt(command.slotsVersion ?? 0),
  };
}

function rangeOf(message: SettleMessage | SettleTransfersMessage) {
  return {
    sourceShardId: message.sourceShardId,
    fromSequence: safeNumber(message.fromSequence),
    throughSequence: safeNumber(message.throughSequence),
    sourceEntryIndex: safeNumber(message.sourceEntryIndex),
    sourceChainChecksum: hexOf(message.sourceChainChecksum),
    ...(message.slotsVersion === 0n ? {} : { slotsVersion: safeNumber(message.slotsVersion) }),
  };
}

export function settleInit(command: Settle) {
  return { ...rangeInit(command), entries: command.entries.map(settledEntryInit) };
}

export function settleOf(message: SettleMessage): Settle {
  return { kind: 'settle', ...rangeOf(message), entries: message.entries.map(settledEntryOf) };
}

export function settleTransfersInit(command: SettleTransfers) {
  const busts = command.busts.map(bustInit);
  return { ...rangeInit(command), transfers: [...command.transfers], busts };
}

export function settleTransfersOf(message: SettleTransfersMessage): SettleTransfers {
  const transfers = message.transfers.map(sentTransferOf);
  const busts = message.busts.map(bustOf);
  return { kind: 'settleTransfers', ...rangeOf(message), transfers, busts };
}

function sentTransferOf(message: SentTransferMessage): SentTransfer {
  const { fromAccountId, clientTransferId, toAccountId, assetNumber } = message;
  const amountUnits = amountUnitsOf(message.amountUnits);
  return { fromAccountId, clientTransferId, toAccountId, assetNumber, amountUnits };
}

export function beginSourceInit(command: BeginSource) {
  return {
    sourceShardId: command.sourceShardId,
    sequence: BigInt(command.sequence),
    sourceEntryIndex: BigInt(command.sourceEntryIndex),
    sourceChainChecksum: bytesOf(command.sourceChainChecksum),
  };
}

export function beginSourceOf(message: BeginSourceMessage): BeginSource {
  return {
    kind: 'beginSource',
    sourceShardId: message.sourceShardId,
    sequence: safeNumber(message.sequence),
    sourceEntryIndex: safeNumber(message.sourceEntryIndex),
    sourceChainChecksum: hexOf(message.sourceChainChecksum),
  };
}

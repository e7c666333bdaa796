// Trades that are taken back, between the contract and the domain.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  BustTrade as BustMessage,
  BustTradeSchema,
  BustedParty as PartyMessage,
} from '../../../../gen/bourse/ledger/v1/command_pb.ts';
import type {
  TradeBusted as BustedMessage,
  Event as EventMessage,
  TradeBustedSchema,
} from '../../../../gen/bourse/ledger/v1/event_pb.ts';
import { malformed } from '../../../lib/platform/codec/malformed.ts';
import { amountUnitsOf, safeNumber } from '../../../lib/platform/codec/numbers.ts';
import { sideCodec } from '../../../lib/platform/codec/terms-codec.ts';
import type { BustedParty, BustedTrade } from '../../domain/command.ts';
import type { TradeBusted } from '../../domain/event.ts';
import { recordMessage, recordOf } from './record-codec.ts';

type BustInit = Exclude<MessageInitShape<typeof BustTradeSchema>, BustMessage>;
type BustedInit = Exclude<MessageInitShape<typeof TradeBustedSchema>, BustedMessage>;

export function bustInit(trade: BustedTrade): BustInit {
  return {
    instrumentNumber: trade.instrumentNumber,
    instrumentSequence: BigInt(trade.instrumentSequence),
    priceUnits: BigInt(trade.priceUnits),
    quantityUnits: BigInt(trade.quantityUnits),
    buyer: partyInit(trade.buyer),
    seller: partyInit(trade.seller),
    tradeTimeUs: BigInt(trade.tradeTimeUs),
    comment: trade.comment,
  };
}

function partyInit({ accountNumber, placement, feeUnits }: BustedParty) {
  return { accountNumber, placement: BigInt(placement), feeUnits };
}

/** @throws OperatingError MESSAGE_MALFORMED when the message is not what the contract promises. */
export function bustOf(message: BustMessage | undefined): BustedTrade {
  if (message === undefined) throw malformed('a bust names its trade');
  return {
    instrumentNumber: message.instrumentNumber,
    instrumentSequence: safeNumber(message.instrumentSequence),
    priceUnits: safeNumber(message.priceUnits),
    quantityUnits: safeNumber(message.quantityUnits),
    buyer: partyOf(message.buyer),
    seller: partyOf(message.seller),
    tradeTimeUs: safeNumber(message.tradeTimeUs),
    comment: message.comment,
  };
}

function partyOf(message: PartyMessage | undefined): BustedParty {
  if (message === undefined) throw malformed('a trade has two sides');
  const { accountNumber, placement, feeUnits } = message;
  return {
    accountNumber,
    placement: safeNumber(placement),
    feeUnits: amountUnitsOf(feeUnits),
  };
}

export function tradeBustedInit(event: TradeBusted): BustedInit {
  const { trade, side, missingUnits, byClearing, accountId, record } = event;
  return {
    bust: bustInit(trade),
    side: sideCodec.toNumber(side),
    missingUnits,
    byClearing,
    accountId,
    ...(record === undefined ? {} : { record: recordMessage(record) }),
    previousAccountSequence: BigInt(event.previousAccountSequence),
  };
}

/** @throws OperatingError MESSAGE_MALFORMED when the message is not what the contract promises. */
export function tradeBustedOf(message: BustedMessage): TradeBusted {
  const { missingUnits, byClearing, accountId, record } = message;
  return {
    kind: 'tradeBusted',
    trade: bustOf(message.bust),
    side: sideCodec.toName(message.side),
    missingUnits: amountUnitsOf(missingUnits),
    byClearing,
    accountId,
    record: record === undefined ? undefined : recordOf(record),
    previousAccountSequence: safeNumber(message.previousAccountSequence),
  };
}

/** A trade whose seller another account shard has to reverse; undefined when the event has none. */
export function sentBustOf({ kind }: EventMessage): BustedTrade | undefined {
  if (kind.case !== 'tradeBusted' || !kind.value.byClearing) return undefined;
  const { side, trade } = tradeBustedOf(kind.value);
  return side === 'BUY' ? trade : undefined;
}

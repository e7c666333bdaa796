// BustTrade: finds the trade in the log of its book, waits until both sides are settled, and has it
// taken back by the shard of the buyer, and by that of the seller, which follows.

import type { BustTradeRequest } from '../../../../gen/bourse/account/v1/admin_service_pb.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import { assertForm } from '../../../lib/platform/rpc/form-error.ts';
import { FormCheck } from '../../../lib/rules/form.ts';
import type { AccountNode } from '../shard/account-node.ts';
import { type FoundTrade, findTrade, type TradeName } from './find-trade.ts';
import { COMMENT_FORM } from './form.ts';
import { madeId, proposeToShard } from './propose.ts';
import { timestampOf } from './views.ts';

/** How long a shard is waited for. */
const WAIT_LIMIT_MS = 1_500;
const TRADE_FORM = /^([1-9][0-9]{0,9})-([1-9][0-9]{0,15})$/;

export async function bustTrade(node: AccountNode, request: BustTradeRequest) {
  const { tradeId, comment } = request;
  const check = new FormCheck();
  check.requiredId('trade_id', tradeId);
  if (comment === '') check.add('comment', 'FIELD_REQUIRED', 'is required');
  else if (!COMMENT_FORM.test(comment)) {
    check.add('comment', 'TEXT_INVALID', 'has at most 256 characters');
  }
  assertForm(check);
  const name = nameOf(tradeId);
  const found = name === undefined ? undefined : await findTrade(node, name);
  if (found === undefined) {
    const metadata = { trade_id: tradeId };
    throw new OperatingError('TRADE_UNKNOWN', 'No log of a book has such a trade.', { metadata });
  }
  const { buyer, seller } = found.trade;
  const buyerShardId = node.placeOfAccountNumber(buyer.accountNumber);
  const sellerShardId = node.placeOfAccountNumber(seller.accountNumber);
  for (const shardId of new Set([buyerShardId, sellerShardId])) {
    await assertSettled(node, shardId, found);
  }
  const command = { kind: 'bustTrade', ...found.trade, comment } as const;
  const done = await proposeToShard(node, buyerShardId, { command, identity: madeId(node) });
  const completed =
    sellerShardId === buyerShardId ||
    (await isFollowed(node, { sellerShardId, buyerShardId, sequence: done.throughSequence }));
  const known = new Map(await node.ledShard().knownInstruments());
  return {
    tradeId,
    instrumentId: known.get(found.trade.instrumentNumber)?.instrumentId ?? '',
    comment: done.answer?.bust?.comment ?? comment,
    bustTime: timestampOf(Number(done.answer?.bust?.bustedTimeUs ?? 0n)),
    duplicate: done.duplicate,
    completed,
  };
}

function nameOf(tradeId: string): TradeName | undefined {
  const [, instrument = '', sequence = ''] = TRADE_FORM.exec(tradeId) ?? [];
  if (instrument === '' || Number(instrument) > 0xffff_ffff) return undefined;
  if (!Number.isSafeInteger(Number(sequence))) return undefined;
  return { instrumentNumber: Number(instrument), instrumentSequence: Number(sequence) };
}

/** @throws OperatingError SETTLEMENT_LAG, NOT_LEADER. */
async function assertSettled(
  node: AccountNode,
  shardId: string,
  { bookShardId: sourceShardId, sequence }: FoundTrade,
): Promise<void> {
  const leader = node.ledgers.findLeader(shardId);
  if (leader === undefined) throw node.noLeader(shardId);
  const request = { shardId, sourceShardId, sequence: BigInt(sequence) };
  const { settled } = await leader.ledger.waitSettled(request, { timeoutMs: WAIT_LIMIT_MS });
  if (settled) return;
  const sentence = 'The trade is not settled yet; nothing was done.';
  throw new OperatingError('SETTLEMENT_LAG', sentence, { retryDelayMs: 250 });
}

/** Whether the seller's shard has taken in what the buyer's has said; it arrives in any case. */
async function isFollowed(
  node: AccountNode,
  of: {
    readonly sellerShardId: string;
    readonly buyerShardId: string;
    readonly sequence: number;
  },
): Promise<boolean> {
  const { sellerShardId: shardId, buyerShardId: sourceShardId } = of;
  const request = { shardId, sourceShardId, sequence: BigInt(of.sequence) };
  try {
    const leader = node.ledgers.findLeader(shardId);
    const answer = await leader?.ledger.waitSettled(request, { timeoutMs: WAIT_LIMIT_MS });
    return answer?.settled === true;
  } catch {
    return false;
  }
}

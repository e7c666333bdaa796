// LedgerService.ListFillRecords: the fills of an account, newest first: from memory as far as that
// reaches, then back through the log of the shard. A page of the log is what was found in some
// time.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  FillRecord,
  FillRecordSchema,
  ListFillRecordsRequest,
} from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { safeNumber } from '../../lib/platform/codec/numbers.ts';
import { encodeTerms } from '../../lib/platform/codec/terms-codec.ts';
import type { Account } from '../domain/account.ts';
import { bustKeyOf } from '../domain/bust-record.ts';
import type { LedgerState } from '../domain/state.ts';
import { fillInit } from './codec/record-codec.ts';
import { accountOf, limitOf, settleFor } from './ledger-reads.ts';
import { readPast } from './read-past.ts';
import type { AccountNode } from './shard/account-node.ts';
import type { AccountShard } from './shard/account-shard.ts';
import type { Happening } from './shard/happening.ts';

/** How long the log is read for one page; one stretch is read in any case. */
const LOG_LIMIT_US = 1_500_000;

type FillInit = Exclude<MessageInitShape<typeof FillRecordSchema>, FillRecord>;

/** Which fills are wanted, and what of them was taken back. */
type Wanted = {
  readonly accountNumber: number;
  readonly instrumentNumber: number;
  readonly placement: number;
  /** Trades that were taken back. */
  readonly busted: ReadonlySet<string>;
  readonly beforeSequence: number;
  readonly limit: number;
};

/** Fills of one page, as they are found: newest first. */
class FillPage {
  readonly #fills: FillInit[] = [];
  readonly #wanted: Wanted;
  #isFull = false;

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
  }

  /** Takes happenings, newest first, until there is one more than the page holds. */
  take(happenings: Iterable<Happening>): boolean {
    for (const happening of happenings) {
      if (happening.sequence >= this.#wanted.beforeSequence) continue;
      const fill = fillRecordOf(happening, this.#wanted);
      if (fill === undefined) continue;
      this.#isFull = this.#fills.length === this.#wanted.limit;
      if (this.#isFull) return true;
      this.#fills.push(fill);
    }
    return false;
  }

  /** The answer, which goes on behind its last fill. */
  asFull() {
    return this.withNext(safeNumber(this.#fills.at(-1)?.sequence as bigint));
  }

  /** The answer, which goes on before a sequence. */
  withNext(beforeSequence: number) {
    const nextBeforeSequence = BigInt(beforeSequence);
    return { fills: this.#fills, more: true, nextBeforeSequence, beyond: false };
  }

  asLast(beyond: boolean) {
    return { fills: this.#fills, more: false, nextBeforeSequence: 0n, beyond };
  }
}

export async function listFillRecords(node: AccountNode, request: ListFillRecordsRequest) {
  const { accountId, instrumentNumber } = request;
  const limit = limitOf(request.limit);
  const shard = node.shardOfAccount(accountId);
  const find = (state: LedgerState): Account => accountOf(state, accountId);
  if (request.settled) await settleFor(shard, find, instrumentNumber);
  const { accountNumber, busted, lastSequence } = await shard.read((state, place) => {
    const { accountNumber: number, busts } = find(state);
    const keys = new Set(busts.keys());
    return { accountNumber: number, busted: keys, lastSequence: place.lastSequence };
  });
  await shard.recall(lastSequence);
  const asked = safeNumber(request.beforeSequence);
  const beforeSequence = asked === 0 ? Number.POSITIVE_INFINITY : asked;
  const placement = safeNumber(request.placement);
  const wanted = { accountNumber, instrumentNumber, placement, busted, beforeSequence, limit };
  const page = new FillPage(wanted);
  if (page.take(shard.activity.posted(accountNumber))) return page.asFull();
  const since = shard.activity.postedSince(accountNumber);
  if (since === 0) return page.asLast(false);
  return takeFromLog(node, shard, { ...wanted, page, from: Math.min(since + 1, beforeSequence) });
}

/** What memory has forgotten; what happened on another shard has other sequences and is left out. */
async function takeFromLog(
  node: AccountNode,
  { host }: AccountShard,
  of: { readonly accountNumber: number; readonly page: FillPage; readonly from: number },
) {
  const { accountNumber, page } = of;
  const limitUs = node.world.monotonicUs() + LOG_LIMIT_US;
  for (let beforeSequence = of.from; ; ) {
    const place = { shardId: host.shardId, beforeSequence };
    const { happenings, next } = await readPast(node, accountNumber, place);
    if (page.take(happenings.toReversed())) return page.asFull();
    if (next === 'begun') return page.asLast(false);
    if (next === 'gone' || next.shardId !== host.shardId) return page.asLast(true);
    if (node.world.monotonicUs() > limitUs) return page.withNext(next.beforeSequence);
    beforeSequence = next.beforeSequence;
  }
}

function fillRecordOf({ sequence, event }: Happening, wanted: Wanted): FillInit | undefined {
  if (event.kind !== 'orderExecuted' || event.fill === undefined) return undefined;
  const { record, fill } = event;
  const { terms } = record;
  if (terms === undefined) return undefined;
  const { instrumentNumber } = terms;
  const { instrumentSequence } = event;
  if (wanted.instrumentNumber !== 0 && wanted.instrumentNumber !== instrumentNumber) {
    return undefined;
  }
  if (wanted.placement !== 0 && wanted.placement !== record.placement) return undefined;
  return {
    sequence: BigInt(sequence),
    instrumentNumber,
    instrumentSequence: BigInt(instrumentSequence),
    placement: BigInt(record.placement),
    clientOrderId: record.clientOrderId,
    accountNumber: record.accountNumber,
    terms: encodeTerms(terms),
    fill: fillInit(fill),
    eventTimeUs: BigInt(event.eventTimeUs),
    busted: wanted.busted.has(
      bustKeyOf({ instrumentNumber, instrumentSequence }, record.placement),
    ),
  };
}

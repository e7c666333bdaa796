// AuditLedger: brings every account shard to the same place of every stream, adds all of them up,
// and says what does not fit (LED-3).

import {
  type AuditLedgerRequest,
  LedgerBreakKind,
} from '../../../../gen/bourse/account/v1/admin_service_pb.ts';
import {
  type AccountBalance,
  PurseKind,
  type PurseTotal,
  type ShardTotals,
} from '../../../../gen/bourse/ledger/v1/service_pb.ts';
import { formatDecimal } from '../../../lib/base/decimal.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import type { Asset } from '../../domain/command.ts';
import { isClearingOfMove } from '../../domain/slot-adoption.ts';
import type { AccountNode } from '../shard/account-node.ts';
import { type AuditedShard, type Break, ledgerOf } from './audited-shard.ts';
import { compareWithBooks } from './compare-with-books.ts';

const MOST_BREAKS = 1_000;
/** How often a source that was not reached in time is tried again. */
const ATTEMPTS = 5;
const CALL_TIMEOUT_MS = 60_000;

/** @throws OperatingError SHARD_UNAVAILABLE, NOT_LEADER, SETTLEMENT_LAG. */
export async function auditLedger(node: AccountNode, { full }: AuditLedgerRequest) {
  const { shards, points } = await takeAll(node, full);
  let breaks = [...sumBreaks(shards), ...accountBreaks(shards)];
  let compared = false;
  if (full || breaks.length > 0) {
    // What the logs say is compared with balances: without them, once more with them.
    const whole = full ? { shards, points } : await takeAll(node, true);
    breaks = [...sumBreaks(whole.shards), ...accountBreaks(whole.shards)];
    const found = await compareWithBooks(node, whole.shards, whole.points);
    compared = found !== undefined;
    breaks.push(...(found ?? []));
  }
  // Reference data is the same on every shard.
  const assets = new Map(await node.ledShard().knownAssets());
  return {
    conserved: breaks.length === 0,
    accounts: shards.reduce((sum, { totals }) => sum + Number(totals.accountCount), 0),
    breaks: breaks.slice(0, MOST_BREAKS).map((one) => breakView(one, assets)),
    assets: assetViews(shards, assets),
    sources: [...points].map(([shardId, sequence]) => ({ shardId, sequence: BigInt(sequence) })),
    compared,
  };
}

type Taken = {
  readonly shards: readonly AuditedShard[];
  readonly points: ReadonlyMap<string, number>;
};

async function takeAll(node: AccountNode, withBalances: boolean): Promise<Taken> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await takeOnce(node, withBalances);
    } catch (error) {
      const isLag = error instanceof OperatingError && error.reason === 'SETTLEMENT_LAG';
      if (!isLag || attempt === ATTEMPTS) throw error;
    }
  }
}

/** All stop; of each stream the highest place that one of them has reached is that of all. */
async function takeOnce(node: AccountNode, withBalances: boolean): Promise<Taken> {
  const shardIds = node.shardIdsOf('account');
  const held = await Promise.all(
    shardIds.map((shardId) =>
      ledgerOf(node, shardId).holdSettlement({ shardId }, { timeoutMs: CALL_TIMEOUT_MS }),
    ),
  );
  const points = new Map<string, number>();
  for (const { points: reached } of held) {
    for (const { sourceShardId, sequence } of reached) {
      points.set(sourceShardId, Math.max(points.get(sourceShardId) ?? 0, Number(sequence)));
    }
  }
  const shards = await Promise.all(
    shardIds.map(async (shardId): Promise<AuditedShard> => {
      const wanted = [...points].map(([sourceShardId, sequence]) => {
        return { sourceShardId, sequence: BigInt(sequence) };
      });
      const request = { shardId, points: wanted, withBalances };
      let totals: ShardTotals | undefined;
      const balances: AccountBalance[] = [];
      for await (const answer of ledgerOf(node, shardId).takeTotals(request)) {
        totals ??= answer.totals;
        balances.push(...answer.balances);
      }
      if (totals === undefined) throw new Error(`${shardId} has no totals`);
      return { shardId, totals, balances };
    }),
  );
  return { shards, points };
}

/** Both sums of LED-3: of each shard over everything in it, and of each stream over all shards. */
function sumBreaks(shards: readonly AuditedShard[]): Break[] {
  const breaks: Break[] = [];
  const clearing = new Sums();
  for (const { shardId, totals } of shards) {
    const sums = new Sums();
    for (const { assetNumber, totalUnits } of totals.customers) {
      sums.add('', assetNumber, BigInt(totalUnits));
    }
    for (const purse of totals.purses) {
      sums.add('', purse.assetNumber, BigInt(purse.units));
      if (purse.kind === PurseKind.CLEARING) {
        clearing.add(purse.source || shardId, purse.assetNumber, BigInt(purse.units));
      }
    }
    for (const { assetNumber, units } of totals.sentLater) {
      clearing.add(shardId, assetNumber, -BigInt(units));
    }
    breaks.push(...sums.broken(LedgerBreakKind.ASSET_SUM, shardId));
  }
  const uncleared = clearing.broken(LedgerBreakKind.CLEARING_SUM);
  return [...breaks, ...uncleared.filter((one) => !isOnItsWay(one))];
}

/** A slot that its source has posted to clearing and its target has not posted back yet (LED-5). */
function isOnItsWay({ shardId: stream, foundUnits }: Break): boolean {
  return isClearingOfMove(stream) && foundUnits > 0n;
}

/** Sums by name and asset, all of which should be zero. */
class Sums {
  readonly #sums = new Map<string, { name: string; assetNumber: number; units: bigint }>();

  add(name: string, assetNumber: number, units: bigint): void {
    const key = `${name} ${assetNumber}`;
    const sum = this.#sums.get(key) ?? { name, assetNumber, units: 0n };
    sum.units += units;
    this.#sums.set(key, sum);
  }

  broken(kind: LedgerBreakKind, shardId?: string): Break[] {
    return [...this.#sums.values()]
      .filter(({ units }) => units !== 0n)
      .map(({ name, assetNumber, units }) => ({
        ...{ kind, accountId: '', assetNumber, shardId: shardId ?? name },
        ...{ expectedUnits: 0n, foundUnits: units },
      }));
  }
}

function accountBreaks(shards: readonly AuditedShard[]): Break[] {
  const { ACCOUNT_HELD, ACCOUNT_NEGATIVE } = LedgerBreakKind;
  return shards.flatMap(({ totals }) =>
    totals.breaks.map(({ kind, accountId, assetNumber, expectedUnits, foundUnits }) => ({
      kind: kind === 'HELD' ? ACCOUNT_HELD : ACCOUNT_NEGATIVE,
      ...{ accountId, assetNumber, shardId: '', expectedUnits, foundUnits },
    })),
  );
}

type Assets = ReadonlyMap<number, Asset>;

function decimalOf(assets: Assets, assetNumber: number, units: bigint): string {
  return formatDecimal(units, assets.get(assetNumber)?.scale ?? 0);
}

function breakView(one: Break, assets: Assets) {
  const { assetNumber } = one;
  return {
    kind: one.kind,
    accountId: one.accountId,
    assetId: assets.get(assetNumber)?.assetId ?? '',
    shardId: one.shardId,
    expected: decimalOf(assets, assetNumber, one.expectedUnits),
    found: decimalOf(assets, assetNumber, one.foundUnits),
  };
}

function assetViews(shards: readonly AuditedShard[], assets: Assets) {
  const all = [...assets.values()].sort((one, other) => (one.assetId < other.assetId ? -1 : 1));
  return all.map(({ assetNumber, assetId }) => {
    const customers = shards.flatMap(({ totals }) => totals.customers);
    const purses = shards.flatMap(({ totals }) => totals.purses);
    const own = customers.filter((sum) => sum.assetNumber === assetNumber);
    const sumOf = (texts: readonly string[]): string =>
      decimalOf(
        assets,
        assetNumber,
        texts.reduce((sum, text) => sum + BigInt(text), 0n),
      );
    const inPurses = (kind: PurseKind): string => {
      const isWanted = (purse: PurseTotal): boolean =>
        purse.kind === kind && purse.assetNumber === assetNumber;
      return sumOf(purses.filter(isWanted).map(({ units }) => units));
    };
    return {
      assetId,
      customers: sumOf(own.map(({ totalUnits }) => totalUnits)),
      held: sumOf(own.map(({ heldUnits }) => heldUnits)),
      external: inPurses(PurseKind.EXTERNAL),
      fees: inPurses(PurseKind.FEE),
      suspense: inPurses(PurseKind.SUSPENSE),
      clearing: inPurses(PurseKind.CLEARING),
    };
  });
}

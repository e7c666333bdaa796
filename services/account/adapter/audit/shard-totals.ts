// One shard's part of an audit (LED-3): it stops where it is, takes in each stream up to the place
// that all shards have agreed on, adds itself up, and goes on.

import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  PurseKind,
  type TakeTotalsResponse,
  type TakeTotalsResponseSchema,
} from '../../../../gen/bourse/ledger/v1/service_pb.ts';
import { enumCodec } from '../../../lib/platform/codec/enum-codec.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import type { InstrumentRules } from '../../../lib/rules/terms.ts';
import { type PurseTotal, type ShardTotals, totalsOf } from '../../domain/audit.ts';
import type { BalanceAfter, Event } from '../../domain/event.ts';
import { OWN_STREAM } from '../../domain/ledger.ts';
import { balancesOf } from '../../domain/queries.ts';
import type { LedgerState } from '../../domain/state.ts';
import { balanceInit } from '../codec/record-codec.ts';
import { reversalOf } from '../public/postings.ts';
import type { AccountShard } from '../shard/account-shard.ts';

const BALANCES_PER_MESSAGE = 5_000;

const purseKindCodec = enumCodec('PurseKind', PurseKind);

/** Last sequence by source. */
export type SourcePoints = ReadonlyMap<string, number>;

type ResponseInit = Exclude<MessageInitShape<typeof TakeTotalsResponseSchema>, TakeTotalsResponse>;

/** @throws OperatingError NOT_LEADER. */
export async function holdSettlement(shard: AccountShard): Promise<SourcePoints> {
  const { settlement } = shard;
  if (settlement === undefined) throw shard.notLeader();
  const held = [...settlement.followers()].map(async ([source, follower]) => {
    return [source, await follower.hold()] as const;
  });
  return new Map(await Promise.all(held));
}

/** @throws OperatingError NOT_LEADER, SETTLEMENT_LAG. */
export async function* takeTotals(
  shard: AccountShard,
  points: SourcePoints,
  withBalances: boolean,
): AsyncGenerator<ResponseInit, void, void> {
  const { settlement } = shard;
  if (settlement === undefined) throw shard.notLeader();
  const followers = settlement.followers();
  try {
    const reached = [...followers].map(async ([source, follower]) => {
      const sequence = points.get(source);
      return sequence !== undefined && (await follower.settleThrough(sequence));
    });
    if ((await Promise.all(reached)).includes(false)) throw notReached();
    const moment = await shard.read((state, { lastSequence }) => ({
      totals: totalsOf(state),
      balances: withBalances ? [...allBalances(state)] : [],
      lastSequence,
    }));
    for (const follower of followers.values()) follower.letGo();
    const ownPoint = points.get(shard.host.shardId) ?? moment.lastSequence;
    const later = await sentSince(shard, ownPoint, moment.lastSequence);
    yield { totals: totalsInit(moment.totals, later, moment.lastSequence) };
    for (let first = 0; first < moment.balances.length; first += BALANCES_PER_MESSAGE) {
      const page = moment.balances.slice(first, first + BALANCES_PER_MESSAGE);
      yield {
        balances: page.map(({ balance, ...account }) => {
          return { ...account, balance: balanceInit(balance) };
        }),
      };
    }
  } finally {
    for (const follower of followers.values()) follower.letGo();
  }
}

function notReached(): OperatingError {
  const sentence = 'A stream was not settled in time up to where the audit looks.';
  return new OperatingError('SETTLEMENT_LAG', sentence, { retryDelayMs: 250 });
}

type KnownBalance = {
  readonly accountNumber: number;
  readonly accountId: string;
  readonly balance: BalanceAfter;
};

function* allBalances(state: LedgerState): Generator<KnownBalance> {
  for (const account of state.accountsById.values()) {
    const { accountNumber, accountId } = account;
    for (const balance of balancesOf(account)) yield { accountNumber, accountId, balance };
  }
}

/** What the shard has sent by clearing behind a sequence, by asset: others have not seen it. */
async function sentSince(
  shard: AccountShard,
  afterSequence: number,
  through: number,
): Promise<ReadonlyMap<number, bigint>> {
  const sums = new Map<number, bigint>();
  if (afterSequence >= through) return sums;
  const instruments = new Map(await shard.knownInstruments());
  const abort = new AbortController();
  const options = { fromSequence: afterSequence + 1, heartbeatMs: 100, signal: abort.signal };
  for await (const batch of shard.host.subscribe(options)) {
    for (const { due, commands, firstSequence, eventCount } of batch.entries) {
      if (firstSequence > through || firstSequence + eventCount <= afterSequence) continue;
      for (const group of due === undefined ? commands : [due, ...commands]) {
        group.events.forEach((event, index) => {
          const sequence = group.firstSequence + index;
          if (sequence <= afterSequence || sequence > through) return;
          for (const [assetNumber, units] of sentOf(event, instruments)) {
            sums.set(assetNumber, (sums.get(assetNumber) ?? 0n) + units);
          }
        });
      }
    }
    if (batch.throughSequence >= through) break;
  }
  abort.abort();
  return sums;
}

/** What an event put into the clearing of the shard's own stream, by asset. */
function sentOf(
  event: Event,
  instruments: ReadonlyMap<number, InstrumentRules>,
): readonly (readonly [assetNumber: number, units: bigint])[] {
  if (event.kind === 'transferPosted' && event.byClearing && event.amountUnits < 0n) {
    return [[event.assetNumber, -event.amountUnits]];
  }
  if (event.kind !== 'tradeBusted' || !event.byClearing || event.side === 'SELL') return [];
  const instrument = instruments.get(event.trade.instrumentNumber);
  if (instrument === undefined) return [];
  // What the buyer gave back, with suspense, and what he got; fees stay in the shard.
  const { baseUnits, quoteUnits } = reversalOf(event, instrument);
  return [
    [instrument.baseAssetNumber, -baseUnits],
    [instrument.quoteAssetNumber, -quoteUnits],
  ];
}

function totalsInit(
  { purses, customers, accountCount, breaks }: ShardTotals,
  sentLater: ReadonlyMap<number, bigint>,
  lastSequence: number,
): NonNullable<ResponseInit['totals']> {
  return {
    purses: purses.map(purseInit),
    customers: customers.map(({ assetNumber, totalUnits, heldUnits }) => {
      return { assetNumber, totalUnits: `${totalUnits}`, heldUnits: `${heldUnits}` };
    }),
    accountCount: BigInt(accountCount),
    breaks: [...breaks],
    lastSequence: BigInt(lastSequence),
    sentLater: [...sentLater].map(([assetNumber, units]) =>
      purseInit({ kind: 'CLEARING', assetNumber, source: OWN_STREAM, units }),
    ),
  };
}

function purseInit({ kind, assetNumber, source, units }: PurseTotal) {
  return { kind: purseKindCodec.toNumber(kind), assetNumber, source, units: `${units}` };
}

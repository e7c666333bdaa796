// What a replay has settled, compared to the last unit with sums of the recording alone; and the
// exchange's own audit of all it has (LED-3, SET-2).

import type { Balance } from '../../../gen/bourse/account/v1/account_pb.ts';
import { formatDecimal, parseAmount } from '../../lib/base/decimal.ts';
import { StartError } from '../../lib/platform/config/start-error.ts';
import type { Exchange } from '../adapter/exchange.ts';
import { patiently } from '../adapter/patience.ts';
import type { RecordedFill, RecordedSide } from '../domain/lobster-line.ts';
import { type AccountSums, TapeSums } from '../domain/tape-sums.ts';
import { Comparison } from './comparison.ts';
import type { ReplayAccounts } from './market-setup.ts';

const AUDIT_TIMEOUT_MS = 600_000;
/** Rates are decimals of basis points with two places, so units of a millionth. */
const BPS_SCALE = 2;
const MOST_UNITS = 2n ** 62n;

export type AuditedMarket = {
  readonly instrumentId: string;
  readonly baseAssetId: string;
  readonly quoteAssetId: string;
};

/** What an account has in smallest units. */
type Had = AccountSums;

export class SettlementAudit {
  readonly #exchange: Exchange;
  readonly #market: AuditedMarket;
  readonly #accounts: ReplayAccounts;
  readonly #scales: { readonly base: number; readonly quote: number };
  readonly #before: { readonly maker: Had; readonly taker: Had };
  readonly #tape: TapeSums;

  private constructor(
    exchange: Exchange,
    of: {
      readonly market: AuditedMarket;
      readonly accounts: ReplayAccounts;
      readonly scales: { readonly base: number; readonly quote: number };
      readonly before: { readonly maker: Had; readonly taker: Had };
      readonly tape: TapeSums;
    },
  ) {
    this.#exchange = exchange;
    this.#market = of.market;
    this.#accounts = of.accounts;
    this.#scales = of.scales;
    this.#before = of.before;
    this.#tape = of.tape;
  }

  /** Notes what both accounts have, and at which rates they will trade. */
  static async begin(
    exchange: Exchange,
    market: AuditedMarket,
    accounts: ReplayAccounts,
  ): Promise<SettlementAudit> {
    const { instrumentId, baseAssetId, quoteAssetId } = market;
    const scaleOf = async (assetId: string): Promise<number> => {
      const { asset } = await patiently(() => exchange.reference.getAsset({ assetId }));
      return asset?.scale ?? 0;
    };
    const scales = { base: await scaleOf(baseAssetId), quote: await scaleOf(quoteAssetId) };
    const tierOf = async (accountId: string) => {
      return (await patiently(() => exchange.accounts.getFees({ accountId, instrumentId }))).tier;
    };
    const makerRatePpm = rateOf((await tierOf(accounts.maker))?.makerFeeBps);
    const takerRatePpm = rateOf((await tierOf(accounts.taker))?.takerFeeBps);
    const tape = new TapeSums({ makerRatePpm, takerRatePpm }, scales);
    const had = (accountId: string) => haveOf(exchange, { accountId, market, scales });
    const before = { maker: await had(accounts.maker), taker: await had(accounts.taker) };
    return new SettlementAudit(exchange, { market, accounts, scales, before, tape });
  }

  /** Counts the trades of one take, as they are recorded. */
  addTake(side: RecordedSide, fills: readonly RecordedFill[]): void {
    this.#tape.addTake(side, fills);
  }

  /** Compares both accounts with the recording, and lets the exchange audit itself. */
  async compare(): Promise<Comparison> {
    const compared = new Comparison();
    const exchange = this.#exchange;
    const [market, scales] = [this.#market, this.#scales];
    for (const role of ['maker', 'taker'] as const) {
      const accountId = this.#accounts[role];
      const has = await haveOf(exchange, { accountId, market, scales });
      const [before, tape] = [this.#before[role], this.#tape[role]];
      for (const asset of ['base', 'quote'] as const) {
        const key = `${asset}Units` as const;
        const [got, recorded] = [has[key] - before[key], tape[key]];
        const show = (units: bigint): string => formatDecimal(units, scales[asset]);
        const assetId = asset === 'base' ? market.baseAssetId : market.quoteAssetId;
        const said = `the tape says ${show(recorded)}`;
        const difference = `${accountId} settled ${show(got)} ${assetId}, ${said}`;
        compared.add(got === recorded ? undefined : difference);
      }
    }
    const audit = await patiently(() =>
      exchange.accountAdmin.auditLedger({ full: true }, { timeoutMs: AUDIT_TIMEOUT_MS }),
    );
    const [broken] = audit.breaks;
    const named = `${broken?.accountId || broken?.shardId} in ${broken?.assetId}`;
    const difference = `the exchange's audit found ${audit.breaks.length} breaks, first ${named}`;
    compared.add(audit.conserved && audit.compared ? undefined : difference);
    return compared;
  }
}

async function haveOf(
  exchange: Exchange,
  of: {
    readonly accountId: string;
    readonly market: AuditedMarket;
    readonly scales: { readonly base: number; readonly quote: number };
  },
): Promise<Had> {
  const { accountId, market, scales } = of;
  const { balances } = await patiently(() => exchange.accounts.getBalances({ accountId }));
  return {
    baseUnits: totalOf(balances, market.baseAssetId, scales.base),
    quoteUnits: totalOf(balances, market.quoteAssetId, scales.quote),
  };
}

function totalOf(balances: readonly Balance[], assetId: string, scale: number): bigint {
  const total = balances.find((balance) => balance.assetId === assetId)?.total ?? '0';
  return unitsOf(total, scale);
}

function rateOf(bps = '0'): bigint {
  return unitsOf(bps, BPS_SCALE);
}

/** @throws StartError when it is no decimal of that scale */
function unitsOf(text: string, scale: number): bigint {
  const bounds = { minimumUnits: -MOST_UNITS, maximumUnits: MOST_UNITS };
  const units = parseAmount(text, scale, bounds);
  if (!units.ok) throw new StartError(`The exchange said ${text}, which is no amount.`);
  return units.value;
}

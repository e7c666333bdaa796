// The price of an uncross (STA-2): a pure function of level totals. The engine executes by it and
// market data publishes the indicative price from its own book with it.
import type { Side } from './terms.ts';

/** Everything that is open at one price, hidden quantities included. */
export type UncrossLevel = { readonly priceUnits: number; readonly quantityUnits: number };

/** What an uncross at the best price would come to. */
export type UncrossPrice = {
  readonly priceUnits: number;
  readonly volumeUnits: number;
  readonly surplusUnits: number;
  readonly surplusSide: Side | undefined;
};

/** Neighboring candidate prices at which the same quantities meet. */
type Region = {
  readonly lowest: number;
  readonly highest: number;
  readonly volume: number;
  /** Demand less supply. */
  readonly surplus: number;
  /** It is the limit of an order, and not a gap between two. */
  readonly isLimit: boolean;
};

/**
 * The price at which what is crossed trades: a tick between the best limits with most volume;
 * then least surplus; then, with surplus on one side at all of them, the price that draws the
 * other side; then nearest to the reference price; then the higher. When ticks have changed so
 * that none lies between the best limits, the crossing limits themselves are the candidates.
 *
 * @param bids best first; those that do not cross may be left out
 * @param asks best first; those that do not cross may be left out
 * @param referenceUnits last trade, else the operator's, in price units; 0: there is none
 * @returns undefined when nothing is executable
 */
export function uncrossPrice(
  bids: readonly UncrossLevel[],
  asks: readonly UncrossLevel[],
  tickUnits: number,
  referenceUnits: number,
): UncrossPrice | undefined {
  const bid = bids[0];
  const ask = asks[0];
  if (bid === undefined || ask === undefined || bid.priceUnits < ask.priceUnits) return undefined;
  const whole = regionsOf(bids, asks);
  const ticks = whole.map((region) => onTicks(region, tickUnits)).filter(hasPrice);
  const candidates = ticks.length > 0 ? ticks : whole.filter((region) => region.isLimit);
  const most = candidates.reduce((volume, region) => Math.max(volume, region.volume), 0);
  const fullest = candidates.filter((region) => region.volume === most);
  const least = fullest.reduce(
    (units, region) => Math.min(units, Math.abs(region.surplus)),
    2 ** 53,
  );
  const best = fullest.filter((region) => Math.abs(region.surplus) === least);
  const priceUnits = choosePrice(best, ticks.length > 0 ? tickUnits : 1, referenceUnits);
  const chosen = best.find((region) => region.lowest <= priceUnits && priceUnits <= region.highest);
  const surplus = chosen?.surplus ?? 0;
  return {
    priceUnits,
    volumeUnits: most,
    surplusUnits: Math.abs(surplus),
    surplusSide: surplus === 0 ? undefined : surplus > 0 ? 'BUY' : 'SELL',
  };
}

/** The crossing prices from the lowest ask to the highest bid, cut where quantities change. */
function regionsOf(bids: readonly UncrossLevel[], asks: readonly UncrossLevel[]): Region[] {
  const highest = bids[0]?.priceUnits ?? 0;
  const lowest = asks[0]?.priceUnits ?? 0;
  const crossingBids = bids.filter((level) => level.priceUnits >= lowest);
  const crossingAsks = asks.filter((level) => level.priceUnits <= highest);
  let demand = crossingBids.reduce((sum, level) => sum + level.quantityUnits, 0);
  let supply = 0;
  const regions: Region[] = [];
  let atBid = crossingBids.length - 1;
  let atAsk = 0;
  let after = lowest;
  while (atBid >= 0 || atAsk < crossingAsks.length) {
    const bid = crossingBids[atBid]?.priceUnits ?? Number.POSITIVE_INFINITY;
    const ask = crossingAsks[atAsk]?.priceUnits ?? Number.POSITIVE_INFINITY;
    const price = Math.min(bid, ask);
    if (price > after)
      regions.push({
        ...meeting(demand, supply),
        lowest: after,
        highest: price - 1,
        isLimit: false,
      });
    if (ask === price) supply += crossingAsks[atAsk]?.quantityUnits ?? 0;
    regions.push({ ...meeting(demand, supply), lowest: price, highest: price, isLimit: true });
    // A bid does not buy above its limit.
    if (bid === price) demand -= crossingBids[atBid]?.quantityUnits ?? 0;
    if (ask === price) atAsk += 1;
    if (bid === price) atBid -= 1;
    after = price + 1;
  }
  return regions;
}

function meeting(demand: number, supply: number): Pick<Region, 'volume' | 'surplus'> {
  return { volume: Math.min(demand, supply), surplus: demand - supply };
}

function onTicks(region: Region, tickUnits: number): Region {
  const above = region.lowest % tickUnits;
  return {
    ...region,
    lowest: above === 0 ? region.lowest : region.lowest - above + tickUnits,
    highest: region.highest - (region.highest % tickUnits),
  };
}

function hasPrice(region: Region): boolean {
  return region.lowest <= region.highest;
}

/** One price out of regions with equal volume and surplus; prices ascend from region to region. */
function choosePrice(best: readonly Region[], stepUnits: number, referenceUnits: number): number {
  const lowest = best[0]?.lowest ?? 0;
  const highest = best[best.length - 1]?.highest ?? 0;
  if (best.every((region) => region.surplus > 0)) return highest;
  if (best.every((region) => region.surplus < 0)) return lowest;
  if (referenceUnits === 0) return highest;
  let nearest = lowest;
  for (const region of best) {
    const price = nearestIn(region, stepUnits, referenceUnits);
    if (Math.abs(price - referenceUnits) <= Math.abs(nearest - referenceUnits)) nearest = price;
  }
  return nearest;
}

function nearestIn(region: Region, stepUnits: number, referenceUnits: number): number {
  if (referenceUnits <= region.lowest) return region.lowest;
  if (referenceUnits >= region.highest) return region.highest;
  const below = Math.floor((referenceUnits - region.lowest) / stepUnits) * stepUnits;
  const price = region.lowest + below;
  const above = price + stepUnits;
  return above - referenceUnits <= referenceUnits - price ? above : price;
}

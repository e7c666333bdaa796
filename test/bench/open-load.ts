// Offers orders at a rate, whether they are answered or not, and says what became of them.

import type { OrderMarket } from './order-market.ts';
import type { Outcome, RawOrders } from './raw-orders.ts';

const TICK_MS = 5;
const ANSWERS_LIMIT_MS = 15_000;

export type OpenLoad = {
  readonly offeredPerS: number;
  readonly durationMs: number;
};

export type OpenFigures = {
  /** What was offered in fact. */
  readonly offeredPerS: number;
  readonly acceptedPerS: number;
  readonly refusedPerS: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** When each order was due and how long it took from then, of those that were accepted. */
  readonly accepted: readonly (readonly [dueMs: number, latencyMs: number])[];
};

/** What became of the orders of one load, while and after it was offered. */
class Tally {
  readonly accepted: [number, number][] = [];
  readonly counts: Record<Outcome, number> = { accepted: 0, refused: 0, failed: 0 };
  readonly inTime: Record<Outcome, number> = { accepted: 0, refused: 0, failed: 0 };
  readonly beganMs = performance.now();
  readonly endMs: number;
  readonly #load: OpenLoad;
  sent = 0;

  constructor(load: OpenLoad) {
    this.#load = load;
    this.endMs = this.beganMs + load.durationMs;
  }

  get open(): number {
    const { accepted, refused, failed } = this.counts;
    return this.sent - accepted - refused - failed;
  }

  /** Sends what is due by now: an order is late from then on, however late the sender is itself. */
  send(raw: RawOrders, market: OrderMarket): void {
    const { offeredPerS } = this.#load;
    const due = Math.floor(((performance.now() - this.beganMs) / 1_000) * offeredPerS);
    for (; this.sent < due; this.sent++) {
      const dueMs = this.beganMs + (this.sent / offeredPerS) * 1_000;
      raw.place(market.nextOrder(), (outcome) => this.#take(outcome, dueMs));
    }
  }

  #take(outcome: Outcome, dueMs: number): void {
    const nowMs = performance.now();
    this.counts[outcome] += 1;
    if (outcome === 'accepted') this.accepted.push([dueMs, nowMs - dueMs]);
    if (nowMs <= this.endMs) this.inTime[outcome] += 1;
  }

  figures(): OpenFigures {
    const seconds = this.#load.durationMs / 1_000;
    const latencies = this.accepted.map(([, latencyMs]) => latencyMs);
    return {
      offeredPerS: this.sent / seconds,
      acceptedPerS: this.inTime.accepted / seconds,
      refusedPerS: this.inTime.refused / seconds,
      failed: this.counts.failed + this.open,
      p50Ms: quantile(latencies, 0.5),
      p99Ms: quantile(latencies, 0.99),
      accepted: this.accepted,
    };
  }
}

/** Offers one load behind the other, then waits for the answers. */
export async function offer(
  raw: RawOrders,
  market: OrderMarket,
  loads: readonly OpenLoad[],
): Promise<OpenFigures[]> {
  const tallies: Tally[] = [];
  for (const load of loads) {
    const tally = new Tally(load);
    tallies.push(tally);
    while (performance.now() < tally.endMs) {
      tally.send(raw, market);
      await pause(TICK_MS);
    }
  }
  const limitMs = performance.now() + ANSWERS_LIMIT_MS;
  const isOpen = () => tallies.some(({ open }) => open > 0);
  while (isOpen() && performance.now() < limitMs) await pause(TICK_MS);
  return tallies.map((tally) => tally.figures());
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length * share)] ?? 0;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

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
  /** When the last refused one was due; undefined when none was. */
  readonly lastRefusedMs: number | undefined;
};

/** Offers, waits for the answers and counts those that came while orders were offered. */
export async function offer(
  raw: RawOrders,
  market: OrderMarket,
  { offeredPerS, durationMs }: OpenLoad,
): Promise<OpenFigures> {
  const accepted: [number, number][] = [];
  const counts: Record<Outcome, number> = { accepted: 0, refused: 0, failed: 0 };
  let lastRefusedMs: number | undefined;
  let inTime = 0;
  let refusedInTime = 0;
  let sent = 0;
  let open = 0;
  const beganMs = performance.now();
  const endMs = beganMs + durationMs;
  const place = (dueMs: number): void => {
    sent += 1;
    open += 1;
    raw.place(market.nextOrder(), (outcome) => {
      const nowMs = performance.now();
      open -= 1;
      counts[outcome] += 1;
      if (outcome === 'accepted') accepted.push([dueMs, nowMs - dueMs]);
      if (outcome === 'refused') lastRefusedMs = Math.max(lastRefusedMs ?? 0, dueMs);
      if (nowMs > endMs) return;
      if (outcome === 'accepted') inTime += 1;
      if (outcome === 'refused') refusedInTime += 1;
    });
  };
  while (performance.now() < endMs) {
    const due = Math.floor(((performance.now() - beganMs) / 1_000) * offeredPerS);
    // An order is late from when it was due, however late the sender is itself.
    while (sent < due) place(beganMs + (sent / offeredPerS) * 1_000);
    await pause(TICK_MS);
  }
  const limitMs = endMs + ANSWERS_LIMIT_MS;
  while (open > 0 && performance.now() < limitMs) await pause(TICK_MS);
  const seconds = durationMs / 1_000;
  const latencies = accepted.map(([, latencyMs]) => latencyMs);
  return {
    offeredPerS: sent / seconds,
    acceptedPerS: inTime / seconds,
    refusedPerS: refusedInTime / seconds,
    failed: counts.failed + open,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    accepted,
    lastRefusedMs,
  };
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

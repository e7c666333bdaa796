// Offers orders at a rate, whether they are answered or not, and says what became of them. Clients
// heed the hint of a refusal, as gRPC's own retries do, or do not.

import type { OrderMarket } from './order-market.ts';
import type { Ended } from './raw-http2.ts';
import type { RawOrders } from './raw-orders.ts';

const TICK_MS = 5;
const ANSWERS_LIMIT_MS = 15_000;

type Outcome = Ended['outcome'];
type Sent = { readonly client: number; readonly dueMs: number };

export type OpenLoad = {
  readonly offeredPerS: number;
  readonly durationMs: number;
  /**
   * So many clients share the orders, and each that is refused sends none for as long as it is
   * asked to; what it would have sent meanwhile is never placed. Absent: hints are ignored.
   */
  readonly heedingClients?: number;
};

export type OpenFigures = {
  /** What was offered in fact, what clients withheld because they were asked to included. */
  readonly offeredPerS: number;
  readonly withheldPerS: number;
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
  /** Until when each client that heeds hints sends nothing. */
  readonly #quietUntilMs: number[];
  #due = 0;
  #withheld = 0;

  constructor(load: OpenLoad) {
    this.#load = load;
    this.endMs = this.beganMs + load.durationMs;
    this.#quietUntilMs = Array.from({ length: load.heedingClients ?? 0 }, () => 0);
  }

  get open(): number {
    const { accepted, refused, failed } = this.counts;
    return this.#due - this.#withheld - accepted - refused - failed;
  }

  /** Sends what is due by now: an order is late from then on, however late the sender is itself. */
  send(raw: RawOrders, market: OrderMarket): void {
    const { offeredPerS } = this.#load;
    const nowMs = performance.now();
    const due = Math.floor(((nowMs - this.beganMs) / 1_000) * offeredPerS);
    for (; this.#due < due; this.#due++) {
      const dueMs = this.beganMs + (this.#due / offeredPerS) * 1_000;
      const client = this.#due % Math.max(1, this.#quietUntilMs.length);
      if ((this.#quietUntilMs[client] ?? 0) > nowMs) this.#withheld += 1;
      else raw.place(market.nextOrder(), (end) => this.#take(end, { client, dueMs }));
    }
  }

  #take({ outcome, retryDelayMs }: Ended, { client, dueMs }: Sent): void {
    const nowMs = performance.now();
    this.counts[outcome] += 1;
    if (outcome === 'accepted') this.accepted.push([dueMs, nowMs - dueMs]);
    if (nowMs <= this.endMs) this.inTime[outcome] += 1;
    const isQuiet = client < this.#quietUntilMs.length && outcome === 'refused';
    if (isQuiet) this.#quietUntilMs[client] = nowMs + retryDelayMs;
  }

  figures(): OpenFigures {
    const seconds = this.#load.durationMs / 1_000;
    const latencies = this.accepted.map(([, latencyMs]) => latencyMs);
    return {
      offeredPerS: this.#due / seconds,
      withheldPerS: this.#withheld / seconds,
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

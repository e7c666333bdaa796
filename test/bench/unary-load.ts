// Drives one unary call at a fixed concurrency and says how fast and how evenly it was answered.

export type UnaryLoad = {
  /** Calls in flight at any time. */
  readonly concurrency: number;
  /** How long is measured, after a quarter as long of warming up. */
  readonly durationMs: number;
  /** Called once when everything is warm: what comes from then on counts. */
  readonly onWarm?: () => Promise<void>;
};

export type UnaryFigures = {
  readonly perS: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly calls: number;
};

/** Calls `call` over and over, each lane starting its next call when its last was answered. */
export async function measureUnary(
  call: (sequence: number) => Promise<unknown>,
  { concurrency, durationMs, onWarm }: UnaryLoad,
): Promise<UnaryFigures> {
  let sequence = 0;
  const drive = async (untilMs: number, latenciesMs: number[]) => {
    const lane = async () => {
      for (let now = performance.now(); now < untilMs; ) {
        sequence += 1;
        await call(sequence);
        const answered = performance.now();
        latenciesMs.push(answered - now);
        now = answered;
      }
    };
    await Promise.all(Array.from({ length: concurrency }, lane));
  };
  await drive(performance.now() + durationMs / 4, []);
  await onWarm?.();
  const latenciesMs: number[] = [];
  const begin = performance.now();
  await drive(begin + durationMs, latenciesMs);
  const elapsedMs = performance.now() - begin;
  latenciesMs.sort((a, b) => a - b);
  const quantile = (share: number) => latenciesMs[Math.floor(latenciesMs.length * share)] ?? 0;
  return {
    perS: (latenciesMs.length / elapsedMs) * 1_000,
    p50Ms: quantile(0.5),
    p90Ms: quantile(0.9),
    p99Ms: quantile(0.99),
    p999Ms: quantile(0.999),
    calls: latenciesMs.length,
  };
}

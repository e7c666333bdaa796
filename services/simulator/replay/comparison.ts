// What a replay has found: how many commands, takes and rows agreed, the first that did not, and
// the line of JSON that programs read.

/** Differences that are shown; all are counted. */
const SHOWN = 10;

export class Comparison {
  #agreed = 0;
  readonly #differences: string[] = [];
  #differing = 0;

  get agreed(): number {
    return this.#agreed;
  }

  get differing(): number {
    return this.#differing;
  }

  /** The first differences, in words. */
  get differences(): readonly string[] {
    return this.#differences;
  }

  add(difference: string | undefined): void {
    if (difference === undefined) {
      this.#agreed += 1;
      return;
    }
    this.#differing += 1;
    if (this.#differences.length < SHOWN) this.#differences.push(difference);
  }
}

export type ReplayResult = {
  readonly format: string;
  readonly instrumentId: string;
  readonly commands: number;
  readonly seconds: number;
  readonly takes: Comparison;
  readonly rows: Comparison;
  /** Commands that were refused or declined though the recording has them. */
  readonly refused: Comparison;
  /** What was settled against sums of the recording, and the audit; absent when not asked for. */
  readonly sums?: Comparison;
  readonly malformedLines: number;
  /** Rows whose book could not be seen because the stream began anew. */
  readonly rowsUnseen: number;
  readonly reconnects: number;
  /** Round trips of batches, in milliseconds. */
  readonly latenciesMs: readonly number[];
  readonly batchItems: number;
};

/** Fields of the closing line of JSON. */
export function toJson(result: ReplayResult): Record<string, unknown> {
  const { takes, rows, refused, sums, commands, seconds } = result;
  return {
    format: result.format,
    instrument_id: result.instrumentId,
    commands,
    seconds: round(seconds, 2),
    commands_per_s: Math.round(commands / seconds),
    takes_agreed: takes.agreed,
    takes_differ: takes.differing,
    rows_agreed: rows.agreed,
    rows_differ: rows.differing,
    rows_unseen: result.rowsUnseen,
    refused: refused.differing,
    ...(sums === undefined ? {} : { sums_agreed: sums.agreed, sums_differ: sums.differing }),
    malformed_lines: result.malformedLines,
    reconnects: result.reconnects,
    batch_items: result.batchItems,
    batch_p50_ms: percentile(result.latenciesMs, 0.5),
    batch_p90_ms: percentile(result.latenciesMs, 0.9),
    batch_p99_ms: percentile(result.latenciesMs, 0.99),
  };
}

/** The closing table. */
export function toTable(result: ReplayResult): string {
  const json = toJson(result);
  const rows: [string, string][] = [
    ['commands', `${result.commands} in ${json['seconds']} s, ${json['commands_per_s']}/s`],
    ['takes', `${result.takes.agreed} agreed, ${result.takes.differing} different`],
    ['rows', `${result.rows.agreed} agreed, ${result.rows.differing} different`],
    ['refused', `${result.refused.differing}`],
    ['malformed lines', `${result.malformedLines}`],
    [
      `batches of ${result.batchItems}`,
      ['p50', 'p90', 'p99'].map((at) => `${at} ${json[`batch_${at}_ms`]} ms`).join(', '),
    ],
  ];
  if (result.rowsUnseen > 0) rows.push(['rows not seen', `${result.rowsUnseen}`]);
  if (result.reconnects > 0) rows.push(['order stream opened again', `${result.reconnects} times`]);
  const { sums } = result;
  if (sums !== undefined) {
    rows.push(['sums and audit', `${sums.agreed} agreed, ${sums.differing} different`]);
  }
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}${value}`);
  for (const comparison of [result.takes, result.rows, result.refused, ...(sums ? [sums] : [])]) {
    for (const difference of comparison.differences) lines.push(`  ${difference}`);
  }
  return lines.join('\n');
}

/** @returns true when nothing differs from the recording. */
export function isClean({ takes, rows, refused, sums, rowsUnseen }: ReplayResult): boolean {
  const differing = takes.differing + rows.differing + refused.differing + (sums?.differing ?? 0);
  return differing + rowsUnseen === 0;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return round(value, 2);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

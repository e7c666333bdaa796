// What commands print: tables for people, JSON for programs.

import { type DescMessage, type MessageShape, toJson } from '@bufbuild/protobuf';

/** Where a command writes, and in which form. */
export type Output = {
  readonly isJson: boolean;
  readonly write: (line: string) => void;
};

export type Row = readonly string[];

/** Columns as wide as their widest value; the head is left out when there is no row. */
export function printTable(output: Output, head: Row, rows: readonly Row[]): void {
  if (rows.length === 0) {
    output.write('none');
    return;
  }
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of [head, ...rows]) {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    output.write(cells.join('  ').trimEnd());
  }
}

/** Comma-separated values with a head, as RFC 4180 has them. */
export function printCsv(output: Output, head: Row, rows: readonly Row[]): void {
  const quoted = (cell: string): string =>
    /[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
  const titles = head.map((title) => title.toLowerCase().replaceAll(' ', '_'));
  for (const row of [titles, ...rows]) output.write(row.map(quoted).join(','));
}

/** A name and a value a line. */
export function printFields(output: Output, fields: Readonly<Record<string, string>>): void {
  const shown = Object.entries(fields).filter(([, value]) => value !== '');
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  for (const [name, value] of shown) output.write(`${name.padEnd(width)}  ${value}`);
}

/** The message as JSON with the contract's field names, or what `show` makes of it. */
export function printMessage<Desc extends DescMessage>(
  output: Output,
  schema: Desc,
  message: MessageShape<Desc>,
  show: () => void,
): void {
  if (output.isJson)
    output.write(JSON.stringify(toJson(schema, message, { useProtoFieldName: true })));
  else show();
}

/** An enum's value without its prefix; `-` when it is not set. */
export function nameOf(generated: Readonly<Record<string, number>>, value: number): string {
  if (value === 0) return '-';
  return Object.keys(generated).find((name) => generated[name] === value) ?? String(value);
}

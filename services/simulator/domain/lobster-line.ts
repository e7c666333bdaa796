// Reads a recorded day in the LOBSTER replay format: one JSON object a line. Prices are dollars
// times 10,000; nothing here knows the exchange.

export type RecordedSide = 'buy' | 'sell';

export type RecordedFill = {
  readonly makerId: string;
  readonly price: number;
  readonly quantity: number;
};

export type LobsterLine =
  | {
      readonly op: 'add';
      readonly id: string;
      readonly side: RecordedSide;
      readonly price: number;
      readonly quantity: number;
    }
  | { readonly op: 'cancel'; readonly id: string }
  | { readonly op: 'reduce'; readonly id: string; readonly by: number }
  | {
      readonly op: 'take';
      readonly side: RecordedSide;
      readonly limit: number;
      readonly quantity: number;
      /** Seconds after midnight, as text. */
      readonly time: string;
      readonly expected: readonly RecordedFill[];
      readonly exact: boolean;
    }
  | { readonly op: 'row'; readonly index: number; readonly ok: boolean };

export type Parsed<T> =
  | { readonly kind: 'parsed'; readonly value: T }
  | { readonly kind: 'malformed'; readonly why: string };

type Fields = Readonly<Record<string, unknown>>;

/** Parses one line. @returns the line, or why it is malformed; never throws. */
export function parseLobsterLine(text: string): Parsed<LobsterLine> {
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {
    return malformed('not a JSON object');
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    return malformed('not a JSON object');
  }
  try {
    return { kind: 'parsed', value: toLine(fields as Fields) };
  } catch (error) {
    return malformed(error instanceof FieldError ? error.message : String(error));
  }
}

class FieldError extends Error {}

function malformed(why: string): { readonly kind: 'malformed'; readonly why: string } {
  return { kind: 'malformed', why };
}

function toLine(fields: Fields): LobsterLine {
  const { op } = fields;
  switch (op) {
    case 'add':
      return {
        op,
        id: textOf(fields, 'id'),
        side: sideOf(fields),
        price: countOf(fields, 'price', 1),
        quantity: countOf(fields, 'qty', 1),
      };
    case 'cancel':
      return { op, id: textOf(fields, 'id') };
    case 'reduce':
      return { op, id: textOf(fields, 'id'), by: countOf(fields, 'by', 1) };
    case 'take':
      return {
        op,
        side: sideOf(fields),
        limit: countOf(fields, 'limit', 1),
        quantity: countOf(fields, 'qty', 1),
        time: textOf(fields, 't'),
        expected: fillsOf(fields),
        exact: booleanOf(fields, 'exact'),
      };
    case 'row':
      return { op, index: countOf(fields, 'i', 0), ok: booleanOf(fields, 'ok') };
    default:
      throw new FieldError(`unknown op ${JSON.stringify(op) ?? '(absent)'}`);
  }
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string' || value.length === 0) {
    throw new FieldError(`"${name}" must be a text that is not empty`);
  }
  return value;
}

function countOf(fields: Fields, name: string, minimum: number): number {
  return toCount(fields[name], name, minimum);
}

function toCount(value: unknown, name: string, minimum: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < minimum) {
    throw new FieldError(`"${name}" must be a whole number of at least ${minimum}`);
  }
  return value;
}

function booleanOf(fields: Fields, name: string): boolean {
  const value = fields[name];
  if (typeof value !== 'boolean') throw new FieldError(`"${name}" must be true or false`);
  return value;
}

function sideOf(fields: Fields): RecordedSide {
  const value = fields['side'];
  if (value !== 'buy' && value !== 'sell') throw new FieldError('"side" must be buy or sell');
  return value;
}

function fillsOf(fields: Fields): RecordedFill[] {
  const value = fields['expect'];
  if (!Array.isArray(value)) throw new FieldError('"expect" must be a list of fills');
  return value.map((fill: unknown) => {
    if (!Array.isArray(fill) || fill.length !== 3 || typeof fill[0] !== 'string') {
      throw new FieldError('"expect" must hold [maker id, price, quantity]');
    }
    return {
      makerId: fill[0],
      price: toCount(fill[1], 'expect price', 1),
      quantity: toCount(fill[2], 'expect quantity', 1),
    };
  });
}

/** One side's best levels of a recorded book: price and quantity, best first. */
export type RecordedLevels = readonly (readonly [price: number, quantity: number])[];

export type RecordedBook = { readonly asks: RecordedLevels; readonly bids: RecordedLevels };

const EMPTY_PRICE = 9_999_999_999;

/** Parses one line of the order-book file: ask price, ask size, bid price, bid size, a level. */
export function parseBookRow(text: string): Parsed<RecordedBook> {
  const cells = text.trim().split(',').map(Number);
  const whole = cells.every((cell) => Number.isSafeInteger(cell));
  if (cells.length < 4 || cells.length % 4 !== 0 || !whole) {
    return malformed('a row of the book must hold four whole numbers for each level');
  }
  const asks: [number, number][] = [];
  const bids: [number, number][] = [];
  for (let i = 0; i < cells.length; i += 4) {
    const [askPrice = 0, askQuantity = 0, bidPrice = 0, bidQuantity = 0] = cells.slice(i, i + 4);
    if (askPrice !== EMPTY_PRICE) asks.push([askPrice, askQuantity]);
    if (bidPrice !== -EMPTY_PRICE) bids.push([bidPrice, bidQuantity]);
  }
  return { kind: 'parsed', value: { asks, bids } };
}

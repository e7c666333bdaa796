// The recorded formats: what is read, and what is said of a line that is not of the format.
import { describe, expect, test } from '@jest/globals';
import { parseBookRow, parseLobsterLine } from '../../../services/simulator/domain/lobster-line.ts';
import { CopiedBook } from '../../../services/simulator/domain/top-levels.ts';
import { isTradeHeader, parseTradeLine } from '../../../services/simulator/domain/trade-line.ts';

describe('LOBSTER lines', () => {
  test('are read with their expected fills', () => {
    const line =
      '{"op":"take","side":"sell","limit":5794000,"qty":4,"row":0,"t":"34200.01","expect":[["1",5794000,4]],"exact":true}';
    expect(parseLobsterLine(line)).toEqual({
      kind: 'parsed',
      value: {
        op: 'take',
        side: 'sell',
        limit: 5794000,
        quantity: 4,
        time: '34200.01',
        expected: [{ makerId: '1', price: 5794000, quantity: 4 }],
        exact: true,
      },
    });
  });

  test.each([
    ['', 'not a JSON object'],
    ['[1]', 'not a JSON object'],
    ['{"op":"move"}', 'unknown op "move"'],
    ['{"op":"add","id":"1","side":"bid","price":1,"qty":1}', '"side" must be buy or sell'],
    ['{"op":"add","id":"1","side":"buy","price":1.5,"qty":1}', '"price" must be a whole number'],
    ['{"op":"add","id":"","side":"buy","price":1,"qty":1}', '"id" must be a text'],
    ['{"op":"reduce","id":"1","by":0}', '"by" must be a whole number of at least 1'],
    ['{"op":"row","i":0}', '"ok" must be true or false'],
  ])('that are malformed say why: %s', (line, why) => {
    const parsed = parseLobsterLine(line);
    expect(parsed.kind).toBe('malformed');
    expect(parsed.kind === 'malformed' && parsed.why).toContain(why);
  });

  test('of the book leave out empty levels, and a difference names the first level that differs', () => {
    const parsed = parseBookRow('101,5,99,7,9999999999,0,98,1');
    if (parsed.kind !== 'parsed') throw new Error(parsed.why);
    expect(parsed.value).toEqual({
      asks: [[101, 5]],
      bids: [
        [99, 7],
        [98, 1],
      ],
    });
    const book = new CopiedBook();
    book.apply(
      [
        { price: 98, quantity: 1 },
        { price: 99, quantity: 7 },
        { price: 97, quantity: 3 },
      ],
      [{ price: 101, quantity: 5 }],
    );
    expect(book.findDifference(parsed.value, 2)).toBeUndefined();
    expect(book.findDifference(parsed.value, 3)).toBe('bid 3: 3 @ 97, recorded none');
    book.apply([], [{ price: 101, quantity: 6 }]);
    expect(book.findDifference(parsed.value, 2)).toBe('ask 1: 6 @ 101, recorded 5 @ 101');
    expect(parseBookRow('1,2,3').kind).toBe('malformed');
    expect(parseBookRow('1,2,x,4').kind).toBe('malformed');
  });
});

describe('trade lines', () => {
  test('are read as decimals', () => {
    expect(parseTradeLine('7,64000.5,0.01,1700000000000,buy')).toEqual({
      kind: 'parsed',
      value: {
        id: '7',
        price: '64000.5',
        quantity: '0.01',
        timeMs: 1_700_000_000_000,
        aggressorSide: 'buy',
      },
    });
    expect(isTradeHeader('id,price,qty,time,side')).toBe(true);
    expect(isTradeHeader('7,1,1,1,buy')).toBe(false);
  });

  test.each([
    ['7,1,1,1', 'expected 5 columns'],
    ['7,-1,1,1,buy', 'price must be a positive decimal'],
    ['7,1e5,1,1,buy', 'price must be a positive decimal'],
    ['7,1,0,1,buy', 'qty must be a positive decimal'],
    ['7,1,1,,buy', 'time must be milliseconds'],
    ['7,1,1,1,hold', 'side must be buy or sell'],
    [',1,1,1,buy', 'the id is empty'],
  ])('that are malformed say why: %s', (line, why) => {
    const parsed = parseTradeLine(line);
    expect(parsed.kind === 'malformed' && parsed.why).toContain(why);
  });
});

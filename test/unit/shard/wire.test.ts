// The wire format of log entries, where it is written and read by hand.

import { describe, expect, test } from '@jest/globals';
import { readRows } from '../../../services/lib/shard/copy-rows.ts';
import { MalformedBytes, WireReader, WireWriter } from '../../../services/lib/shard/wire.ts';

describe('LOG-6: fields', () => {
  test('with text come back, whatever the text is and however long', () => {
    const texts = ['a', 'ü', '€'.repeat(40), 'x'.repeat(48), 'y'.repeat(49), `${'z'.repeat(47)}ü`];
    const writer = new WireWriter(4);
    for (const text of texts) writer.textField(1, text);
    const reader = new WireReader(writer.take());
    for (const text of texts) {
      expect(reader.field()).toBe(1);
      expect(reader.text()).toBe(text);
    }
    expect(reader.done).toBe(true);
  });

  test('with numbers come back up to 2^53, and no further', () => {
    const edges = [7, 14, 21, 28, 31, 32, 35, 42, 49, 53].map((bits) => 2 ** bits);
    const numbers = edges
      .flatMap((edge) => [edge - 1, edge, edge + 1])
      .filter(Number.isSafeInteger);
    const writer = new WireWriter(4);
    for (const number of numbers) writer.varint(number);
    const bytes = writer.take();
    const reader = new WireReader(bytes);
    expect(numbers.map(() => reader.varint())).toEqual(numbers);
    for (const number of numbers) writer.bigVarint(BigInt(number));
    expect(writer.take()).toEqual(bytes);
    writer.bigVarint(2n ** 53n);
    expect(() => new WireReader(writer.take()).varint()).toThrow(MalformedBytes);
  });

  test('with amounts come back up to 64 bits, and no further', () => {
    const amounts = [1n, 127n, 128n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 62n, 2n ** 64n - 1n];
    const writer = new WireWriter(4);
    for (const amount of amounts) writer.bigVarint(amount);
    const reader = new WireReader(writer.take());
    expect(amounts.map(() => reader.bigVarint())).toEqual(amounts);
    writer.bigVarint(2n ** 64n);
    expect(() => new WireReader(writer.take()).bigVarint()).toThrow(MalformedBytes);
    expect(() => new WireReader(new Uint8Array([255, 255])).bigVarint()).toThrow(MalformedBytes);
  });

  test('with hexadecimal digits are their bytes', () => {
    const writer = new WireWriter(4);
    writer.hexField(1, 'c0ffee');
    writer.hexField(2, '');
    const bytes = writer.take();
    expect([...bytes]).toEqual([10, 3, 0xc0, 0xff, 0xee]);
    const reader = new WireReader(bytes);
    reader.tag();
    expect(reader.hex()).toBe('c0ffee');
    expect(() => writer.hexField(1, 'no')).toThrow('no is not hexadecimal');
  });

  test('inside a field end where it ends', () => {
    const inner = new WireWriter(4);
    const writer = new WireWriter(4);
    inner.numberField(1, 300);
    writer.writerField(2, inner);
    writer.numberField(3, 7);
    const bytes = writer.take();
    const reader = new WireReader(bytes);
    reader.tag();
    const outside = reader.open();
    expect([reader.field(), reader.varint(), reader.done]).toEqual([1, 300, true]);
    reader.close(outside);
    expect([reader.field(), reader.varint(), reader.done]).toEqual([3, 7, true]);

    const unread = new WireReader(bytes);
    unread.tag();
    const before = unread.open();
    expect(() => unread.close(before)).toThrow('a field was not read to its end');
    expect(() => new WireReader(bytes.subarray(1, 3)).open()).toThrow('cut off in a field');
  });
});

describe('LOG-6: a binary copy from the database', () => {
  const head = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);
  const row = Buffer.from('0002' + '00000001' + 'aa' + '00000000', 'hex');
  const end = Buffer.from('ffff', 'hex');

  test('is read row by row', () => {
    const rows = readRows(Buffer.concat([head, row, row, end]));
    expect(rows.map((columns) => columns.map((column) => column.toString('hex')))).toEqual([
      ['aa', ''],
      ['aa', ''],
    ]);
  });

  test.each([
    ['is no copy', Buffer.from('something else altogether')],
    ['has no end', Buffer.concat([head, row])],
    ['ends in a row', Buffer.concat([head, row.subarray(0, 6), end])],
    ['has an absent column', Buffer.concat([head, Buffer.from('0001ffffffff', 'hex'), end])],
  ])('is refused when it %s', (_what, bytes) => {
    expect(() => readRows(bytes)).toThrow();
  });
});

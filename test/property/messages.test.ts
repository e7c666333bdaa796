// The fast readers and writers of messages say of every message of the contracts what the generated
// schemas' own code says (contracts: Style), of good bytes and of bytes that somebody has damaged.

import { readdirSync } from 'node:fs';
import {
  create,
  type DescField,
  type DescFile,
  type DescMessage,
  fromBinary,
  type Message,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CommandSchema } from '../../gen/bourse/matching/v1/command_pb.ts';
import { ProposeRequestSchema } from '../../gen/bourse/matching/v1/service_pb.ts';
import { readMessage, readUsual } from '../../services/lib/platform/codec/message-reader.ts';
import { writeMessage } from '../../services/lib/platform/codec/message-writer.ts';

const GEN = new URL('../../gen/bourse/', import.meta.url);
const RUNS = 3;
const DEEPEST = 4;

/** What methods take and answer with: all others lie within. */
const types: DescMessage[] = [];
for (const name of readdirSync(GEN, { recursive: true }) as string[]) {
  if (!name.endsWith('_pb.ts')) continue;
  const module: Record<string, unknown> = await import(new URL(name, GEN).href);
  const file = Object.values(module).find((value) => (value as DescFile).kind === 'file');
  for (const { methods } of (file as DescFile | undefined)?.services ?? []) {
    types.push(...methods.flatMap(({ input, output }) => [input, output]));
  }
}

const scalars: Readonly<Partial<Record<ScalarType, fc.Arbitrary<unknown>>>> = {
  [ScalarType.STRING]: fc.oneof(
    fc.string({ unit: 'grapheme-ascii', maxLength: 70 }),
    fc.string({ unit: 'binary', maxLength: 9 }),
  ),
  [ScalarType.BYTES]: fc.uint8Array({ maxLength: 200 }),
  [ScalarType.BOOL]: fc.boolean(),
  [ScalarType.INT32]: fc.integer(),
  [ScalarType.UINT32]: fc.oneof(fc.nat(200), fc.integer({ min: 0, max: 0xffffffff })),
  [ScalarType.SINT32]: fc.integer(),
  [ScalarType.INT64]: fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 53n }), fc.bigInt(-9n, 9n)),
  [ScalarType.UINT64]: fc.oneof(fc.bigInt(0n, 300n), fc.bigInt(0n, 2n ** 64n - 1n)),
  [ScalarType.SINT64]: fc.oneof(fc.bigInt(-99n, 99n), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)),
  [ScalarType.FIXED64]: fc.bigInt(0n, 2n ** 64n - 1n),
};

/** Any shape that makes a message of the type; what lies deep is left out. */
function shapeOf(type: DescMessage, depth = 1): fc.Arbitrary<object> {
  const members: Record<string, fc.Arbitrary<unknown>> = {};
  for (const member of type.members) {
    if (member.kind === 'oneof') {
      const cases = member.fields.map((field) =>
        anyValueOf(field, depth).map((value) => ({ case: field.localName, value })),
      );
      members[member.localName] = fc.oneof(fc.constant({ case: undefined }), ...cases);
    } else if (member.fieldKind === 'list') {
      members[member.localName] = fc.array(anyValueOf(member, depth), { maxLength: 3 });
    } else if (member.fieldKind === 'map') {
      const key = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 8 });
      members[member.localName] = fc.dictionary(key, anyValueOf(member, depth), { maxKeys: 3 });
    } else if (member.fieldKind !== 'message' || depth < DEEPEST) {
      members[member.localName] = anyValueOf(member, depth);
    }
  }
  return fc.record(members, { requiredKeys: [] });
}

function anyValueOf(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.message !== undefined) {
    return depth < DEEPEST ? shapeOf(field.message, depth + 1) : fc.constant({});
  }
  if (field.enum !== undefined) return fc.oneof(fc.nat(5), fc.integer({ min: -1, max: 300 }));
  return scalars[field.scalar as ScalarType] ?? fc.constant(undefined);
}

const damage = fc.record({
  at: fc.nat({ max: 300 }),
  removed: fc.nat({ max: 3 }),
  added: fc.uint8Array({ maxLength: 3 }),
});

function attempt(read: () => Message): Message | 'refused' {
  try {
    return read();
  } catch {
    return 'refused';
  }
}

describe('messages of the contracts', () => {
  test('there are many, and none of them is left to the generated code alone', () => {
    expect(types.length).toBeGreaterThan(100);
    const left = types.filter((type) => readUsual(type, new Uint8Array()) === undefined);
    expect(left.map(({ typeName }) => typeName)).toEqual([]);
  });

  test.each(types.map((type) => [type.typeName, type] as const))('%s', (_name, type) => {
    const property = fc.property(shapeOf(type), damage, (shape, { at, removed, added }) => {
      const bytes = toBinary(type, create(type, shape as never));
      expect(Buffer.from(writeMessage(type, shape))).toEqual(Buffer.from(bytes));
      const message = fromBinary(type, bytes);
      expect(readMessage(type, bytes)).toEqual(message);
      expect(Buffer.from(writeMessage(type, message))).toEqual(Buffer.from(bytes));
      const hurt = Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]);
      const read = attempt(() => readMessage(type, hurt));
      expect(read).toEqual(attempt(() => fromBinary(type, hurt)));
    });
    fc.assert(property, { numRuns: RUNS });
  });

  test('a message within that is left as its bytes is the same message, and written as it is', () => {
    const raw = new Set(['bourse.matching.v1.Proposal.command']);
    const property = fc.property(shapeOf(ProposeRequestSchema), (shape) => {
      const bytes = toBinary(ProposeRequestSchema, create(ProposeRequestSchema, shape as never));
      const whole = fromBinary(ProposeRequestSchema, bytes);
      const read = readMessage(ProposeRequestSchema, bytes, raw);
      expect(Buffer.from(writeMessage(ProposeRequestSchema, read))).toEqual(Buffer.from(bytes));
      for (const [index, { command }] of whole.proposals.entries()) {
        const left: unknown = read.proposals[index]?.command;
        const isLeft = left instanceof Uint8Array;
        expect(isLeft ? readMessage(CommandSchema, left) : left).toEqual(command);
      }
    });
    fc.assert(property, { numRuns: 20 });
  });

  test('what is unusual beside a message that is given as its bytes is written all the same', () => {
    const command = toBinary(CommandSchema, create(CommandSchema));
    const proposal = { identity: 'one', validUntilUs: -1n };
    const shape = { shardId: 'matching-1', proposals: [{ ...proposal, command }] };
    const message = create(ProposeRequestSchema, {
      ...shape,
      proposals: [{ ...proposal, command: {} }],
    });
    const bytes = toBinary(ProposeRequestSchema, message);
    expect(Buffer.from(writeMessage(ProposeRequestSchema, shape))).toEqual(Buffer.from(bytes));
  });
});

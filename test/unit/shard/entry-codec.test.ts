// The content of log entries: our encoding against the generated code.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CommandBatchSchema, OutcomeBatchSchema } from '../../../gen/bourse/log/v1/entry_pb.ts';
import {
  type CommandRecord,
  decodeCommandBatch,
  decodeOutcomeBatch,
  type OutcomeBatch,
  type OutcomeRecord,
  writeCommandRecord,
  writeContinued,
  writeDueEvents,
  writeEpochStarted,
  writeOutcomeRecord,
  writeStateChecksum,
} from '../../../services/lib/shard/entry-codec.ts';
import { MalformedBytes, WireWriter } from '../../../services/lib/shard/wire.ts';

const bytes = fc.uint8Array({ maxLength: 300 });
const text = fc.string({ maxLength: 40, unit: 'grapheme' });
const number = fc.maxSafeNat();

const command = fc.record({
  identity: text,
  validUntilUs: number,
  traceContext: text,
  command: bytes,
});
const started = fc.record({
  epoch: number,
  nodeId: text,
  incarnation: text,
  identityKey: fc.uint8Array({ minLength: 0, maxLength: 16 }),
});
const detail = fc.dictionary(
  text.filter((key) => key !== '__proto__'),
  text,
  { minKeys: 1, noNullPrototype: true },
);
const outcome: fc.Arbitrary<OutcomeRecord> = fc
  .record({
    events: fc.array(bytes, { maxLength: 5 }),
    refusal: fc.option(fc.record({ reason: text, detail }), { nil: undefined }),
    // An empty answer is kept by us, but looks absent to generated code.
    answer: fc.option(fc.uint8Array({ minLength: 1, maxLength: 300 }), { nil: undefined }),
    unfinished: fc.boolean(),
  })
  .map(({ refusal, ...rest }) => (refusal === undefined ? rest : { ...rest, refusal }));

const plain = (value: Uint8Array): number[] => [...value];

describe('the content of log entries (LOG-6)', () => {
  test('commands: our encoding and the generated code read each other', () => {
    const property = fc.property(fc.array(command), fc.option(started), (records, epoch) => {
      const writer = new WireWriter(8);
      for (const record of records) writeCommandRecord(writer, record);
      if (epoch !== null) writeEpochStarted(writer, epoch);
      const encoded = writer.take();

      const read = fromBinary(CommandBatchSchema, encoded);
      expect(Buffer.compare(toBinary(CommandBatchSchema, read), encoded)).toBe(0);
      const own: CommandRecord[] = decodeCommandBatch(encoded);
      expect(own.length).toBe(records.length + (epoch === null ? 0 : 1));
      records.forEach((record, index) => {
        const { command: content, ...rest } = own[index] as CommandRecord;
        expect({ ...rest, command: plain(content) }).toEqual({
          ...record,
          command: plain(record.command),
        });
        expect(read.records[index]?.identity).toBe(record.identity);
        expect(read.records[index]?.validUntilUs).toBe(BigInt(record.validUntilUs));
      });
      if (epoch === null) return;
      const last = own.at(-1)?.epochStarted;
      expect(last && { ...last, identityKey: plain(last.identityKey) }).toEqual({
        ...epoch,
        identityKey: plain(epoch.identityKey),
      });
    });
    fc.assert(property);
  });

  test('outcomes: our encoding and the generated code read each other', () => {
    const batch: fc.Arbitrary<OutcomeBatch> = fc.record({
      dueEvents: fc.array(bytes, { maxLength: 3 }),
      records: fc.array(outcome, { maxLength: 5 }),
      continuedEntryIndex: number,
      continued: fc.option(outcome, { nil: undefined }),
      stateChecksum: text,
    });
    const property = fc.property(batch, (wanted) => {
      const writer = new WireWriter(8);
      writeDueEvents(writer, wanted.dueEvents);
      if (wanted.continued !== undefined) {
        writeContinued(writer, wanted.continuedEntryIndex, wanted.continued);
      }
      for (const record of wanted.records) writeOutcomeRecord(writer, record);
      writeStateChecksum(writer, wanted.stateChecksum);
      const encoded = writer.take();

      const own = decodeOutcomeBatch(encoded);
      const index = wanted.continued === undefined ? 0 : wanted.continuedEntryIndex;
      expect(readable(own)).toEqual(readable({ ...wanted, continuedEntryIndex: index }));
      const read = fromBinary(OutcomeBatchSchema, encoded);
      const again = decodeOutcomeBatch(
        toBinary(OutcomeBatchSchema, create(OutcomeBatchSchema, read)),
      );
      expect(readable(again)).toEqual(readable(own));
    });
    fc.assert(property);
  });

  test('bytes that are no entry are refused, never misread', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 60 }), (hostile) => {
      for (const decode of [decodeCommandBatch, decodeOutcomeBatch]) {
        try {
          decode(hostile);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedBytes);
        }
      }
    });
    fc.assert(property, { numRuns: 2000 });
  });
});

function readable(batch: OutcomeBatch): unknown {
  return JSON.parse(
    JSON.stringify(batch, (_key, value) =>
      value instanceof Uint8Array || value?.type === 'Buffer'
        ? Buffer.from(value.data ?? value).toString('hex')
        : value,
    ),
  );
}

// Rows of a log in messages: what the leader writes is what the generated code of both services
// reads.

import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import { StreamEntriesResponseSchema as OfLedger } from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { StreamEntriesResponseSchema as OfMatching } from '../../../gen/bourse/matching/v1/service_pb.ts';
import { encodeBatch } from '../../../services/lib/platform/cluster/serve-entries.ts';
import type { EntryBatch } from '../../../services/lib/shard/world.ts';

const CHECKSUM = '00112233445566778899aabbccddeeff';

const batch: EntryBatch = {
  entries: [
    {
      entryIndex: 3,
      epoch: 7,
      logTimeUs: 1_800_000_000_000_123,
      formatVersion: 1,
      firstSequence: 2 ** 40,
      eventCount: 5,
      commandCount: 2,
      commands: Uint8Array.of(1, 2, 3),
      outcomes: new Uint8Array(0),
      chainChecksum: CHECKSUM,
    },
  ],
  epoch: 7,
  committed: { entryIndex: 4, chainChecksum: CHECKSUM },
  writesSnapshots: true,
  successor: { nodeId: 'node-2', epoch: 8 },
};

describe('entries on the wire', () => {
  test.each([
    ['a matching shard', OfMatching],
    ['an account shard', OfLedger],
  ] as const)('REP-1: rows of %s arrive as they are', (_name, schema) => {
    const read = fromBinary(schema as typeof OfMatching, encodeBatch(batch));
    expect(read).toMatchObject({
      epoch: 7n,
      committedEntryIndex: 4n,
      committedChainChecksum: Buffer.from(CHECKSUM, 'hex'),
      writesSnapshots: true,
      successorNodeId: 'node-2',
      successorEpoch: 8n,
    });
    expect(read.entries).toHaveLength(1);
    expect(read.entries[0]).toMatchObject({
      entryIndex: 3n,
      epoch: 7n,
      logTimeUs: 1_800_000_000_000_123n,
      formatVersion: 1,
      firstSequence: 2n ** 40n,
      eventCount: 5,
      commandCount: 2,
      commands: Uint8Array.of(1, 2, 3),
      outcomes: new Uint8Array(0),
      chainChecksum: Buffer.from(CHECKSUM, 'hex'),
    });
  });
});

// The process in which a matching node has a snapshot of a shard written.

import { runSnapshotProcess } from '../lib/platform/snapshots/run-snapshot-process.ts';
import { matchingCodec } from './adapter/codec/matching-codec.ts';
import { MatchingMachine } from './domain/machine.ts';

runSnapshotProcess({ createMachine: () => new MatchingMachine(), codec: matchingCodec });

// Copies one slot of a matching shard and ends: started by a matching node, with a low priority
// (MOV-3).

import { runCopyProcess } from '../lib/platform/moves/run-copy-process.ts';
import { matchingCodec } from './adapter/codec/matching-codec.ts';
import { MatchingMachine } from './domain/machine.ts';

runCopyProcess({ createMachine: () => new MatchingMachine(), codec: matchingCodec });

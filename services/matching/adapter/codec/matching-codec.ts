// The canonical bytes of a matching shard's commands and events (LOG-6): what its log holds and
// what its streams carry.

import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { CommandSchema } from '../../../../gen/bourse/matching/v1/command_pb.ts';
import { EventSchema } from '../../../../gen/bourse/matching/v1/event_pb.ts';
import { assertNever } from '../../../lib/base/assert.ts';
import type { ShardCodec } from '../../../lib/shard/proposal.ts';
import type { MatchingCommand } from '../../domain/command.ts';
import type { MatchingEvent } from '../../domain/event.ts';
import { commandMessage, commandOf } from './command-codec.ts';
import { eventMessage, eventOf } from './event-codec.ts';
import { encodeFrequentCommand, encodeFrequentEvent, writeFrequentEvent } from './frequent.ts';
import { decodeFrequentCommand } from './frequent-decoder.ts';

/** Events say everything: a matching shard has no answers beside them. */
export const matchingCodec: ShardCodec<MatchingCommand, MatchingEvent, never> = {
  encodeCommand: (command) =>
    encodeFrequentCommand(command) ?? toBinary(CommandSchema, commandMessage(command)),
  decodeCommand: (bytes) =>
    decodeFrequentCommand(bytes) ?? commandOf(fromBinary(CommandSchema, bytes)),
  writeFrequentEvent,
  encodeEvent: (event) => encodeFrequentEvent(event) ?? toBinary(EventSchema, eventMessage(event)),
  decodeEvent: (bytes) => eventOf(fromBinary(EventSchema, bytes)),
  encodeAnswer: (answer) => assertNever(answer),
  decodeAnswer: () => {
    throw new Error('a matching shard answers with its events alone');
  },
};

// The canonical bytes of a matching shard's commands and events (LOG-6): what its log holds and
// what its streams carry.

import { CommandSchema } from '../../../../gen/bourse/matching/v1/command_pb.ts';
import { EventSchema } from '../../../../gen/bourse/matching/v1/event_pb.ts';
import { assertNever } from '../../../lib/base/assert.ts';
import { readMessage } from '../../../lib/platform/codec/message-reader.ts';
import { writeMessage } from '../../../lib/platform/codec/message-writer.ts';
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
    encodeFrequentCommand(command) ?? writeMessage(CommandSchema, commandMessage(command)),
  decodeCommand: (bytes) =>
    decodeFrequentCommand(bytes) ?? commandOf(readMessage(CommandSchema, bytes)),
  writeFrequentEvent,
  encodeEvent: (event) =>
    encodeFrequentEvent(event) ?? writeMessage(EventSchema, eventMessage(event)),
  decodeEvent: (bytes) => eventOf(readMessage(EventSchema, bytes)),
  encodeAnswer: (answer) => assertNever(answer),
  decodeAnswer: () => {
    throw new Error('a matching shard answers with its events alone');
  },
};

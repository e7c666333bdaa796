// The canonical bytes of an account shard's commands, events and answers (LOG-6): what its log
// holds and what its streams carry.

import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { CommandSchema } from '../../../../gen/bourse/ledger/v1/command_pb.ts';
import { AnswerSchema, EventSchema } from '../../../../gen/bourse/ledger/v1/event_pb.ts';
import type { ShardCodec } from '../../../lib/shard/proposal.ts';
import type { Command } from '../../domain/command.ts';
import type { Answer, Event } from '../../domain/event.ts';
import { commandMessage, commandOf } from './command-codec.ts';
import { answerMessage, answerOf, eventMessage, eventOf } from './event-codec.ts';
import { encodeFrequentCommand, encodeFrequentEvent, writeFrequentEvent } from './frequent.ts';
import { decodeFrequentCommand } from './frequent-decoder.ts';

export const ledgerCodec: ShardCodec<Command, Event, Answer> = {
  encodeCommand: (command) =>
    encodeFrequentCommand(command) ?? toBinary(CommandSchema, commandMessage(command)),
  decodeCommand: (bytes) =>
    decodeFrequentCommand(bytes) ?? commandOf(fromBinary(CommandSchema, bytes)),
  writeFrequentEvent,
  encodeEvent: (event) => encodeFrequentEvent(event) ?? toBinary(EventSchema, eventMessage(event)),
  decodeEvent: (bytes) => eventOf(fromBinary(EventSchema, bytes)),
  encodeAnswer: (answer) => toBinary(AnswerSchema, answerMessage(answer)),
  decodeAnswer: (bytes) => answerOf(fromBinary(AnswerSchema, bytes)),
};

// The canonical bytes of an account shard's commands, events and answers (LOG-6): what its log
// holds and what its streams carry.

import { CommandSchema } from '../../../../gen/bourse/ledger/v1/command_pb.ts';
import { AnswerSchema, EventSchema } from '../../../../gen/bourse/ledger/v1/event_pb.ts';
import { readMessage } from '../../../lib/platform/codec/message-reader.ts';
import { writeMessage } from '../../../lib/platform/codec/message-writer.ts';
import type { ShardCodec } from '../../../lib/shard/proposal.ts';
import type { Command } from '../../domain/command.ts';
import type { Answer, Event } from '../../domain/event.ts';
import { commandMessage, commandOf } from './command-codec.ts';
import { answerMessage, answerOf, eventMessage, eventOf } from './event-codec.ts';
import { encodeFrequentCommand, encodeFrequentEvent, writeFrequentEvent } from './frequent.ts';
import { decodeFrequentCommand } from './frequent-decoder.ts';

export const ledgerCodec: ShardCodec<Command, Event, Answer> = {
  encodeCommand: (command) =>
    encodeFrequentCommand(command) ?? writeMessage(CommandSchema, commandMessage(command)),
  decodeCommand: (bytes) =>
    decodeFrequentCommand(bytes) ?? commandOf(readMessage(CommandSchema, bytes)),
  writeFrequentEvent,
  encodeEvent: (event) =>
    encodeFrequentEvent(event) ?? writeMessage(EventSchema, eventMessage(event)),
  decodeEvent: (bytes) => eventOf(readMessage(EventSchema, bytes)),
  encodeAnswer: (answer) => writeMessage(AnswerSchema, answerMessage(answer)),
  decodeAnswer: (bytes) => answerOf(readMessage(AnswerSchema, bytes)),
};

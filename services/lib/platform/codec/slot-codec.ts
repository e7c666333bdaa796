// Steps of slots' moves between the contract and the domain, for both kinds of shard.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type SlotCommand as CommandMessage,
  type SlotEvent as EventMessage,
  SlotCommandSchema,
  SlotEventSchema,
  type TailEntry as TailEntryMessage,
  type SlotTail as TailMessage,
} from '../../../../gen/bourse/log/v1/slot_pb.ts';
import { assertNever } from '../../base/assert.ts';
import type { SlotChunk, SlotCommand, SlotEvent, SlotTail } from '../../routing/slot-command.ts';
import type { ShardCodec } from '../../shard/proposal.ts';
import { malformed } from './malformed.ts';
import { safeNumber } from './numbers.ts';

type Codec<C> = Pick<ShardCodec<C, never, never>, 'encodeCommand' | 'decodeCommand'>;
type StepInit = NonNullable<
  Exclude<MessageInitShape<typeof SlotCommandSchema>, CommandMessage>['step']
>;
type EventStepInit = NonNullable<
  Exclude<MessageInitShape<typeof SlotEventSchema>, EventMessage>['step']
>;
type CopyMessage = Extract<CommandMessage['step'], { case: 'copy' }>['value'];

/** @param codec of the commands that a tail holds */
export function slotCommandMessage<C>(command: SlotCommand<C>, codec: Codec<C>): CommandMessage {
  const { slot } = command;
  const generation = BigInt(command.generation);
  return create(SlotCommandSchema, { slot, generation, step: stepInit(command, codec) });
}

function stepInit<C>(command: SlotCommand<C>, codec: Codec<C>): StepInit {
  switch (command.step) {
    case 'copy': {
      const { sourceShardId, chunk } = command;
      const content = contentInit(command.content, codec);
      return { case: 'copy', value: { sourceShardId, chunk, content } };
    }
    case 'import': {
      const { sourceShardId, targetShardId, chunks, stateChecksum } = command;
      const exportSequence = BigInt(command.exportSequence);
      const tail = tailInit(command.tail, codec);
      const shards = { sourceShardId, targetShardId };
      const value = { ...shards, exportSequence, chunks, stateChecksum, tail };
      return { case: 'import', value };
    }
    case 'export':
    case 'refuseImport':
    case 'unfreeze':
    case 'done':
      return { case: command.step, value: {} };
    default:
      return assertNever(command);
  }
}

function contentInit<C>(content: SlotChunk<C>, codec: Codec<C>) {
  switch (content.kind) {
    case 'state':
      return { case: content.kind, value: content.state };
    case 'identities': {
      const { key, answerShardId, identities } = content;
      return { case: content.kind, value: { key, answerShardId, identities } };
    }
    case 'tail':
      return { case: content.kind, value: tailInit(content.tail, codec) };
    default:
      return assertNever(content);
  }
}

function tailInit<C>(tail: SlotTail<C>, codec: Codec<C>) {
  const entries = tail.map(({ entryIndex, logTimeUs, dueSteps, proceeds, commands }) => ({
    entryIndex: BigInt(entryIndex),
    logTimeUs: BigInt(logTimeUs),
    dueSteps,
    proceeds,
    commands: commands.map(({ record, identity, validUntilUs, command }) => ({
      record,
      identity,
      validUntilUs: BigInt(validUntilUs),
      command: codec.encodeCommand(command),
    })),
  }));
  return { entries };
}

/** @throws OperatingError MESSAGE_MALFORMED when the message says what no domain can. */
export function slotCommandOf<C>(message: CommandMessage, codec: Codec<C>): SlotCommand<C> {
  const { slot, step } = message;
  const place = { slot, generation: safeNumber(message.generation) };
  switch (step.case) {
    case 'copy': {
      const { sourceShardId, chunk } = step.value;
      const content = contentOf(step.value, codec);
      return { ...place, step: 'copy', sourceShardId, chunk, content };
    }
    case 'import': {
      const { sourceShardId, targetShardId, chunks, stateChecksum } = step.value;
      const exportSequence = safeNumber(step.value.exportSequence);
      const tail = tailOf(step.value.tail, codec);
      const source = { sourceShardId, targetShardId, exportSequence };
      return { ...place, step: 'import', ...source, chunks, stateChecksum, tail };
    }
    case 'export':
    case 'refuseImport':
    case 'unfreeze':
    case 'done':
      return { ...place, step: step.case };
    case undefined:
      throw malformed('a step of a move says what to do');
    default:
      return assertNever(step);
  }
}

function contentOf<C>({ content }: CopyMessage, codec: Codec<C>): SlotChunk<C> {
  switch (content.case) {
    case 'state':
      return { kind: content.case, state: content.value };
    case 'identities': {
      const { key, answerShardId, identities } = content.value;
      return { kind: content.case, key, answerShardId, identities };
    }
    case 'tail':
      return { kind: content.case, tail: tailOf(content.value, codec) };
    case undefined:
      throw malformed('a chunk of a slot holds something');
    default:
      return assertNever(content);
  }
}

function tailOf<C>(tail: TailMessage | undefined, codec: Codec<C>): SlotTail<C> {
  return (tail?.entries ?? []).map((entry: TailEntryMessage) => ({
    entryIndex: safeNumber(entry.entryIndex),
    logTimeUs: safeNumber(entry.logTimeUs),
    dueSteps: entry.dueSteps,
    proceeds: entry.proceeds,
    commands: entry.commands.map((command) => ({
      record: command.record,
      identity: command.identity,
      validUntilUs: safeNumber(command.validUntilUs),
      command: codec.decodeCommand(command.command),
    })),
  }));
}

export function slotEventMessage(event: SlotEvent): EventMessage {
  return create(SlotEventSchema, {
    slot: event.slot,
    generation: BigInt(event.generation),
    step: eventInit(event),
  });
}

function eventInit(event: SlotEvent): EventStepInit {
  switch (event.step) {
    case 'exported':
      return { case: event.step, value: { stateChecksum: event.stateChecksum } };
    case 'imported': {
      const { sourceShardId } = event;
      const exportSequence = BigInt(event.exportSequence);
      return { case: event.step, value: { sourceShardId, exportSequence } };
    }
    case 'importRefused':
    case 'unfrozen':
    case 'released':
      return { case: event.step, value: {} };
    default:
      return assertNever(event);
  }
}

/** @throws OperatingError MESSAGE_MALFORMED when the message says what no domain can. */
export function slotEventOf({ slot, step, ...message }: EventMessage): SlotEvent {
  const place = { slot, generation: safeNumber(message.generation) };
  switch (step.case) {
    case 'exported':
      return { ...place, step: step.case, stateChecksum: step.value.stateChecksum };
    case 'imported': {
      const { sourceShardId } = step.value;
      const exportSequence = safeNumber(step.value.exportSequence);
      return { ...place, step: step.case, sourceShardId, exportSequence };
    }
    case 'importRefused':
    case 'unfrozen':
    case 'released':
      return { ...place, step: step.case };
    case undefined:
      throw malformed('an event of a move says what happened');
    default:
      return assertNever(step);
  }
}

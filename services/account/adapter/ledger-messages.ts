// Messages of LedgerService's streams to and from what the shard host takes and gives.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { CommandSchema } from '../../../gen/bourse/ledger/v1/command_pb.ts';
import type {
  Proposal as ProposalMessage,
  ProposeRequest,
  StreamEventsResponse,
  StreamEventsResponseSchema,
} from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { malformed } from '../../lib/platform/codec/malformed.ts';
import { type RawFields, readSent } from '../../lib/platform/codec/message-reader.ts';
import { safeNumber } from '../../lib/platform/codec/numbers.ts';
import { hasUnknownFields } from '../../lib/platform/codec/unknown-fields.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { CommandClass, Proposal } from '../../lib/shard/proposal.ts';
import type { ProposalBatch } from '../../lib/shard/propose-stream.ts';
import type { EventsMessage } from '../../lib/shard/stream-events.ts';
import type { Answer, Event } from '../domain/event.ts';
import { commandOf } from './codec/command-codec.ts';
import { eventMessage } from './codec/event-codec.ts';
import { decodeFrequentCommand } from './codec/frequent-decoder.ts';
import { bytesOf } from './codec/record-codec.ts';
import type { GateCommand } from './shard/hold-gate.ts';

/** Commands in one message of a Propose stream. */
const MOST_PROPOSALS = 1_000;

type EventsInit = Exclude<
  MessageInitShape<typeof StreamEventsResponseSchema>,
  StreamEventsResponse
>;

/** @throws OperatingError TOO_MANY_ITEMS, which ends the stream. */
export function proposalBatchOf(request: ProposeRequest): ProposalBatch<GateCommand, bigint> {
  if (request.proposals.length > MOST_PROPOSALS) {
    throw new OperatingError('TOO_MANY_ITEMS', 'A message has at most 1,000 proposals.', {
      metadata: { field: 'proposals', limit: `${MOST_PROPOSALS}` },
    });
  }
  const proposals = request.proposals.map((message) => ({
    number: message.number,
    proposal: proposalOf(message),
  }));
  return { proposals, reserve: 0 };
}

function proposalOf(message: ProposalMessage): Proposal<GateCommand> {
  const { identity, traceContext } = message;
  const command = gateCommandOf(message);
  const orderingKey = orderingKeyOf(command);
  return {
    identity,
    validUntilUs: Number(message.validUntilUs),
    traceContext,
    commandClass: classOf(command),
    command,
    ...(orderingKey === undefined ? {} : { orderingKey }),
  };
}

/** What `proposalBatchOf` takes as bytes, too. */
export const RAW_PROPOSALS: RawFields = new Set(['bourse.ledger.v1.Proposal.command']);

/** One command that says nothing is refused alone; the stream goes on. */
function gateCommandOf({ command: sent, validUntilUs }: ProposalMessage): GateCommand {
  try {
    safeNumber(validUntilUs);
    const bytes: unknown = sent;
    const frequent = bytes instanceof Uint8Array ? decodeFrequentCommand(bytes) : undefined;
    if (frequent !== undefined) return frequent;
    const command = bytes instanceof Uint8Array ? readSent(CommandSchema, bytes) : sent;
    if (command === undefined) throw malformed('a proposal has a command');
    // A field that this server does not know could change what the command means (LOG-16).
    if (hasUnknownFields(command)) {
      throw malformed('the command has a field that is not known here');
    }
    return commandOf(command);
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    return { kind: 'malformed', sentence: error.message };
  }
}

function classOf(command: GateCommand): CommandClass {
  switch (command.kind) {
    case 'settle':
    case 'settleTransfers':
    case 'setAsset':
    case 'setInstrument':
    case 'acquireSlots':
    case 'settleSlot':
    case 'moveSlot':
    case 'finishCancelAfter':
      return 'internal';
    case 'prepareCancel':
    case 'cancelAllAfter':
      return 'cancel';
    default:
      return 'rest';
  }
}

/** A cancel never overtakes the hold of the same client order id (MOV-9). */
function orderingKeyOf(command: GateCommand): string | undefined {
  if (command.kind !== 'placeHold' && command.kind !== 'prepareCancel') return undefined;
  return `${command.accountId}/${command.clientOrderId}`;
}

export function eventsResponse(message: EventsMessage<Event, Answer>): EventsInit {
  return {
    entries: message.entries.flatMap(({ entryIndex, logTimeUs, groups }) =>
      groups.map(({ firstSequence, events }) => ({
        entryIndex: BigInt(entryIndex),
        logTimeUs: BigInt(logTimeUs),
        firstSequence: BigInt(firstSequence),
        events: events.map(eventMessage),
      })),
    ),
    epoch: BigInt(message.epoch),
    committedEntryIndex: BigInt(message.committed.entryIndex),
    committedChainChecksum: bytesOf(message.committed.chainChecksum),
    throughSequence: BigInt(message.throughSequence),
    logTimeUs: BigInt(message.logTimeUs),
    closing: message.closing,
  };
}

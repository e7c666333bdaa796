// Batches of proposals from the contract to the shard host.

import {
  type Command as CommandMessage,
  CommandSchema,
} from '../../../gen/bourse/matching/v1/command_pb.ts';
import type {
  Proposal as ProposalMessage,
  ProposeRequest,
} from '../../../gen/bourse/matching/v1/service_pb.ts';
import { assertNever } from '../../lib/base/assert.ts';
import { type RawFields, readSent } from '../../lib/platform/codec/message-reader.ts';
import { safeNumber } from '../../lib/platform/codec/numbers.ts';
import { hasUnknownFields } from '../../lib/platform/codec/unknown-fields.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { CommandClass, Proposal, ProposalResult } from '../../lib/shard/proposal.ts';
import type {
  NumberedProposal,
  NumberedResult,
  ProposalBatch,
} from '../../lib/shard/propose-stream.ts';
import type { MatchingCommand } from '../domain/command.ts';
import { commandOf } from './codec/command-codec.ts';
import { readFrequentCommand } from './codec/frequent-decoder.ts';

/** Commands in one message. */
const BATCH_LIMIT = 1_000;

type Refused = NumberedResult<never, never, bigint>;

/**
 * What cannot be read is answered by itself and does not end the stream: the commands beside it are
 * other callers'.
 *
 * @throws OperatingError when the message as a whole is not what the contract says.
 */
export function decodeProposals(
  request: ProposeRequest,
  shardId: string,
): ProposalBatch<MatchingCommand, bigint> {
  if (request.shardId !== shardId) {
    const metadata = { field: 'shard_id' };
    throw new OperatingError('FIELDS_CONFLICT', 'A stream serves one shard.', { metadata });
  }
  if (request.proposals.length > BATCH_LIMIT) {
    const metadata = { field: 'proposals', limit: String(BATCH_LIMIT) };
    const message = `At most ${BATCH_LIMIT} commands go in one message.`;
    throw new OperatingError('TOO_MANY_ITEMS', message, { metadata });
  }
  const proposals: NumberedProposal<MatchingCommand, bigint>[] = [];
  const refused: Refused[] = [];
  for (const message of request.proposals) {
    try {
      proposals.push({ number: message.number, proposal: decodeProposal(message) });
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      const reason = error.reason ?? 'MESSAGE_MALFORMED';
      refused.push({ number: message.number, result: unreadable(reason, error.message) });
    }
  }
  return { proposals, refused, reserve: request.reserve };
}

/** What `decodeProposals` takes as bytes, too. */
export const RAW_PROPOSALS: RawFields = new Set(['bourse.matching.v1.Proposal.command']);

function decodeProposal(message: ProposalMessage): Proposal<MatchingCommand> {
  const { identity, traceContext, orderingGroup } = message;
  const { command, encodedCommand } = decodeCommand(message.command);
  return {
    identity,
    validUntilUs: safeNumber(message.validUntilUs),
    traceContext,
    commandClass: classOf(command),
    orderingKey: orderingKeyOf(command),
    streamKey: orderingGroup === 0n ? undefined : streamKeyOf(command, orderingGroup),
    command,
    encodedCommand,
  };
}

/** Given as a message or as its bytes, which are kept when the log would hold the same. */
function decodeCommand(
  sent: CommandMessage | Uint8Array | undefined,
): Pick<Proposal<MatchingCommand>, 'command' | 'encodedCommand'> {
  const isBytes = sent instanceof Uint8Array;
  const frequent = isBytes ? readFrequentCommand(sent) : undefined;
  if (frequent !== undefined) {
    const { command, isCanonical } = frequent;
    return { command, encodedCommand: isCanonical && isBytes ? sent : undefined };
  }
  const message = isBytes ? readSent(CommandSchema, sent) : sent;
  if (message === undefined) throw new OperatingError('FIELD_REQUIRED', 'command is required.');
  refuseUnknownFields(message);
  return { command: commandOf(message) };
}

/** A command of a newer version is refused rather than half understood (LOG-16). */
function refuseUnknownFields(command: CommandMessage): void {
  if (!hasUnknownFields(command)) return;
  throw new OperatingError('MESSAGE_MALFORMED', 'The command has a field that is not known here.');
}

/** LOG-10: cancels overtake what may wait; what keeps money or placement right overtakes both. */
function classOf(command: MatchingCommand): CommandClass {
  switch (command.kind) {
    case 'forbidOrder':
    case 'setInstrument':
    case 'setInstrumentState':
    case 'retireInstrument':
    case 'acquireSlots':
    case 'moveSlot':
      return 'internal';
    case 'cancelOrder':
    case 'cancelOrderGroup':
    case 'cancelAllOrders':
      return 'cancel';
    case 'placeOrder':
    case 'placeOrderGroup':
    case 'amendOrder':
      return 'rest';
    default:
      return assertNever(command);
  }
}

/** Account and instrument in one number: their commands stay in order of arrival (MOV-9). */
function orderingKeyOf(command: MatchingCommand): number | undefined {
  if (!('accountNumber' in command)) return undefined;
  return instrumentNumberOf(command) * 2 ** 32 + command.accountNumber;
}

/** The key that was made last: the commands of a message are mostly of one stream. */
let lastKey = { orderingGroup: 0n, instrumentNumber: 0, key: '' };

/** A stream's commands of one instrument keep their order over its accounts. */
function streamKeyOf(command: MatchingCommand, orderingGroup: bigint): string {
  if (!('accountNumber' in command)) return `${orderingGroup}`;
  const instrumentNumber = instrumentNumberOf(command);
  if (lastKey.orderingGroup !== orderingGroup || lastKey.instrumentNumber !== instrumentNumber) {
    lastKey = { orderingGroup, instrumentNumber, key: `${orderingGroup}/${instrumentNumber}` };
  }
  return lastKey.key;
}

type AccountCommand = Extract<MatchingCommand, { readonly accountNumber: number }>;

/** A group of orders without legs has no instrument; its shard does not know it either. */
function instrumentNumberOf(command: AccountCommand): number {
  if (command.kind === 'placeOrder') return command.terms.instrumentNumber;
  if (command.kind === 'placeOrderGroup') return command.legs[0]?.instrumentNumber ?? 0;
  return command.instrumentNumber;
}

function unreadable(reason: string, message: string): ProposalResult<never, never> {
  return { kind: 'notApplied', reason: reason as never, detail: { message } };
}

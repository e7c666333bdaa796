// What a book's stream says of one of its commands, read from its bytes: every order comes this
// way, and messages of what is read once cost more than reading it. What is not in the usual form
// is left to the generated code.

import {
  type CommandEvents,
  CommandEventsSchema,
} from '../../../../gen/bourse/matching/v1/service_pb.ts';
import { readSent } from '../../../lib/platform/codec/message-reader.ts';
import { safeNumber } from '../../../lib/platform/codec/numbers.ts';
import { bytesTag, numberTag, readText } from '../../../lib/platform/codec/terms-reader.ts';
import { MalformedBytes, WireReader } from '../../../lib/shard/wire.ts';
import type { MatchingEvent } from '../../domain/matching-event.ts';
import { readEvent } from './frequent-decoder.ts';
import { settledEventOf } from './settled-codec.ts';

/** One event of a book that may change something in an account shard, with its command. */
export type BookEvent = {
  readonly sequence: number;
  readonly identity: string;
  /** Of the command; empty when not traced. */
  readonly traceContext: string;
  readonly logTimeUs: number;
  readonly event: MatchingEvent;
};

/** Tags of fields of bourse.matching.v1.CommandEvents. */
const COMMAND = {
  identity: bytesTag(1),
  traceContext: bytesTag(2),
  firstSequence: numberTag(3),
  events: bytesTag(4),
} as const;

/** A command as its message: where the client left it as bytes, they are decoded. */
export function commandEventsOf(sent: CommandEvents | Uint8Array): CommandEvents {
  return sent instanceof Uint8Array ? readSent(CommandEventsSchema, sent) : sent;
}

/**
 * Adds the events of a command to those before it.
 *
 * @throws OperatingError MESSAGE_MALFORMED when they are not what the contract promises.
 */
export function addBookEvents(
  sent: CommandEvents | Uint8Array,
  logTimeUs: number,
  into: BookEvent[],
): void {
  if (sent instanceof Uint8Array && addUsual(sent, logTimeUs, into)) return;
  const { identity, traceContext, firstSequence, events } = commandEventsOf(sent);
  let sequence = safeNumber(firstSequence);
  for (const message of events) {
    const event = settledEventOf(message);
    if (event !== undefined) into.push({ sequence, identity, traceContext, logTimeUs, event });
    sequence += 1;
  }
}

/** @returns false when the bytes are unusual; nothing is added then */
function addUsual(bytes: Uint8Array, logTimeUs: number, into: BookEvent[]): boolean {
  const before = into.length;
  try {
    const reader = new WireReader(bytes);
    let identity = '';
    let traceContext = '';
    let sequence = 0;
    for (let last = 0; !reader.done; ) {
      const tag = reader.tag();
      if (tag < last || (tag === last && tag !== COMMAND.events)) throw new MalformedBytes('order');
      last = tag;
      if (tag === COMMAND.events) {
        const event = readEvent(reader);
        if (event !== undefined) into.push({ sequence, identity, traceContext, logTimeUs, event });
        sequence += 1;
      } else if (tag === COMMAND.identity) identity = readText(reader);
      else if (tag === COMMAND.traceContext) traceContext = readText(reader);
      else if (tag === COMMAND.firstSequence) sequence = reader.varint();
      else throw new MalformedBytes(`tag ${tag} is not known here`);
    }
    return true;
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    into.length = before;
    return false;
  }
}

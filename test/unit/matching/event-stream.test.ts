// A message of the stream of events, written by hand, against the generated code (SET-1).

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import { StreamEventsResponseSchema } from '../../../gen/bourse/matching/v1/service_pb.ts';
import type {
  CommittedCommand,
  CommittedEntry,
} from '../../../services/lib/shard/committed-entry.ts';
import type { EventsMessage } from '../../../services/lib/shard/stream-events.ts';
import { matchingCodec } from '../../../services/matching/adapter/codec/matching-codec.ts';
import { encodeMessage } from '../../../services/matching/adapter/event-stream.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';

type Group = CommittedCommand<MatchingEvent, never>;
type Entry = CommittedEntry<MatchingEvent, never>;

const CHECKSUM = '00112233445566778899aabbccddeeff';
const LOG_TIME_US = 1_700_000_000_000_000;

function groupOf(identity: string, firstSequence: number, count: number): Group {
  const events = Array.from(
    { length: count },
    (_, at): MatchingEvent => ({
      kind: 'orderCanceled',
      instrumentNumber: 1,
      instrumentSequence: firstSequence + at,
      accountNumber: 4_097,
      placement: at + 1,
      reason: 'OWNER',
      canceledUnits: 5,
      version: 1,
    }),
  );
  const encodedEvents = events.map(matchingCodec.encodeEvent);
  const traceContext = identity === '4097-2' ? 'trace' : '';
  return {
    identity,
    traceContext,
    firstSequence,
    events,
    encodedEvents,
    outcome: { kind: 'done' },
  };
}

function entryOf(entryIndex: number, commands: readonly Group[], due?: Group): Entry {
  return {
    ...{ entryIndex, epoch: 2, logTimeUs: LOG_TIME_US, firstSequence: 1, eventCount: 9 },
    ...{ chainChecksum: CHECKSUM, due, continued: undefined, commands, storedBytes: 100 },
  };
}

function messageOf(parts: readonly (readonly [Entry, readonly Group[]])[]) {
  const entries = parts.map(([entry, groups]) => {
    const { entryIndex, logTimeUs } = entry;
    return { entryIndex, logTimeUs, groups, entry };
  });
  const committed = { entryIndex: 8, chainChecksum: CHECKSUM };
  const end = { epoch: 2, committed, throughSequence: 9, logTimeUs: LOG_TIME_US, closing: false };
  return { entries, ...end } satisfies EventsMessage<MatchingEvent, never>;
}

/** What the generated code makes of the same. */
function generated({ entries }: ReturnType<typeof messageOf>): Uint8Array {
  const message = create(StreamEventsResponseSchema, {
    entries: entries.map(({ entryIndex, logTimeUs, groups }) => ({
      entryIndex: BigInt(entryIndex),
      logTimeUs: BigInt(logTimeUs),
      commands: groups.map(({ identity, traceContext, firstSequence, encodedEvents }) => ({
        identity,
        traceContext,
        firstSequence: BigInt(firstSequence),
        events: encodedEvents.map(
          (bytes) =>
            fromBinary(StreamEventsResponseSchema, wrapped(bytes)).entries[0]?.commands[0]
              ?.events[0] as never,
        ),
      })),
    })),
    ...{ epoch: 2n, committedEntryIndex: 8n, throughSequence: 9n },
    ...{ logTimeUs: BigInt(LOG_TIME_US), closing: false },
    committedChainChecksum: Buffer.from(CHECKSUM, 'hex'),
  });
  return toBinary(StreamEventsResponseSchema, message);
}

/** An event alone in a message. */
function wrapped(event: Uint8Array): Uint8Array {
  const field = (number: number, inside: Uint8Array) =>
    Buffer.concat([Uint8Array.of(number * 8 + 2, inside.length), inside]);
  return field(1, field(3, field(4, event)));
}

describe('SET-1: a message of events', () => {
  const groups = [groupOf('4097-1', 1, 2), groupOf('4097-2', 3, 1), groupOf('4098-1', 4, 3)];
  const [first, second, third] = groups as [Group, Group, Group];
  const due = groupOf('', 7, 1);

  test.each<[string, readonly (readonly [Entry, readonly Group[]])[]]>([
    ['without entries', []],
    ['with whole entries', [[entryOf(7, groups), groups]]],
    ['with some of the commands', [[entryOf(7, groups), [first, third]]]],
    ['with the last of them', [[entryOf(7, groups), [third]]]],
    ['with what was due', [[entryOf(7, [second], due), [due, second]]]],
    [
      'of several entries',
      [
        [entryOf(7, [first]), [first]],
        [entryOf(8, groups), [second]],
      ],
    ],
  ])('%s is what the generated code writes, each time it is asked for', (_, parts) => {
    const message = messageOf(parts);
    expect(Buffer.from(encodeMessage(message))).toEqual(Buffer.from(generated(message)));
    expect(Buffer.from(encodeMessage(message))).toEqual(Buffer.from(generated(message)));
  });

  test('for one follower does not change what another one gets', () => {
    const entry = entryOf(7, groups);
    const [part, whole] = [messageOf([[entry, [second]]]), messageOf([[entry, groups]])];
    expect(Buffer.from(encodeMessage(part))).toEqual(Buffer.from(generated(part)));
    expect(Buffer.from(encodeMessage(whole))).toEqual(Buffer.from(generated(whole)));
  });

  test('of an entry that was read from the log for one follower is not kept for others', () => {
    const stored = groups.map((group) => ({ ...group, isStored: true as const }));
    const entry = entryOf(7, stored);
    const part = messageOf([[entry, stored.slice(1)]]);
    const whole = messageOf([[entry, stored]]);
    expect(Buffer.from(encodeMessage(part))).toEqual(Buffer.from(generated(part)));
    expect(Buffer.from(encodeMessage(whole))).toEqual(Buffer.from(generated(whole)));
  });
});

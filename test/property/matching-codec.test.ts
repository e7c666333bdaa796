// Commands and events of a matching shard survive their encoding, whatever they hold.

import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CommandSchema } from '../../gen/bourse/matching/v1/command_pb.ts';
import { EventSchema } from '../../gen/bourse/matching/v1/event_pb.ts';
import { ProposeResponseSchema } from '../../gen/bourse/matching/v1/service_pb.ts';
import type { ProposalResult } from '../../services/lib/shard/proposal.ts';
import { matchingCodec } from '../../services/matching/adapter/codec/matching-codec.ts';
import { encodeResults } from '../../services/matching/adapter/propose-answers.ts';
import type { MatchingCommand } from '../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../services/matching/domain/event.ts';
import { command, event, safe, terms, uint32 } from './matching-arbitraries.ts';

/** The answer to a command with these events. */
function answerBytes(events: readonly MatchingEvent[]): Uint8Array {
  const result: ProposalResult<MatchingEvent, never> = {
    ...{ kind: 'applied', duplicate: false, entryIndex: 1, logTimeUs: 1, firstSequence: 1 },
    ...{ outcome: { kind: 'done' }, events },
  };
  return encodeResults({ results: [{ number: 1n, result }], reserved: 0 });
}

function committedOf(events: readonly MatchingEvent[]) {
  const kind = fromBinary(ProposeResponseSchema, answerBytes(events)).results[0]?.kind;
  if (kind?.case !== 'committed') throw new Error('the command was committed');
  return kind.value;
}

/** Kinds of the events that a caller gets of these. */
function answered(events: readonly MatchingEvent[]): (string | undefined)[] {
  return committedOf(events).events.map((one) => one.kind.case);
}

function leftOut(events: readonly MatchingEvent[]): number {
  return committedOf(events).eventsLeftOut;
}

describe('the codec of the matching shards (LOG-6)', () => {
  test('a command decodes to what was encoded, and encodes to the same bytes again', () => {
    fc.assert(
      fc.property(command, (original) => {
        const bytes = matchingCodec.encodeCommand(original);
        const decoded = matchingCodec.decodeCommand(bytes);
        expect(decoded).toEqual(original);
        expect(Buffer.from(matchingCodec.encodeCommand(decoded))).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 500 },
    );
  });

  test('an event decodes to what was encoded, and encodes to the same bytes again', () => {
    fc.assert(
      fc.property(event, (original) => {
        const bytes = matchingCodec.encodeEvent(original);
        const decoded = matchingCodec.decodeEvent(bytes);
        expect(decoded).toEqual(original);
        expect(Buffer.from(matchingCodec.encodeEvent(decoded))).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 500 },
    );
  });

  test('what is encoded is what the generated code reads and writes', () => {
    fc.assert(
      fc.property(command, event, (oneCommand, oneEvent) => {
        const commandBytes = Buffer.from(matchingCodec.encodeCommand(oneCommand));
        const eventBytes = Buffer.from(matchingCodec.encodeEvent(oneEvent));
        const readCommand = fromBinary(CommandSchema, commandBytes);
        const readEvent = fromBinary(EventSchema, eventBytes);
        expect(Buffer.from(toBinary(CommandSchema, readCommand))).toEqual(commandBytes);
        expect(Buffer.from(toBinary(EventSchema, readEvent))).toEqual(eventBytes);
      }),
    );
  });

  test('an answer is what the generated code writes', () => {
    const place = { entryIndex: safe, logTimeUs: safe, firstSequence: safe };
    const outcome = fc.oneof(
      fc.constant({ kind: 'done' }),
      fc.constant({ kind: 'refused', refusal: { reason: 'WRONG_SHARD', detail: { slot: '7' } } }),
    );
    const applied = fc.record({
      ...{ kind: fc.constant('applied'), duplicate: fc.boolean(), ...place, outcome },
      events: fc.array(event, { maxLength: 4 }),
    });
    const detail = fc.constant({ shard_id: 'matching-1' });
    const notApplied = fc.record({
      ...{ kind: fc.constant('notApplied'), reason: fc.constant('NOT_LEADER'), detail },
    });
    const unknown = fc.record({ kind: fc.constant('unknown') });
    const result = fc.oneof(applied, notApplied, unknown) as fc.Arbitrary<
      ProposalResult<MatchingEvent, never>
    >;
    const number = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    const numbered = fc.array(fc.record({ number, result }), { maxLength: 5 });
    fc.assert(
      fc.property(numbered, uint32, (results, reserved) => {
        const bytes = Buffer.from(encodeResults({ results, reserved }));
        const read = fromBinary(ProposeResponseSchema, bytes);
        expect(read.results.map((one) => one.number)).toEqual(results.map((one) => one.number));
        expect(Buffer.from(toBinary(ProposeResponseSchema, read))).toEqual(bytes);
      }),
    );
  });

  test('LOG-5 an answer to a mass cancel or a change of state holds its last event alone', () => {
    const place = { instrumentNumber: 1, instrumentSequence: 1 };
    const order = { accountNumber: 1, placement: 1 };
    const reason = 'OPERATOR';
    const canceled: MatchingEvent = {
      kind: 'orderCanceled',
      ...place,
      ...order,
      reason,
      canceledUnits: 5,
      version: 1,
    };
    const last: MatchingEvent = {
      kind: 'ordersCanceled',
      ...place,
      accountNumber: 0,
      canceledCount: 100_000,
      reason,
      comment: 'why',
    };
    const closed: MatchingEvent = {
      kind: 'instrumentStateChanged',
      ...place,
      state: 'CLOSED',
      comment: '',
      auctionEndTimeUs: 0,
    };
    const [someTerms] = fc.sample(terms, 1);
    if (someTerms === undefined) throw new Error('there are terms');
    const entered: MatchingEvent = {
      kind: 'orderAccepted',
      ...place,
      ...order,
      terms: someTerms,
      groupPlacement: 0,
    };
    const many = new Array<MatchingEvent>(100_000).fill(canceled);
    expect(answered([...many, last])).toEqual(['ordersCanceled']);
    expect(answered([...many, closed])).toEqual(['instrumentStateChanged']);
    // One that trades more often than a message holds: the middle is left out, and counted.
    expect(answered([entered, ...many.slice(0, 19_999)])).toHaveLength(20_000);
    const sweep = [entered, ...many];
    expect(answered(sweep)).toHaveLength(20_000);
    expect(leftOut(sweep)).toBe(80_001);
    expect(answerBytes(sweep).length).toBeLessThan(4 << 20);
    // An order that begins a volatility auction is answered with everything that it did.
    expect(answered([entered, closed])).toEqual(['orderAccepted', 'instrumentStateChanged']);
  });

  test('hostile bytes are refused or decode to a command that encodes again, never more', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        let decoded: MatchingCommand | undefined;
        try {
          decoded = matchingCodec.decodeCommand(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          return;
        }
        expect(matchingCodec.decodeCommand(matchingCodec.encodeCommand(decoded))).toEqual(decoded);
      }),
      { numRuns: 1000 },
    );
  });
});

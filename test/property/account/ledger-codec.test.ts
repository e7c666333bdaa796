// Commands, events and answers of an account shard survive their encoding, whatever they hold, and
// bytes that are no message are refused.
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CommandSchema } from '../../../gen/bourse/ledger/v1/command_pb.ts';
import { EventSchema } from '../../../gen/bourse/ledger/v1/event_pb.ts';
import { ProposeResponseSchema } from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { commandMessage } from '../../../services/account/adapter/codec/command-codec.ts';
import {
  answerMessage,
  eventMessage,
} from '../../../services/account/adapter/codec/event-codec.ts';
import { ledgerCodec } from '../../../services/account/adapter/codec/ledger-codec.ts';
import {
  EVENT_KIND,
  EventGlance,
  mayBeFollowed,
  mayBeSuspense,
} from '../../../services/account/adapter/codec/peek-event.ts';
import { hexOf } from '../../../services/account/adapter/codec/record-codec.ts';
import { encodeResults } from '../../../services/account/adapter/propose-answers.ts';
import { movesMoney } from '../../../services/account/adapter/shard/activity.ts';
import type { Command } from '../../../services/account/domain/command.ts';
import type { Answer, Event } from '../../../services/account/domain/event.ts';
import type { ProposalResult } from '../../../services/lib/shard/proposal.ts';

import { amount, answer, command, event, safe, text } from './ledger-arbitraries.ts';

describe('the codec of account shards', () => {
  test('LOG-6 a command decodes to what was encoded', () => {
    fc.assert(
      fc.property(command, (value) => {
        expect(ledgerCodec.decodeCommand(ledgerCodec.encodeCommand(value))).toEqual(value);
      }),
    );
  });

  test('LOG-6 an event decodes to what was encoded', () => {
    fc.assert(
      fc.property(event, (value) => {
        expect(ledgerCodec.decodeEvent(ledgerCodec.encodeEvent(value))).toEqual(value);
      }),
    );
  });

  test('LOG-6 what is written by hand has the bytes of the generated code', () => {
    fc.assert(
      fc.property(command, (value) => {
        const generated = toBinary(CommandSchema, commandMessage(value));
        expect(hexOf(ledgerCodec.encodeCommand(value))).toBe(hexOf(generated));
      }),
      { numRuns: 400 },
    );
    fc.assert(
      fc.property(event, (value) => {
        const generated = toBinary(EventSchema, eventMessage(value));
        expect(hexOf(ledgerCodec.encodeEvent(value))).toBe(hexOf(generated));
      }),
      { numRuns: 400 },
    );
  });

  test('a look at an event tells what the event tells', () => {
    const glance = new EventGlance();
    fc.assert(
      fc.property(event, (value) => {
        const bytes = ledgerCodec.encodeEvent(value);
        glance.look(bytes);
        expect(glance.accountNumber).toBe(value.accountNumber);
        expect(glance.movesMoney()).toBe(movesMoney(value));
        const isFill = value.kind === 'orderExecuted' && value.record.terms !== undefined;
        const { instrumentNumber = 0, side } = (isFill && value.record.terms) || {};
        const { quantityUnits, notionalUnits, feeUnits } = (isFill && value.fill) || {};
        const expected = { side, quantityUnits, notionalUnits, feeUnits };
        const isExecuted = glance.kind === EVENT_KIND.orderExecuted;
        expect(isExecuted).toBe(value.kind === 'orderExecuted');
        expect(isExecuted ? glance.executedFill() : undefined).toEqual(
          isFill && value.fill ? { instrumentNumber, fill: expected } : undefined,
        );
        const isAlarm = value.kind === 'suspensePosted' || value.kind === 'tradeBusted';
        expect(mayBeSuspense(bytes)).toBe(isAlarm);
        const isSent = value.kind === 'transferPosted' || value.kind === 'tradeBusted';
        expect(mayBeFollowed(bytes)).toBe(isSent);
        expect(glance.kind === EVENT_KIND.slotMoved).toBe(value.kind === 'slotMoved');
      }),
      { numRuns: 1_000 },
    );
  });

  test('LOG-6 an answer decodes to what was encoded', () => {
    fc.assert(
      fc.property(answer, (value) => {
        expect(ledgerCodec.decodeAnswer(ledgerCodec.encodeAnswer(value))).toEqual(value);
      }),
    );
  });

  test('answers of proposals are what the generated code reads', () => {
    const place = { entryIndex: safe, logTimeUs: safe, firstSequence: safe };
    const done = fc.record({ kind: fc.constant('done'), answer });
    const result = fc.oneof(
      fc.record({
        kind: fc.constant('applied'),
        duplicate: fc.boolean(),
        ...place,
        events: fc.array(event, { maxLength: 3 }),
        outcome: fc.oneof(done, fc.constant({ kind: 'done' })),
      }),
      fc.record({
        kind: fc.constant('notApplied'),
        reason: fc.constantFrom('NOT_LEADER', 'COMMAND_EXPIRED'),
        detail: fc.dictionary(text, text, { maxKeys: 2 }),
      }),
    ) as fc.Arbitrary<ProposalResult<Event, Answer>>;
    const numbered = fc.record({ number: amount, result });
    fc.assert(
      fc.property(fc.array(numbered, { maxLength: 4 }), (results) => {
        const bytes = encodeResults({ results, reserved: 0 });
        const read = fromBinary(ProposeResponseSchema, bytes).results;
        expect(read.map(({ number }) => number)).toEqual(results.map(({ number }) => number));
        read.forEach(({ kind, duplicate }, index) => {
          const wanted = results[index]?.result;
          if (wanted?.kind !== 'applied') {
            expect(kind.case).toBe('refusal');
            return;
          }
          if (kind.case !== 'committed') throw new Error('not committed');
          const { events, entryIndex, answer: given } = kind.value;
          expect([Number(entryIndex), duplicate]).toEqual([wanted.entryIndex, wanted.duplicate]);
          expect(events).toEqual(wanted.events.map(eventMessage));
          const wantedAnswer = wanted.outcome.kind === 'done' ? wanted.outcome.answer : undefined;
          expect(given).toEqual(wantedAnswer && answerMessage(wantedAnswer));
        });
      }),
    );
  });

  test('hostile bytes are refused, or mean a command that encodes to the same meaning', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        let decoded: Command;
        try {
          decoded = ledgerCodec.decodeCommand(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          return;
        }
        expect(ledgerCodec.decodeCommand(ledgerCodec.encodeCommand(decoded))).toEqual(decoded);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['nothing at all', {}],
    ['no terms', { kind: { case: 'placeHold', value: { accountId: 'a' } } }],
    ['an amount of 2^62', { kind: { case: 'deposit', value: { amountUnits: 2n ** 62n } } }],
    ['a version beyond 2^53', { kind: { case: 'setAsset', value: { version: 2n ** 53n } } }],
    ['no mode', { kind: { case: 'createAccount', value: { accountId: 'a' } } }],
  ] as const)('a command with %s is refused', (_what, shape) => {
    const bytes = toBinary(
      CommandSchema,
      create(CommandSchema, shape as MessageInitShape<typeof CommandSchema>),
    );
    expect(() => ledgerCodec.decodeCommand(bytes)).toThrow();
  });

  test('an event that says nothing is refused', () => {
    const bytes = toBinary(EventSchema, fromBinary(EventSchema, new Uint8Array()));
    expect(() => ledgerCodec.decodeEvent(bytes)).toThrow();
  });
});

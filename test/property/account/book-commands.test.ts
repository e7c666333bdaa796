// What is read of a book's commands from their bytes is what their messages say.

import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { OrderAcceptedSchema } from '../../../gen/bourse/matching/v1/event_pb.ts';
import {
  type CommandEvents,
  CommandEventsSchema,
} from '../../../gen/bourse/matching/v1/service_pb.ts';
import {
  addBookEvents,
  type BookEvent,
} from '../../../services/account/adapter/codec/book-commands.ts';
import { settledEventMessage } from '../../../services/account/adapter/codec/settled-codec.ts';
import type { MatchingEvent } from '../../../services/account/domain/matching-event.ts';
import { encodeTerms } from '../../../services/lib/platform/codec/terms-codec.ts';
import { safe, terms, text } from './ledger-arbitraries.ts';
import { matchingEvent } from './settle-arbitraries.ts';

/** An order as its book has accepted it, with all of its terms. */
const accepted = fc
  .record({ number: fc.nat(), placement: safe, group: safe, terms })
  .map(({ number: accountNumber, placement, group, terms: of }) => {
    const groupPlacement = BigInt(group);
    const order = { accountNumber, placement: BigInt(placement), groupPlacement };
    const value = create(OrderAcceptedSchema, { ...order, terms: encodeTerms(of) });
    return { instrumentNumber: 1, kind: { case: 'orderAccepted' as const, value } };
  });
const ofNoInterest = fc.constant({
  instrumentNumber: 2,
  kind: { case: 'ordersCanceled' as const, value: {} },
});
const command = fc
  .record({
    identity: text,
    traceContext: fc.oneof(fc.constant(''), text),
    firstSequence: safe.map(BigInt),
    events: fc.array(
      fc.oneof(
        accepted,
        matchingEvent.map((of) => settledEventMessage(of as MatchingEvent)),
        ofNoInterest,
      ),
      {
        maxLength: 5,
      },
    ),
  })
  .map((init) => create(CommandEventsSchema, init as never));

function eventsOf(sent: CommandEvents | Uint8Array): readonly BookEvent[] {
  const found: BookEvent[] = [];
  addBookEvents(sent, 7, found);
  return found;
}

describe("a book's command", () => {
  test('SET-1 says the same as bytes and as a message', () => {
    fc.assert(
      fc.property(command, (message) => {
        const expected = eventsOf(message);
        expect(eventsOf(toBinary(CommandEventsSchema, message))).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  test('bytes that are no command are refused, and leave nothing behind', () => {
    fc.assert(
      fc.property(command, fc.nat(200), (message, cut) => {
        const bytes = toBinary(CommandEventsSchema, message);
        const part = bytes.subarray(0, Math.max(0, bytes.length - 1 - cut));
        const found: BookEvent[] = [];
        try {
          addBookEvents(part, 7, found);
        } catch {
          expect(found).toEqual([]);
        }
      }),
    );
  });
});

// Which events concern the accounts of some slots: of an event in memory and of its bytes alike, so
// that a follower gets the same from the log and from memory (SET-1).

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { CommittedCommand } from '../../../services/lib/shard/committed-entry.ts';
import { matchingCodec } from '../../../services/matching/adapter/codec/matching-codec.ts';
import { concernsSlots, findConcerns } from '../../../services/matching/adapter/slot-filter.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import { event } from '../matching-arbitraries.ts';

const slots = fc.uint8Array({ minLength: 512, maxLength: 512 });

function groupOf(events: readonly MatchingEvent[]): CommittedCommand<MatchingEvent, never> {
  const encodedEvents = events.map(matchingCodec.encodeEvent);
  const outcome = { kind: 'done' } as const;
  return { identity: '', traceContext: '', firstSequence: 1, events, encodedEvents, outcome };
}

describe('SET-1: a filter by the slots of accounts', () => {
  test('says the same of an event and of its bytes', () => {
    fc.assert(
      fc.property(event, slots, (value, bitmap) => {
        const group = groupOf([value]);
        const passes = concernsSlots(bitmap);
        expect(passes({ ...group, isStored: true })).toBe(passes(group));
      }),
      { numRuns: 2_000 },
    );
  });

  test('reads what every order makes without decoding it', () => {
    const seen = new Set<MatchingEvent['kind']>();
    fc.assert(
      fc.property(event, (value) => {
        const found = findConcerns(matchingCodec.encodeEvent(value), () => true);
        if (found !== undefined) seen.add(value.kind);
      }),
      { numRuns: 2_000 },
    );
    expect([...seen]).toEqual(
      expect.arrayContaining(['orderAccepted', 'orderRejected', 'traded', 'orderCanceled']),
    );
  });
});

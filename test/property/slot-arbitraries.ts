// Arbitrary steps of slots' moves, for the codecs of both kinds of shard.

import fc from 'fast-check';
import type { SlotCommand, SlotEvent } from '../../services/lib/routing/slot-command.ts';

const whole = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const small = fc.integer({ min: 0, max: 0xffffffff });
const text = fc.string({ maxLength: 20 });
const bytes = fc.uint8Array({ maxLength: 40 });
const ofSlot = { slot: fc.integer({ min: 0, max: 4095 }), generation: whole };

/** Any step; its tail holds commands of the kind given. */
export function slotCommands<C>(command: fc.Arbitrary<C>): fc.Arbitrary<SlotCommand<C>> {
  const tailCommand = fc.record({ record: small, identity: text, validUntilUs: whole, command });
  const tailEntry = fc.record({
    entryIndex: whole,
    logTimeUs: whole,
    dueSteps: small,
    proceeds: fc.boolean(),
    commands: fc.array(tailCommand, { maxLength: 3 }),
  });
  const tail = fc.array(tailEntry, { maxLength: 3 });
  const content = fc.oneof(
    fc.record({ kind: fc.constant('state' as const), state: bytes }),
    fc.record({
      kind: fc.constant('identities' as const),
      key: bytes,
      answerShardId: text,
      identities: bytes,
    }),
    fc.record({ kind: fc.constant('tail' as const), tail }),
  );
  const steps = fc.constantFrom('export', 'refuseImport', 'unfreeze', 'done');
  return fc.oneof(
    fc.record({ ...ofSlot, step: steps }),
    fc.record({
      ...ofSlot,
      step: fc.constant('copy' as const),
      sourceShardId: text,
      chunk: small,
      content,
    }),
    fc.record({
      ...ofSlot,
      step: fc.constant('import' as const),
      sourceShardId: text,
      targetShardId: text,
      exportSequence: whole,
      chunks: small,
      stateChecksum: text,
      tail,
    }),
  ) as fc.Arbitrary<SlotCommand<C>>;
}

export const slotEvents = fc.oneof(
  fc.record({
    ...ofSlot,
    step: fc.constantFrom('importRefused' as const, 'unfrozen' as const, 'released' as const),
  }),
  fc.record({ ...ofSlot, step: fc.constant('exported' as const), stateChecksum: text }),
  fc.record({
    ...ofSlot,
    step: fc.constant('imported' as const),
    sourceShardId: text,
    exportSequence: whole,
  }),
) as fc.Arbitrary<SlotEvent>;

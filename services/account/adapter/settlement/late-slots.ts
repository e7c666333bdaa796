// Settles what a slot lacks that came from a shard which was settled less far (MOV-7): reads the
// source from where the slot stands to where the shard stands, for the slot's accounts alone.

import type { Proposal, ProposalResult } from '../../../lib/shard/proposal.ts';
import type { World } from '../../../lib/shard/world.ts';
import type { Command } from '../../domain/command.ts';
import type { Answer, Event } from '../../domain/event.ts';
import type { EventSource, SettledPlace, SourceItem } from './event-source.ts';

/** Events in one range. */
const MOST_EVENTS_PER_RANGE = 500;
const VALIDITY_US = 30_000_000;

export type LateSlotOptions<Item extends SourceItem> = {
  readonly source: EventSource<Item>;
  readonly sourceShardId: string;
  readonly world: Pick<World, 'wallClockUs'>;
  readonly propose: (proposal: Proposal<Command>) => Promise<ProposalResult<Event, Answer>>;
  /** Where the source is led. */
  readonly address: string;
  readonly signal: AbortSignal;
  readonly slot: number;
  /** Where the slot stands. */
  readonly place: SettledPlace;
  /** Where the shard stands. */
  readonly end: SettledPlace;
};

/** Everything in one range when the shard itself is the source: what follows ends it. */
export async function settleLateSlot<Item extends SourceItem>(
  options: LateSlotOptions<Item> & { readonly isWhole?: boolean },
): Promise<void> {
  const { source, address, signal, slot, place, end, isWhole = false } = options;
  let items: Item[] = [];
  let settled = place.sequence;
  for await (const message of source.open(address, place, signal, slot)) {
    if (message.closing) return;
    items.push(...message.items.filter(({ sequence }) => sequence <= end.sequence));
    // What it waits for may wait for this (MOV-6): so it is settled up to here at once.
    if (message.held === true && message.throughSequence > settled) {
      const through = Math.min(message.throughSequence, end.sequence);
      if (!(await settlePart(options, items, settled + 1, through))) return;
      [settled, items] = [through, []];
      if (settled === end.sequence) return;
      continue;
    }
    const isLast = message.throughSequence >= end.sequence;
    while (items.length > 0 && !isWhole) {
      const part = items.slice(0, MOST_EVENTS_PER_RANGE);
      if (!isLast && part.length < MOST_EVENTS_PER_RANGE) break;
      items = items.slice(part.length);
      const through = items.length === 0 && isLast ? end.sequence : (part.at(-1)?.sequence ?? 0);
      if (!(await settlePart(options, part, settled + 1, through))) return;
      settled = through;
    }
    if (!isLast) continue;
    if (settled < end.sequence) await settlePart(options, items, settled + 1, end.sequence);
    return;
  }
}

/** @returns false when it was refused: whoever asks looks at the state again */
async function settlePart<Item extends SourceItem>(
  { source, sourceShardId, world, propose, slot, end }: LateSlotOptions<Item>,
  items: readonly Item[],
  fromSequence: number,
  throughSequence: number,
): Promise<boolean> {
  const validUntilUs = world.wallClockUs() + VALIDITY_US;
  const seen = { sourceEntryIndex: end.entryIndex, sourceChainChecksum: end.chainChecksum };
  const range = { sourceShardId, fromSequence, throughSequence, ...seen };
  const name = `${sourceShardId}/${slot}/${fromSequence}/${throughSequence}/${validUntilUs}`;
  const result = await propose({
    identity: `settle slot/${name}`,
    validUntilUs,
    traceContext: '',
    commandClass: 'internal',
    command: { kind: 'settleSlot', slot, range: source.commandOf(range, items) },
  });
  return result.kind === 'applied' && result.outcome.kind === 'done';
}

// Begins a source where it is now, for a shard that owns no account yet (MOV-8): nothing that has
// happened so far was about one of its accounts, and the beginning may have been cut off.

import type { Proposal, ProposalResult } from '../../../lib/shard/proposal.ts';
import type { World } from '../../../lib/shard/world.ts';
import type { Command } from '../../domain/command.ts';
import type { Answer, Event } from '../../domain/event.ts';
import type { EventSource, SourceItem } from './event-source.ts';

const VALIDITY_US = 30_000_000;

export type BeginSourceOptions = {
  readonly source: Pick<EventSource<SourceItem>, 'fetchEnd'>;
  readonly sourceShardId: string;
  readonly world: Pick<World, 'wallClockUs'>;
  readonly propose: (proposal: Proposal<Command>) => Promise<ProposalResult<Event, Answer>>;
  /** Where the source is led. */
  readonly address: string;
};

/** @throws Error when it is not known to be begun: try again. */
export async function beginSource(options: BeginSourceOptions): Promise<void> {
  const { source, sourceShardId, world, propose, address } = options;
  const { sequence, entryIndex, chainChecksum } = await source.fetchEnd(address);
  const validUntilUs = world.wallClockUs() + VALIDITY_US;
  const place = { sourceEntryIndex: entryIndex, sourceChainChecksum: chainChecksum };
  const { kind } = await propose({
    identity: `begin/${sourceShardId}/${sequence}/${validUntilUs}`,
    validUntilUs,
    traceContext: '',
    commandClass: 'internal',
    command: { kind: 'beginSource', sourceShardId, sequence, ...place },
  });
  // When it was refused the shard has got a slot meanwhile: the state says where it begins.
  if (kind !== 'applied') throw new Error(`the stream of ${sourceShardId} was not begun`);
}

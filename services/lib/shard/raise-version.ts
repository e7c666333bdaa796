// Raises the version of a shard's log (LOG-16): a record that its leader proposes to itself, once
// somebody who knows all replicas says that each of them supports it.

import type { ShardHost } from './host.ts';
import { MAXIMUM_VALIDITY_US, type Proposal, type ProposalResult } from './proposal.ts';
import { versionsOf } from './versions.ts';
import type { World } from './world.ts';

export type RaiseResult<E, A> =
  /** The log has the version, or a later one, already. */
  | { readonly kind: 'there' }
  /** The leader's own program lacks it, or one would be left out. */
  | { readonly kind: 'unsupported'; readonly message: string }
  | ProposalResult<E, A>;

/** What stands in the place of a command. */
const NO_COMMAND = undefined as never;

/**
 * @param version must be the one after the present one: nobody supports more than two
 * @returns `applied` once the record is committed
 */
export async function raiseVersion<C, E, A>(
  host: Pick<ShardHost<C, E, A>, 'machine' | 'propose' | 'shardId'>,
  world: Pick<World, 'wallClockUs'>,
  version: number,
): Promise<RaiseResult<E, A>> {
  const { machine, shardId } = host;
  if (machine === undefined) {
    return { kind: 'notApplied', reason: 'NOT_LEADER', detail: { shard_id: shardId } };
  }
  if (machine.formatVersion >= version) return { kind: 'there' };
  const { newest } = versionsOf(machine);
  if (version > newest || version !== machine.formatVersion + 1) {
    const present = `the log of ${shardId} is at version ${machine.formatVersion}`;
    const message = `${present}, its leader knows versions up to ${newest}: ${version} cannot follow`;
    return { kind: 'unsupported', message };
  }
  const proposal: Proposal<C> = {
    identity: `version/${version}`,
    validUntilUs: world.wallClockUs() + MAXIMUM_VALIDITY_US / 2,
    traceContext: '',
    commandClass: 'internal',
    command: NO_COMMAND,
    raisesVersionTo: version,
  };
  const [result] = host.propose([proposal]);
  return (await result) ?? { kind: 'unknown' };
}

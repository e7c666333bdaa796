// Proposes a command of a public method to the account's shard, and says to the client what became
// of it.

import { currentTraceparent } from '../../../lib/platform/telemetry/trace-context.ts';
import type { AppliedResult, ProposalResult } from '../../../lib/shard/proposal.ts';
import type { Command } from '../../domain/command.ts';
import type { Answer, Event } from '../../domain/event.ts';
import type { AccountNode } from '../shard/account-node.ts';
import type { AccountShard } from '../shard/account-shard.ts';
import { assertApplied } from '../shard/refusals.ts';

/** How long a proposal of a public method may wait for its turn. */
const VALIDITY_US = 10_000_000;

/** @throws OperatingError of the refusal, or of what kept it from being applied. */
export async function propose(
  node: AccountNode,
  shard: AccountShard,
  command: Command,
  identity = `edge/${Buffer.from(node.world.randomBytes(16)).toString('hex')}`,
): Promise<AppliedResult<Event, Answer> & { outcome: { readonly answer?: Answer } }> {
  const { world } = node;
  const result = await new Promise<ProposalResult<Event, Answer>>((resolve) => {
    const proposal = {
      identity,
      validUntilUs: world.wallClockUs() + VALIDITY_US,
      traceContext: currentTraceparent(),
      commandClass: 'rest' as const,
      command,
    };
    shard.gate.submit(proposal, resolve);
  });
  const { knownLeader: leader } = shard;
  return assertApplied(result, { shardId: shard.host.shardId, leader });
}

/** An id where the client gave none. */
export function madeId(node: AccountNode): string {
  return `made-${Buffer.from(node.world.randomBytes(16)).toString('hex')}`;
}

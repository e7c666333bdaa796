// Proposes a command of a public method to the account's shard, and says to the client what became
// of it.

import type { Answer as AnswerMessage } from '../../../../gen/bourse/ledger/v1/event_pb.ts';
import { ErrorReason } from '../../../../gen/bourse/type/v1/error_pb.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import { currentTraceparent } from '../../../lib/platform/telemetry/trace-context.ts';
import type { AppliedResult, ProposalResult } from '../../../lib/shard/proposal.ts';
import type { Command } from '../../domain/command.ts';
import type { Answer, Event } from '../../domain/event.ts';
import { commandMessage } from '../codec/command-codec.ts';
import type { AccountNode } from '../shard/account-node.ts';
import type { AccountShard } from '../shard/account-shard.ts';
import { assertApplied, errorOfRefusal } from '../shard/refusals.ts';

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

/**
 * Proposes a command to a shard wherever it is led.
 *
 * @throws OperatingError of the refusal, NOT_LEADER, OUTCOME_UNKNOWN.
 */
export async function proposeToShard(
  node: AccountNode,
  shardId: string,
  { command, identity }: { readonly command: Command; readonly identity: string },
): Promise<{
  readonly answer: AnswerMessage | undefined;
  readonly asked: string;
  readonly duplicate: boolean;
  /** The command's events, and those of an earlier one that it repeats, are up to here. */
  readonly throughSequence: number;
}> {
  const leader = node.ledgers.findLeader(shardId);
  if (leader === undefined) throw node.noLeader(shardId);
  const abort = new AbortController();
  const timer = node.world.setTimer(VALIDITY_US / 1_000, () => abort.abort());
  const { signal } = abort;
  const validUntilUs = BigInt(node.world.wallClockUs() + VALIDITY_US);
  const proposal = { number: 1n, identity, validUntilUs, command: commandMessage(command) };
  async function* once() {
    yield { shardId, proposals: [proposal] };
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
  try {
    for await (const { results } of leader.ledger.propose(once(), { signal })) {
      for (const { kind, duplicate } of results) {
        if (kind.case === 'refusal') {
          const { reason, detail } = kind.value;
          throw errorOfRefusal({ reason: nameOf(reason), detail });
        }
        const { answer, firstSequence = 0n, events = [] } = kind.value ?? {};
        return {
          answer,
          asked: answer?.asked ?? '',
          duplicate: duplicate || answer?.existing === true,
          throughSequence: Number(firstSequence) + events.length - 1,
        };
      }
    }
  } finally {
    timer.cancel();
    abort.abort();
  }
  throw new OperatingError('OUTCOME_UNKNOWN', 'The shard went away; repeat with the same id.');
}

function nameOf(reason: ErrorReason): string {
  const names = Object.entries(ErrorReason);
  return names.find(([, number]) => number === reason)?.[0] ?? 'INTERNAL';
}

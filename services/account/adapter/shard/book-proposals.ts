// Proposes commands of the account shard itself to a book, and waits until it has answered all.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type {
  Command as CommandMessage,
  CommandSchema,
} from '../../../../gen/bourse/matching/v1/command_pb.ts';
import { ProposeRequestSchema } from '../../../../gen/bourse/matching/v1/service_pb.ts';
import { findShardOfInstrument } from '../../../lib/platform/cluster/cluster-table.ts';
import type { ClusterWatch } from '../../../lib/platform/cluster/watch-cluster.ts';
import type { World } from '../../../lib/shard/world.ts';
import type { MatchingNodes } from '../settlement/matching-nodes.ts';

const VALIDITY_US = 30_000_000;
/** A book that takes longer is asked again. */
const ANSWER_LIMIT_MS = 10_000;

export type BookRoad = {
  readonly world: World;
  readonly watch: ClusterWatch;
  readonly nodes: MatchingNodes;
  /** Ends with the leadership. */
  readonly signal: AbortSignal;
};

type CommandInit = Exclude<MessageInitShape<typeof CommandSchema>, CommandMessage>;
/** A command with its identity, by which it is done once. */
export type BookProposal = {
  readonly identity: string;
  readonly kind: NonNullable<CommandInit['kind']>;
};

/**
 * Resolves when the book of an instrument has answered all commands.
 *
 * @throws Error when it has no leader, refuses one, or takes too long
 */
export async function proposeToBook(
  { world, watch, nodes, signal }: BookRoad,
  instrumentId: string,
  commands: readonly BookProposal[],
): Promise<void> {
  const table = watch.table();
  const shardId = table && findShardOfInstrument(table, instrumentId)?.shardId;
  const client = shardId === undefined ? undefined : nodes.findLeader(shardId);
  if (client === undefined || shardId === undefined) throw new Error('the book has no leader');
  const validUntilUs = BigInt(world.wallClockUs() + VALIDITY_US);
  const proposals = commands.map(({ identity, kind }, index) => {
    return { number: BigInt(index + 1), identity, validUntilUs, command: { kind } };
  });
  const request = create(ProposeRequestSchema, { shardId, proposals });
  const abort = new AbortController();
  const limit = world.setTimer(ANSWER_LIMIT_MS, () => abort.abort());
  const ended = AbortSignal.any([signal, abort.signal]);
  let answered = 0;
  try {
    const responses = client.propose(once(request, ended), { signal: ended });
    for await (const { results } of responses) {
      for (const { kind } of results) {
        if (kind.case !== 'committed') throw new Error('the book refused a command');
        answered += 1;
      }
      if (answered === commands.length) return;
    }
    throw new Error('the book ended the stream');
  } finally {
    limit.cancel();
    abort.abort();
  }
}

/** One message; the stream stays open for its answers. */
async function* once<Message>(message: Message, signal: AbortSignal): AsyncGenerator<Message> {
  yield message;
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

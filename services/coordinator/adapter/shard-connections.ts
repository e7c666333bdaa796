// Proposes the coordinator's commands to the leaders of shards of both kinds.

import { LedgerService } from '../../../gen/bourse/ledger/v1/service_pb.ts';
import type { Event as MatchingEvent } from '../../../gen/bourse/matching/v1/event_pb.ts';
import { MatchingService } from '../../../gen/bourse/matching/v1/service_pb.ts';
import type { Refusal } from '../../../gen/bourse/type/v1/error_pb.ts';
import type { ClusterWorld } from '../../lib/platform/cluster/cluster-world.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import { createRpcChannel, type RpcChannel } from '../../lib/platform/rpc/channel.ts';
import { createRpcClient } from '../../lib/platform/rpc/client.ts';
import type { ShardCommand } from '../domain/agreement.ts';
import {
  ledgerCommand,
  type MatchingCommandInit,
  matchingCommand,
  moveCommand,
  type SlotStep,
} from './shard-messages.ts';

const PROPOSE_TIMEOUT_MS = 3_000;
/** How long a proposal may wait to be applied, in microseconds. */
export const VALIDITY_US = 10_000_000;

export type ShardTarget = {
  readonly shardId: string;
  readonly kind: 'matching' | 'account';
  /** `host:port` of the leader. */
  readonly address: string;
};

/** A command with the identity by which its repeats are recognized (LOG-11). */
export type NamedCommand = {
  readonly identity: string;
  readonly validUntilUs: number;
  /** W3C `traceparent`; empty when not traced. */
  readonly traceContext: string;
  readonly command: MatchingCommandInit;
};

/** What became of one command. */
export type MatchingResult = {
  readonly number: bigint;
  readonly duplicate: boolean;
  readonly kind:
    | { readonly case: 'committed'; readonly value: { readonly events: readonly MatchingEvent[] } }
    | { readonly case: 'refusal'; readonly value: Refusal }
    | { readonly case: undefined };
};

/** A step of a slot's move with the identity by which its repeats are recognized. */
export type NamedSlotStep = SlotStep & { readonly identity: string };

/** What became of a step of a slot's move. */
export type SlotResult = {
  readonly kind:
    | { readonly case: 'committed' }
    | { readonly case: 'refusal'; readonly value: Refusal }
    | { readonly case: undefined };
};

type Numbered = { readonly number: bigint };
type Ask<R extends Numbered> = (
  answered: Promise<void>,
  options: { readonly signal: AbortSignal; readonly timeoutMs: number },
) => AsyncIterable<{ readonly results: readonly R[] }>;

export class ShardConnections {
  readonly #channels = new Map<string, RpcChannel>();
  readonly #world: ClusterWorld;

  constructor(world: ClusterWorld) {
    this.#world = world;
  }

  /**
   * Proposes commands to a leader, in order.
   *
   * @returns those that were committed
   * @throws OperatingError when the leader did not answer; what it did is unknown
   */
  async propose(
    target: ShardTarget,
    commands: readonly ShardCommand[],
    signal: AbortSignal,
  ): Promise<readonly ShardCommand[]> {
    const { shardId, kind, address } = target;
    const validUntilUs = BigInt(this.#world.wallClockUs() + VALIDITY_US);
    const named = commands.map((command, index) => ({
      command,
      head: { number: BigInt(index + 1), identity: this.#identityOf(command), validUntilUs },
    }));
    const channel = this.#channel(address);
    const ask: Ask<{ number: bigint; kind: { case: string | undefined } }> =
      kind === 'matching'
        ? (answered, options) => {
            const proposals = named.map(({ command, head }) => {
              return { ...head, command: matchingCommand(command) };
            });
            const client = createRpcClient(MatchingService, channel);
            return client.propose(once({ shardId, proposals }, answered), options);
          }
        : (answered, options) => {
            const proposals = named.map(({ command, head }) => {
              return { ...head, command: ledgerCommand(command) };
            });
            const client = createRpcClient(LedgerService, channel);
            return client.propose(once({ shardId, proposals }, answered), options);
          };
    const results = await exchange(ask, named.length, signal);
    return commands.filter((_, at) => results.get(BigInt(at + 1))?.kind.case === 'committed');
  }

  /**
   * Proposes commands with identities of their own to the leader of a matching shard, in order.
   *
   * @returns what became of each, in the same order
   * @throws OperatingError when the leader did not answer; what it did is unknown
   */
  async execute(
    { shardId, address }: Omit<ShardTarget, 'kind'>,
    commands: readonly NamedCommand[],
    signal: AbortSignal,
  ): Promise<readonly MatchingResult[]> {
    const proposals = commands.map(({ identity, validUntilUs, traceContext, command }, index) => {
      return {
        ...{ number: BigInt(index + 1), identity, traceContext, command },
        validUntilUs: BigInt(validUntilUs),
      };
    });
    const client = createRpcClient(MatchingService, this.#channel(address));
    const ask: Ask<MatchingResult> = (answered, options) =>
      client.propose(once({ shardId, proposals }, answered), options);
    const results = await exchange(ask, commands.length, signal);
    return proposals.map(({ number }) => {
      return results.get(number) ?? { number, duplicate: false, kind: { case: undefined } };
    });
  }

  /**
   * Proposes one step of a slot's move to the leader of a shard.
   *
   * @throws OperatingError when the leader did not answer; what it did is unknown
   */
  async moveSlot(
    { shardId, kind, address }: ShardTarget,
    { identity, ...step }: NamedSlotStep,
    signal: AbortSignal,
  ): Promise<SlotResult> {
    const validUntilUs = BigInt(this.#world.wallClockUs() + VALIDITY_US);
    const proposal = { number: 1n, identity, validUntilUs, command: moveCommand(step) };
    const channel = this.#channel(address);
    const ask: Ask<SlotResult & Numbered> =
      kind === 'matching'
        ? (answered, options) =>
            createRpcClient(MatchingService, channel).propose(
              once({ shardId, proposals: [proposal] }, answered),
              options,
            )
        : (answered, options) =>
            createRpcClient(LedgerService, channel).propose(
              once({ shardId, proposals: [proposal] }, answered),
              options,
            );
    return (await exchange(ask, 1, signal)).get(1n) ?? { kind: { case: undefined } };
  }

  /** The channel to a node, opened when it is first needed. */
  channelTo(address: string): RpcChannel {
    return this.#channel(address);
  }

  close(): void {
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  #identityOf(command: ShardCommand): string {
    return `${command.kind}-${Buffer.from(this.#world.randomBytes(9)).toString('base64url')}`;
  }

  #channel(address: string): RpcChannel {
    const channel = this.#channels.get(address) ?? createRpcChannel(address);
    this.#channels.set(address, channel);
    return channel;
  }
}

/**
 * Sends one message and collects the result of each of its commands.
 *
 * @throws OperatingError OUTCOME_UNKNOWN when the stream ended before all were answered.
 */
async function exchange<R extends Numbered>(
  ask: Ask<R>,
  count: number,
  signal: AbortSignal,
): Promise<ReadonlyMap<bigint, R>> {
  const end = new AbortController();
  const answered = Promise.withResolvers<void>();
  const options = {
    signal: AbortSignal.any([signal, end.signal]),
    timeoutMs: PROPOSE_TIMEOUT_MS,
  };
  const found = new Map<bigint, R>();
  try {
    for await (const { results } of ask(answered.promise, options)) {
      for (const result of results) found.set(result.number, result);
      // The stream ends from our side once everything is answered.
      if (found.size >= count) answered.resolve();
    }
  } finally {
    answered.resolve();
    end.abort();
  }
  if (found.size < count) {
    throw new OperatingError('OUTCOME_UNKNOWN', 'The leader did not answer all.');
  }
  return found;
}

async function* once<T>(message: T, answered: Promise<void>): AsyncGenerator<T> {
  yield message;
  await answered;
}

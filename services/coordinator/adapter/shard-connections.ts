// Proposes the coordinator's commands to the leaders of shards of both kinds.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { CommandSchema as LedgerCommandSchema } from '../../../gen/bourse/ledger/v1/command_pb.ts';
import { LedgerService } from '../../../gen/bourse/ledger/v1/service_pb.ts';
import type { CommandSchema as MatchingCommandSchema } from '../../../gen/bourse/matching/v1/command_pb.ts';
import { MatchingService } from '../../../gen/bourse/matching/v1/service_pb.ts';
import { assertNever } from '../../lib/base/assert.ts';
import type { ClusterWorld } from '../../lib/platform/cluster/cluster-world.ts';
import { encodeRules, instrumentStateCodec } from '../../lib/platform/codec/terms-codec.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import { createRpcChannel, type RpcChannel } from '../../lib/platform/rpc/channel.ts';
import { createRpcClient } from '../../lib/platform/rpc/client.ts';
import type { ShardCommand } from '../domain/agreement.ts';
import { ASSET_VERSION } from '../domain/reference-tables.ts';

const PROPOSE_TIMEOUT_MS = 3_000;
/** How long a proposal may wait to be applied, in microseconds. */
const VALIDITY_US = 10_000_000;

export type ShardTarget = {
  readonly shardId: string;
  readonly kind: 'matching' | 'account';
  /** `host:port` of the leader. */
  readonly address: string;
};

type Proposal = {
  readonly number: bigint;
  readonly identity: string;
  readonly validUntilUs: bigint;
};

type Answer = {
  readonly results: readonly {
    readonly number: bigint;
    readonly kind: { readonly case: string | undefined };
  }[];
};

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
    const validUntilUs = BigInt(this.#world.wallClockUs() + VALIDITY_US);
    const proposals = commands.map((command, index) => ({
      number: BigInt(index + 1),
      identity: `${command.kind}-${Buffer.from(this.#world.randomBytes(9)).toString('base64url')}`,
      validUntilUs,
      command,
    }));
    const end = new AbortController();
    const answered = Promise.withResolvers<void>();
    const options = {
      signal: AbortSignal.any([signal, end.signal]),
      timeoutMs: PROPOSE_TIMEOUT_MS,
    };
    const answers =
      target.kind === 'matching'
        ? this.#matching(target, proposals, answered.promise, options)
        : this.#ledger(target, proposals, answered.promise, options);
    const committed = new Set<bigint>();
    let open = proposals.length;
    try {
      for await (const { results } of answers) {
        for (const { number, kind } of results) {
          open -= 1;
          if (kind.case === 'committed') committed.add(number);
        }
        // The stream ends from our side once everything is answered.
        if (open <= 0) answered.resolve();
      }
    } finally {
      answered.resolve();
      end.abort();
    }
    if (open > 0) throw new OperatingError('OUTCOME_UNKNOWN', 'The leader did not answer all.');
    return proposals.filter(({ number }) => committed.has(number)).map(({ command }) => command);
  }

  close(): void {
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  #matching(
    { shardId, address }: ShardTarget,
    proposals: readonly (Proposal & { readonly command: ShardCommand })[],
    answered: Promise<void>,
    options: { readonly signal: AbortSignal; readonly timeoutMs: number },
  ): AsyncIterable<Answer> {
    const client = createRpcClient(MatchingService, this.#channel(address));
    const messages = proposals.map((proposal) => ({
      ...proposal,
      command: matchingCommand(proposal.command),
    }));
    return client.propose(once({ shardId, proposals: messages }, answered), options);
  }

  #ledger(
    { shardId, address }: ShardTarget,
    proposals: readonly (Proposal & { readonly command: ShardCommand })[],
    answered: Promise<void>,
    options: { readonly signal: AbortSignal; readonly timeoutMs: number },
  ): AsyncIterable<Answer> {
    const client = createRpcClient(LedgerService, this.#channel(address));
    const messages = proposals.map((proposal) => ({
      ...proposal,
      command: ledgerCommand(proposal.command),
    }));
    return client.propose(once({ shardId, proposals: messages }, answered), options);
  }

  #channel(address: string): RpcChannel {
    const channel = this.#channels.get(address) ?? createRpcChannel(address);
    this.#channels.set(address, channel);
    return channel;
  }
}

async function* once<T>(message: T, answered: Promise<void>): AsyncGenerator<T> {
  yield message;
  await answered;
}

function matchingCommand(command: ShardCommand): MessageInitShape<typeof MatchingCommandSchema> {
  switch (command.kind) {
    case 'acquireSlots':
      return { kind: { case: command.kind, value: slotsOf(command) } };
    case 'setInstrument': {
      const initialState = instrumentStateCodec.toNumber(command.initialState);
      return {
        kind: { case: command.kind, value: { rules: encodeRules(command.rules), initialState } },
      };
    }
    case 'setInstrumentState': {
      const { instrumentNumber, comment } = command;
      const state = instrumentStateCodec.toNumber(command.state);
      return { kind: { case: command.kind, value: { instrumentNumber, state, comment } } };
    }
    case 'setAsset':
      throw new Error('matching shards know no assets');
    default:
      return assertNever(command);
  }
}

function ledgerCommand(command: ShardCommand): MessageInitShape<typeof LedgerCommandSchema> {
  switch (command.kind) {
    case 'acquireSlots':
      return { kind: { case: command.kind, value: slotsOf(command) } };
    case 'setAsset': {
      const { assetNumber, assetId, scale } = command.asset;
      const version = BigInt(ASSET_VERSION);
      return { kind: { case: command.kind, value: { assetNumber, assetId, scale, version } } };
    }
    case 'setInstrument':
      return { kind: { case: command.kind, value: { rules: encodeRules(command.rules) } } };
    case 'setInstrumentState':
      throw new Error('account shards know no state of instruments');
    default:
      return assertNever(command);
  }
}

function slotsOf({ slots, generation }: Extract<ShardCommand, { kind: 'acquireSlots' }>) {
  return { slots: [...slots], generation: BigInt(generation) };
}

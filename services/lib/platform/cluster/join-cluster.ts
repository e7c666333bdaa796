// The node's side of CoordinatorService.Join (REP-2): says who it is and how its shards are, every
// 100 ms, and hands on what the coordinator orders.

import type {
  JoinResponse,
  SeenPoint as SeenMessage,
} from '../../../../gen/bourse/coordinator/v1/service_pb.ts';
import { CoordinatorService } from '../../../../gen/bourse/coordinator/v1/service_pb.ts';
import type { SeenPoint } from '../../shard/candidacy.ts';
import { OperatingError } from '../errors/operating-error.ts';
import { createRpcChannel } from '../rpc/channel.ts';
import { createRpcClient } from '../rpc/client.ts';
import type { Logger } from '../telemetry/logger.ts';
import { decodeShardKind } from './cluster-codec.ts';
import type { NodeKind, ShardKind } from './cluster-table.ts';
import { type ClusterWorld, pause, realClusterWorld } from './cluster-world.ts';
import { followStream } from './follow-stream.ts';
import { type Beat, type FollowedPoint, Heartbeats, type ShardReport } from './heartbeats.ts';

export type { FollowedPoint, ShardHoldings, ShardReport } from './heartbeats.ts';

/** An order to lead a shard, with what others have seen of its log (LOG-12). */
export type LeadOrder = {
  readonly shardId: string;
  readonly epoch: number;
  readonly seen: readonly SeenPoint[];
};

/** Orders are rare, so silence says nothing; the connection's keepalive finds what is dead. */
const SILENCE_MS = 24 * 3_600_000;
/** How long a leaving node waits for the coordinator to take notice. */
const LEAVE_MS = 300;

export type JoinOptions = {
  /** `host:port`. */
  readonly coordinatorAddress: string;
  readonly nodeId: string;
  readonly kind: NodeKind;
  /** `host:port` under which others reach this node. */
  readonly address: string;
  readonly log: Logger;
  /** The real one when absent. */
  readonly world?: ClusterWorld;
  /** Read for every heartbeat, so it must be cheap; none when the node hosts no shards. */
  readonly shards?: () => readonly ShardReport[];
  /** Read for every heartbeat; none when the node follows no shards of others (LOG-12). */
  readonly followed?: () => readonly FollowedPoint[];
  /** Have a replica of this shard. Repeated until `shards` shows it; idempotent. */
  readonly onHost?: (order: { readonly shardId: string; readonly kind: ShardKind }) => void;
  /** Lead this shard in this epoch. Repeated until `shards` shows it; idempotent. */
  readonly onLead?: (order: LeadOrder) => void;
  /** A newer process of this node has joined: this one must end. */
  readonly onReplaced?: () => void;
};

export interface ClusterMembership {
  /** Random id of this start of the process. */
  readonly incarnation: string;
  /** Sends a heartbeat at once, after a change that the coordinator waits for. */
  reportNow(): void;
  /** True while the coordinator has this node as joined. */
  isConnected(): boolean;
  /** Says that the node leaves, and ends. */
  stop(): Promise<void>;
}

/** Joins, and joins again whenever the stream breaks. */
export function joinCluster(options: JoinOptions): ClusterMembership {
  return new Membership(options);
}

class Membership implements ClusterMembership {
  readonly incarnation: string;
  readonly #options: JoinOptions;
  readonly #world: ClusterWorld;
  readonly #heartbeats: Heartbeats;
  readonly #stop: () => Promise<void>;
  #highestTerm = 0n;
  #isConnected = false;
  #onEnded: () => void = () => {};

  constructor(options: JoinOptions) {
    const { world = realClusterWorld, nodeId, log } = options;
    this.#world = world;
    this.#options = options;
    this.incarnation = Buffer.from(world.randomBytes(12)).toString('hex');
    const { shards = () => [], followed = () => [] } = options;
    this.#heartbeats = new Heartbeats(world, { shards, followed });
    const channel = createRpcChannel(options.coordinatorAddress);
    const client = createRpcClient(CoordinatorService, channel);
    const follower = followStream<JoinResponse>({
      what: `the membership of ${nodeId}`,
      world,
      log,
      silenceMs: SILENCE_MS,
      open: (signal) => client.join(this.#requests(signal), { signal }),
      onMessage: (message) => this.#obey(message),
      onBroken: (error) => this.#onBroken(error),
    });
    this.#stop = async () => {
      await follower.stop();
      channel.close();
    };
  }

  reportNow(): void {
    this.#heartbeats.beatNow();
  }

  isConnected(): boolean {
    return this.#isConnected;
  }

  async stop(): Promise<void> {
    const patience = new AbortController();
    if (this.#isConnected) {
      this.#heartbeats.leave();
      // The coordinator ends the stream when it has taken notice.
      this.#onEnded = () => patience.abort();
      await pause(this.#world, LEAVE_MS, patience.signal);
    }
    this.#onEnded = () => {};
    await this.#stop();
  }

  async *#requests(signal: AbortSignal): AsyncGenerator<JoinMessage> {
    const { nodeId, kind, address } = this.#options;
    yield {
      message: {
        case: 'hello',
        value: this.#heartbeats.hello({ nodeId, kind, address, incarnation: this.incarnation }),
      },
    };
    for await (const beat of this.#heartbeats.beats(signal)) {
      yield { message: { case: 'heartbeat', value: beat } };
    }
  }

  #obey({ term, order }: JoinResponse): void {
    if (term < this.#highestTerm) {
      throw new OperatingError(
        'NOT_READY',
        `coordinator of term ${term} after ${this.#highestTerm}`,
      );
    }
    this.#highestTerm = term;
    this.#isConnected = true;
    const { onHost, onLead } = this.#options;
    if (order.case === 'hostShard') {
      const { shardId, kind } = order.value;
      onHost?.({ shardId, kind: decodeShardKind(kind) });
    } else if (order.case === 'leadShard') {
      const { shardId, epoch, seen } = order.value;
      onLead?.({ shardId, epoch: Number(epoch), seen: seen.map(decodeSeen) });
    }
  }

  #onBroken(error: unknown): boolean {
    this.#isConnected = false;
    this.#onEnded();
    if (this.#heartbeats.isLeaving) return true;
    if (!(error instanceof OperatingError) || error.reason !== 'NODE_REPLACED') return false;
    const { log, nodeId, onReplaced } = this.#options;
    log.error({ nodeId }, `a newer process of ${nodeId} has joined, this one must end`);
    onReplaced?.();
    return true;
  }
}

function decodeSeen({ entryIndex, chainChecksum, seenBy }: SeenMessage): SeenPoint {
  return {
    entryIndex: Number(entryIndex),
    chainChecksum: Buffer.from(chainChecksum).toString('hex'),
    seenBy,
  };
}

type JoinMessage = {
  readonly message:
    | { readonly case: 'hello'; readonly value: ReturnType<Heartbeats['hello']> }
    | { readonly case: 'heartbeat'; readonly value: Beat };
};

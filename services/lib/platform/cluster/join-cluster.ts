// The node's side of CoordinatorService.Join (REP-2): says who it is and how its shards are, every
// 100 ms, and hands on what the coordinator orders.

import type {
  JoinResponse,
  SeenPoint as SeenMessage,
} from '../../../../gen/bourse/coordinator/v1/service_pb.ts';
import { CoordinatorService } from '../../../../gen/bourse/coordinator/v1/service_pb.ts';
import { assertNever } from '../../base/assert.ts';
import type { SeenPoint } from '../../shard/candidacy.ts';
import type { HandOverTarget } from '../../shard/host-state.ts';
import { OperatingError } from '../errors/operating-error.ts';
import type { Logger } from '../telemetry/logger.ts';
import { decodeShardKind } from './cluster-codec.ts';
import type { NodeKind, ShardKind } from './cluster-table.ts';
import { type ClusterWorld, pause, realClusterWorld } from './cluster-world.ts';
import { COORDINATOR_PAUSE_MS, CoordinatorRoad } from './coordinator-road.ts';
import { followStream } from './follow-stream.ts';
import {
  type Beat,
  type FollowedPoint,
  Heartbeats,
  type PullReport,
  type ShardReport,
} from './heartbeats.ts';

export type {
  FollowedPoint,
  PullReport,
  ShardHoldings,
  ShardReport,
} from './heartbeats.ts';

/** An order to lead a shard, with what others have seen of its log (LOG-12). */
export type LeadOrder = {
  readonly shardId: string;
  readonly epoch: number;
  readonly seen: readonly SeenPoint[];
};

/** The version of a shard's log shall be raised (LOG-16). */
export type RaiseVersionOrder = { readonly shardId: string; readonly version: number };

/** An order to stop leading a shard, so that another node can (REP-5). */
export type ReleaseOrder = {
  readonly shardId: string;
  /** The leadership that ends. */
  readonly epoch: number;
  /** Who will lead; undefined when there is nobody. */
  readonly target: HandOverTarget | undefined;
};

/** A slot in the generation in which a shard that is led here shall own it. */
export type PulledSlot = {
  readonly shardId: string;
  readonly slot: number;
  readonly generation: number;
};

/** An order to copy a slot from another shard (MOV-3). */
export type PullOrder = PulledSlot & {
  readonly kind: ShardKind;
  readonly sourceShardId: string;
  /** True once the source has committed `ExportSlot`: bring the rest and import. */
  readonly exported: boolean;
};

/** Orders are rare, so silence says nothing; the connection's keepalive finds what is dead. */
const SILENCE_MS = 24 * 3_600_000;
/** How long a leaving node waits for the coordinator to take notice. */
const LEAVE_MS = 300;
/** How long a leaving node waits for others to take over what it leads (REP-9). */
const HAND_OVER_MS = 2_000;

export type JoinOptions = {
  /** `host:port` of every coordinator. */
  readonly coordinatorAddresses: readonly string[];
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
  /** Stop leading this shard, be a standby, report. Repeated until `shards` shows it; idempotent. */
  readonly onRelease?: (order: ReleaseOrder) => void;
  /** Raise the version of a shard's log (LOG-16). */
  readonly onRaiseVersion?: (order: RaiseVersionOrder) => void;
  /** Read for every heartbeat; none when the node copies no slots. */
  readonly pulls?: () => readonly PullReport[];
  /** Copy this slot. Repeated until `pulls` shows what is wanted; idempotent. */
  readonly onPull?: (order: PullOrder) => void;
  /** Copy this slot no longer. Repeated until `pulls` shows it no more; idempotent. */
  readonly onDropPull?: (slot: PulledSlot) => void;
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
  /** Says that the node leaves, waits until others lead what it led (REP-9), and ends. */
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
    const { shards = () => [], followed = () => [], pulls = () => [] } = options;
    this.#heartbeats = new Heartbeats(world, { shards, followed, pulls });
    const road = new CoordinatorRoad(CoordinatorService, options.coordinatorAddresses);
    const follower = followStream<JoinResponse>({
      what: `the membership of ${nodeId}`,
      world,
      log,
      silenceMs: SILENCE_MS,
      longestPauseMs: COORDINATOR_PAUSE_MS,
      open: (signal) => road.client.join(this.#requests(signal), { signal }),
      onMessage: (message) => this.#obey(message),
      onBroken: (error) => {
        road.turn(error);
        return this.#onBroken(error);
      },
    });
    this.#stop = async () => {
      await follower.stop();
      road.close();
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
      const { shards = () => [] } = this.#options;
      const isLeading = shards().some(({ role }) => role === 'leader' || role === 'candidate');
      await pause(this.#world, isLeading ? HAND_OVER_MS : LEAVE_MS, patience.signal);
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
    this.#carryOut(order);
  }

  #carryOut(order: JoinResponse['order']): void {
    const { onHost, onLead, onRelease, onRaiseVersion, onPull, onDropPull } = this.#options;
    switch (order.case) {
      case 'welcome':
      case undefined: // of a newer coordinator
        break;
      case 'hostShard': {
        const { shardId, kind } = order.value;
        onHost?.({ shardId, kind: decodeShardKind(kind) });
        break;
      }
      case 'leadShard': {
        const { shardId, epoch, seen } = order.value;
        onLead?.({ shardId, epoch: Number(epoch), seen: seen.map(decodeSeen) });
        break;
      }
      case 'releaseShard': {
        const { shardId, targetNodeId: nodeId, targetAddress: address } = order.value;
        const [epoch, nextEpoch] = [Number(order.value.epoch), Number(order.value.nextEpoch)];
        const target = nodeId === '' ? undefined : { nodeId, address, nextEpoch };
        onRelease?.({ shardId, epoch, target });
        break;
      }
      case 'raiseVersion': {
        const { shardId, version } = order.value;
        onRaiseVersion?.({ shardId, version });
        break;
      }
      case 'pullSlot': {
        const { shardId, sourceShardId, slot, generation, exported } = order.value;
        const kind = decodeShardKind(order.value.kind);
        const place = { shardId, slot, generation: Number(generation) };
        onPull?.({ ...place, kind, sourceShardId, exported });
        break;
      }
      case 'dropPull': {
        const { shardId, slot, generation } = order.value;
        onDropPull?.({ shardId, slot, generation: Number(generation) });
        break;
      }
      default:
        assertNever(order);
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

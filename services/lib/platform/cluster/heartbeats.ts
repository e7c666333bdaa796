// What a node says on its Join stream: hello, then how its shards are, every 100 ms and whenever
// something happened that the coordinator waits for (REP-2).

import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  ShardRole as RoleNumber,
  type ShardHoldingsSchema,
} from '../../../../gen/bourse/coordinator/v1/cluster_pb.ts';
import {
  type NodeHeartbeatSchema,
  type NodeHelloSchema,
  PullState as PullNumber,
} from '../../../../gen/bourse/coordinator/v1/service_pb.ts';
import type { InstrumentState } from '../../rules/terms.ts';
import { instrumentStateCodec } from '../codec/terms-codec.ts';
import { encodeNodeKind } from './cluster-codec.ts';
import type { NodeKind } from './cluster-table.ts';
import { type ClusterWorld, pause } from './cluster-world.ts';

const HEARTBEAT_MS = 100;

/** What a replica of a shard is doing. Only a standby may be told to lead. */
export type ShardRole = 'loading' | 'standby' | 'candidate' | 'leader' | 'failed';

/** What a leader's state holds, committed, of what the coordinator hands out (CRD-5). */
export type ShardHoldings = {
  /** Generation by slot. */
  readonly slots: ReadonlyMap<number, number>;
  /** Version by asset number; account shards only. */
  readonly assets: ReadonlyMap<number, number>;
  /** By instrument number; the state only of matching shards. */
  readonly instruments: ReadonlyMap<
    number,
    { readonly version: number; readonly state: InstrumentState | undefined }
  >;
};

/** What a node says of one of its replicas. */
export type ShardReport = {
  readonly shardId: string;
  readonly role: ShardRole;
  /** Last epoch in its log, or the epoch that it leads. */
  readonly epoch: number;
  readonly appliedEntryIndex: number;
  /** 32 hexadecimal digits; empty for an empty log. */
  readonly appliedChainChecksum: string;
  readonly queuedCommands?: number;
  /** Why the replica has failed, in a sentence. */
  readonly fault?: string;
  /** Of a leader: the same object for as long as nothing in it changes. */
  readonly holdings?: ShardHoldings | undefined;
  /** Last entry that the leader has announced as committed, as far as this replica knows. */
  readonly committedEntryIndex?: number;
  /** How long ago a standby heard of the oldest entry that it has not applied, in microseconds. */
  readonly lagUs?: number;
  /** Of a leader, about once a second. */
  readonly load?: ShardLoad | undefined;
  /** Version of the shard's log, of a leader; and the newest that this program knows (LOG-16). */
  readonly version?: number;
  readonly newestVersion?: number;
};

/** What a shard had to do in the last ten seconds. */
export type ShardLoad = {
  readonly commands: number;
  readonly logBytes: number;
  /** The busiest slots, at most 256, the busiest first. */
  readonly slots: readonly { readonly slot: number; readonly commands: number }[];
};

/** How far the copy of a slot to a shard that is led here has come (MOV-3). */
export type PullReport = {
  /** The shard that shall own the slot. */
  readonly shardId: string;
  readonly slot: number;
  readonly generation: number;
  /** `ready`: at most 1 MiB is left. `imported`: the shard has committed that it owns the slot. */
  readonly state: 'copying' | 'ready' | 'imported' | 'failed';
  readonly copiedBytes: number;
  readonly restBytes: number;
  /** Rounds of copying, from 1. */
  readonly rounds: number;
  /** Why it failed, in a sentence. */
  readonly fault?: string;
};

/** How far a node has followed the log of another node's shard: a committed place (LOG-12). */
export type FollowedPoint = {
  readonly shardId: string;
  /** From 1. */
  readonly entryIndex: number;
  /** 32 hexadecimal digits. */
  readonly chainChecksum: string;
  /** Shard of the node that follows; absent when the node itself does. */
  readonly followerShardId?: string;
};

/** What a node says of itself with every heartbeat; read often, so it must be cheap. */
export type NodeViews = {
  readonly shards: () => readonly ShardReport[];
  readonly followed: () => readonly FollowedPoint[];
  readonly pulls: () => readonly PullReport[];
};

export type Beat = Exclude<
  MessageInitShape<typeof NodeHeartbeatSchema>,
  { $typeName: 'bourse.coordinator.v1.NodeHeartbeat' }
>;
type Hello = MessageInitShape<typeof NodeHelloSchema>;

const ROLES: Readonly<Record<ShardRole, RoleNumber>> = {
  loading: RoleNumber.LOADING,
  standby: RoleNumber.STANDBY,
  candidate: RoleNumber.CANDIDATE,
  leader: RoleNumber.LEADER,
  failed: RoleNumber.FAILED,
};

const PULL_STATES: Readonly<Record<PullReport['state'], PullNumber>> = {
  copying: PullNumber.COPYING,
  ready: PullNumber.READY,
  imported: PullNumber.IMPORTED,
  failed: PullNumber.FAILED,
};

/** Undefined when the number is no state of a copy. */
export function findPullState(number: number): PullReport['state'] | undefined {
  const names = Object.keys(PULL_STATES) as PullReport['state'][];
  return names.find((name) => PULL_STATES[name] === number);
}

export function encodeShardRole(role: ShardRole): RoleNumber {
  return ROLES[role];
}

/** Undefined when the number is no role. */
export function findShardRole(number: number): ShardRole | undefined {
  return (Object.keys(ROLES) as ShardRole[]).find((role) => ROLES[role] === number);
}

/** Makes the messages of one node, over all of its streams. */
export class Heartbeats {
  readonly #world: ClusterWorld;
  readonly #views: NodeViews;
  #wake = new AbortController();
  #isLeaving = false;

  constructor(world: ClusterWorld, views: NodeViews) {
    this.#world = world;
    this.#views = views;
  }

  hello(node: {
    readonly nodeId: string;
    readonly kind: NodeKind;
    readonly address: string;
    readonly incarnation: string;
  }): Hello {
    return { ...node, kind: encodeNodeKind(node.kind) };
  }

  /** Ends the pause before the next heartbeat. */
  beatNow(): void {
    this.#wake.abort();
  }

  /**
   * From the next heartbeat on, which comes at once, they say that the node leaves; they end with
   * the first one that shows no leadership any more (REP-9).
   */
  leave(): void {
    this.#isLeaving = true;
    this.beatNow();
  }

  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Heartbeats of one stream, until it is over or the node has said that it leaves. */
  async *beats(signal: AbortSignal): AsyncGenerator<Beat> {
    const sent: Sent = { holdings: new Map(), loads: new Map() };
    const end = () => this.#wake.abort();
    signal.addEventListener('abort', end);
    try {
      while (!signal.aborted) {
        this.#wake = new AbortController();
        const leaving = this.#isLeaving;
        const shards = this.#views.shards();
        yield {
          leaving,
          shards: shards.map((report) => encodeReport(report, sent)),
          followed: this.#views.followed().map(encodeFollowed),
          pulls: this.#views.pulls().map(encodePull),
        };
        if (leaving && !shards.some(isLeading)) return;
        await pause(this.#world, HEARTBEAT_MS, this.#wake.signal);
      }
    } finally {
      signal.removeEventListener('abort', end);
    }
  }
}

function isLeading({ role }: ShardReport): boolean {
  return role === 'leader' || role === 'candidate';
}

function encodeFollowed(point: FollowedPoint) {
  const { shardId, entryIndex, chainChecksum, followerShardId = '' } = point;
  return {
    shardId,
    followerShardId,
    entryIndex: BigInt(entryIndex),
    chainChecksum: Buffer.from(chainChecksum, 'hex'),
  };
}

function encodePull(pull: PullReport) {
  return {
    ...pull,
    generation: BigInt(pull.generation),
    state: PULL_STATES[pull.state],
    copiedBytes: BigInt(pull.copiedBytes),
    restBytes: BigInt(pull.restBytes),
    fault: pull.fault ?? '',
  };
}

export function encodeLoad(load: ShardLoad) {
  return { ...load, logBytes: BigInt(load.logBytes), slots: [...load.slots] };
}

/** What a stream has told last, by shard id: the same object is not told again. */
type Sent = {
  readonly holdings: Map<string, ShardHoldings>;
  readonly loads: Map<string, ShardLoad>;
};

function isNews<T>(sent: Map<string, T>, shardId: string, present: T | undefined): present is T {
  const isNew = present !== undefined && sent.get(shardId) !== present;
  if (present === undefined) sent.delete(shardId);
  else sent.set(shardId, present);
  return isNew;
}

function encodeReport(report: ShardReport, sent: Sent) {
  const { shardId, holdings, load } = report;
  return {
    shardId,
    role: ROLES[report.role],
    epoch: BigInt(report.epoch),
    appliedEntryIndex: BigInt(report.appliedEntryIndex),
    appliedChainChecksum: Buffer.from(report.appliedChainChecksum, 'hex'),
    queuedCommands: report.queuedCommands ?? 0,
    fault: report.fault ?? '',
    ...(isNews(sent.holdings, shardId, holdings) ? { holdings: encodeHoldings(holdings) } : {}),
    committedEntryIndex: BigInt(report.committedEntryIndex ?? 0),
    lagUs: BigInt(report.lagUs ?? 0),
    ...(isNews(sent.loads, shardId, load) ? { load: encodeLoad(load) } : {}),
    version: report.version ?? 0,
    newestVersion: report.newestVersion ?? 0,
  };
}

export function encodeHoldings(
  holdings: ShardHoldings,
): MessageInitShape<typeof ShardHoldingsSchema> {
  const runs: { firstSlot: number; slotCount: number; generation: bigint }[] = [];
  for (const [slot, generation] of [...holdings.slots].sort(([one], [other]) => one - other)) {
    const last = runs.at(-1);
    const isNext = last !== undefined && last.firstSlot + last.slotCount === slot;
    if (isNext && last.generation === BigInt(generation)) last.slotCount += 1;
    else runs.push({ firstSlot: slot, slotCount: 1, generation: BigInt(generation) });
  }
  return {
    slots: runs,
    assets: [...holdings.assets].map(([assetNumber, version]) => ({
      assetNumber,
      version: BigInt(version),
    })),
    instruments: [...holdings.instruments].map(([instrumentNumber, { version, state }]) => ({
      instrumentNumber,
      version: BigInt(version),
      ...(state === undefined ? {} : { state: instrumentStateCodec.toNumber(state) }),
    })),
  };
}

// A standby's road to the leader of its shard (REP-1): StreamEntries of whoever leads by the
// cluster table, left when the table shows a later leader or nothing is heard.

import type { LogEntry } from '../../shard/log-entry.ts';
import {
  type EntryBatch,
  type FollowFrom,
  type FollowLeader,
  LeaderUnreachable,
} from '../../shard/world.ts';
import { OperatingError } from '../errors/operating-error.ts';
import type { RpcChannel } from '../rpc/channel.ts';
import { outsideOfTrace } from '../rpc/client.ts';
import type { ShardKind } from './cluster-table.ts';
import type { ClusterWorld } from './cluster-world.ts';
import { findLeader, onNewerLeader, type TableWatch } from './leader-place.ts';
import { NodeChannels } from './node-channels.ts';

/** Ten signs of life of a leader. */
const SILENCE_MS = 1_000;

/** What both services call StreamedEntry and StreamEntriesResponse, as far as it matters here. */
type StreamedEntry = {
  readonly entryIndex: bigint;
  readonly epoch: bigint;
  readonly logTimeUs: bigint;
  readonly formatVersion: number;
  readonly firstSequence: bigint;
  readonly eventCount: number;
  readonly commandCount: number;
  readonly chainChecksum: Uint8Array;
  readonly commands: Uint8Array;
  readonly outcomes: Uint8Array;
};
type Response = {
  readonly entries: readonly StreamedEntry[];
  readonly epoch: bigint;
  readonly committedEntryIndex: bigint;
  readonly committedChainChecksum: Uint8Array;
  readonly writesSnapshots: boolean;
  readonly successorNodeId: string;
  readonly successorEpoch: bigint;
};
type Request = {
  readonly shardId: string;
  readonly nodeId: string;
  readonly appliedEntryIndex: bigint;
  readonly appliedChainChecksum: Uint8Array;
  readonly appliedIsCommitted: boolean;
  readonly divergedEntryIndex: bigint;
};

export type LeaderEntriesOptions = {
  readonly watch: TableWatch;
  readonly kind: ShardKind;
  readonly world: Pick<ClusterWorld, 'setTimer'>;
  /** This node. */
  readonly nodeId: string;
  readonly streamEntries: (
    channel: RpcChannel,
    request: Request,
    signal: AbortSignal,
  ) => AsyncIterable<Response>;
};

/** How the hosts of this node reach the leaders of their shards, until it is closed. */
export function openLeaderEntries(options: LeaderEntriesOptions): {
  readonly followLeader: FollowLeader;
  close(): void;
} {
  const channels = new NodeChannels(options.watch, [options.kind]);
  return {
    followLeader: (...call) => outsideOfTrace(() => follow({ ...options, channels }, ...call)),
    close: () => channels.close(),
  };
}

async function* follow(
  {
    watch,
    world,
    nodeId,
    channels,
    streamEntries,
  }: LeaderEntriesOptions & { readonly channels: NodeChannels },
  shardId: string,
  from: FollowFrom,
  signal: AbortSignal,
): AsyncGenerator<EntryBatch, void, void> {
  const leader = findLeader(watch.table(), shardId);
  if (leader === undefined || leader.nodeId === nodeId) {
    throw new LeaderUnreachable(`nobody else leads ${shardId} as far as is known`);
  }
  const stream = new AbortController();
  const end = (): void => stream.abort();
  const unwatch = onNewerLeader(watch, { shardId, epoch: leader.epoch }, end);
  signal.addEventListener('abort', end);
  let watchdog = world.setTimer(SILENCE_MS, end);
  try {
    const request = { shardId, nodeId, ...encodeFrom(from) };
    const channel = channels.channelOf(leader.address);
    for await (const response of streamEntries(channel, request, stream.signal)) {
      watchdog.cancel();
      yield decodeBatch(response);
      watchdog.cancel();
      watchdog = world.setTimer(SILENCE_MS, end);
    }
  } catch (error) {
    const { message } = error as Error;
    const reason = error instanceof OperatingError ? error.reason : undefined;
    const isUnknownPoint = reason === 'LOG_FORKED' || reason === 'BEYOND_WINDOW';
    throw new LeaderUnreachable(message, { cause: error, isUnknownPoint });
  } finally {
    watchdog.cancel();
    unwatch();
    signal.removeEventListener('abort', end);
    end();
  }
  throw new LeaderUnreachable(`the leader of ${shardId} ended the stream`);
}

function encodeFrom({
  applied,
  isCommitted,
  divergedEntryIndex = 0,
}: FollowFrom): Omit<Request, 'shardId' | 'nodeId'> {
  return {
    appliedEntryIndex: BigInt(applied.entryIndex),
    appliedChainChecksum: Buffer.from(applied.chainChecksum, 'hex'),
    appliedIsCommitted: isCommitted,
    divergedEntryIndex: BigInt(divergedEntryIndex),
  };
}

function decodeBatch(response: Response): EntryBatch {
  const { successorNodeId: nodeId, successorEpoch } = response;
  return {
    entries: response.entries.map(decodeEntry),
    epoch: Number(response.epoch),
    committed: {
      entryIndex: Number(response.committedEntryIndex),
      chainChecksum: hexOf(response.committedChainChecksum),
    },
    writesSnapshots: response.writesSnapshots,
    successor: nodeId === '' ? undefined : { nodeId, epoch: Number(successorEpoch) },
  };
}

function decodeEntry(entry: StreamedEntry): LogEntry {
  return {
    entryIndex: Number(entry.entryIndex),
    epoch: Number(entry.epoch),
    logTimeUs: Number(entry.logTimeUs),
    formatVersion: entry.formatVersion,
    firstSequence: Number(entry.firstSequence),
    eventCount: entry.eventCount,
    commandCount: entry.commandCount,
    commands: entry.commands,
    outcomes: entry.outcomes,
    chainChecksum: hexOf(entry.chainChecksum),
  };
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

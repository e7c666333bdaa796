// A node that does what the coordinator orders, at once, and remembers it.

import type { ShardLoad } from '../../../services/lib/platform/cluster/heartbeats.ts';
import {
  type ClusterMembership,
  joinCluster,
  type PulledSlot,
  type PullReport,
  type ShardReport,
} from '../../../services/lib/platform/cluster/join-cluster.ts';
import { silentLog } from '../../support/coordinator.ts';

export type ObedientNodeOptions = {
  readonly coordinatorAddresses: readonly string[];
  readonly nodeId: string;
  readonly kind: 'matching' | 'account' | 'order' | 'marketdata';
  /** One that nobody can ask when absent. */
  readonly address?: string;
};

export class ObedientNode {
  readonly membership: ClusterMembership;
  readonly orders: string[] = [];
  readonly reports = new Map<string, ShardReport>();
  readonly pulls = new Map<string, PullReport>();
  /** What the shards that it leads have to do. */
  readonly loads = new Map<string, ShardLoad>();
  /** Shards whose leadership it never reports. */
  readonly deafTo = new Set<string>();
  isReplaced = false;

  constructor({ coordinatorAddresses, nodeId, kind, address }: ObedientNodeOptions) {
    this.membership = joinCluster({
      ...{ coordinatorAddresses, nodeId, kind, log: silentLog },
      address: address ?? `${nodeId}.example:1`,
      shards: () =>
        [...this.reports.values()].map((report) => {
          const load = report.role === 'leader' ? this.loads.get(report.shardId) : undefined;
          return { ...report, load };
        }),
      pulls: () => [...this.pulls.values()],
      onHost: ({ shardId }) => {
        this.orders.push(`host ${shardId}`);
        this.report(shardId, 'standby', 0);
      },
      onLead: ({ shardId, epoch }) => {
        this.orders.push(`lead ${shardId} ${epoch}`);
        if (!this.deafTo.has(shardId)) this.report(shardId, 'leader', epoch);
      },
      onRelease: ({ shardId, epoch, target }) => {
        this.orders.push(`release ${shardId} ${epoch} for ${target?.nodeId ?? 'nobody'}`);
        this.report(shardId, 'standby', epoch);
      },
      onPull: ({ exported, ...slot }) => {
        this.orders.push(`pull ${keyOf(slot)}${exported ? ' to the export' : ''}`);
        this.reportPull(slot, exported ? 'imported' : 'ready');
      },
      onDropPull: (slot) => {
        this.orders.push(`drop ${keyOf(slot)}`);
        this.pulls.delete(keyOf(slot));
        this.membership.reportNow();
      },
      onReplaced: () => {
        this.isReplaced = true;
      },
    });
  }

  report(shardId: string, role: ShardReport['role'], epoch: number): void {
    const place = { appliedEntryIndex: epoch, appliedChainChecksum: '' };
    this.reports.set(shardId, { shardId, role, epoch, ...place });
    this.membership.reportNow();
  }

  reportPull(slot: PulledSlot, state: PullReport['state']): void {
    const { shardId, slot: number, generation } = slot;
    const measured = { copiedBytes: 100, restBytes: 10, rounds: 1 };
    const pull = { shardId, slot: number, generation, state, ...measured };
    this.pulls.set(keyOf(slot), pull);
    this.membership.reportNow();
  }
}

function keyOf({ shardId, slot, generation }: PulledSlot): string {
  return `${shardId} ${slot} ${generation}`;
}

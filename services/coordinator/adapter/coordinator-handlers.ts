// CoordinatorService for the nodes and ClusterAdminService for operators.

import type { ClusterAdminService } from '../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import type { CoordinatorService } from '../../../gen/bourse/coordinator/v1/service_pb.ts';
import { pause } from '../../lib/platform/cluster/cluster-world.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { RpcContext } from '../../lib/platform/rpc/call-context.ts';
import type { Handlers } from '../../lib/platform/rpc/server.ts';
import { addToMetric } from '../../lib/platform/telemetry/metrics.ts';
import { ATTRIBUTES, METRICS } from '../../lib/platform/telemetry/names.ts';
import type { ActiveCoordinator } from './active-coordinator.ts';
import { addShard, drainNode, transferLeadership } from './cluster-changes.ts';
import { showCluster } from './cluster-status.ts';
import { heartbeatMessage, type WatchMessage } from './cluster-view.ts';
import type { Coordinator } from './coordinator.ts';
import { Inbox, InboxFull } from './inbox.ts';
import { serveJoin } from './join-handler.ts';
import { cancelMove, listMoves, moveSlots } from './move-requests.ts';

/** CRD-3 asks for one at least every 200 ms. */
const HEARTBEAT_MS = 150;
/** Changes of the table that wait for one reader. */
const CHANGES_LIMIT = 1_000;
const STREAMS_LIMIT = 1_000;
const METRIC_ATTRIBUTES = { [ATTRIBUTES.stream]: 'cluster' };

let openStreams = 0;

export function coordinatorHandlers(coordinator: Coordinator): Handlers<typeof CoordinatorService> {
  return {
    join: (requests, call) => serveJoin(coordinator, requests, call),

    async *watchCluster(_request, call) {
      const active = coordinator.active();
      if (openStreams >= STREAMS_LIMIT) {
        const metadata = { limit: String(STREAMS_LIMIT) };
        throw new OperatingError('TOO_MANY_STREAMS', 'Too many streams are open.', { metadata });
      }
      openStreams += 1;
      addToMetric(METRICS.streams, 1, METRIC_ATTRIBUTES);
      try {
        yield* watch(active, call);
      } finally {
        openStreams -= 1;
        addToMetric(METRICS.streams, -1, METRIC_ATTRIBUTES);
      }
    },
  };
}

async function* watch(active: ActiveCoordinator, call: RpcContext): AsyncGenerator<WatchMessage> {
  const inbox = new Inbox<WatchMessage>(CHANGES_LIMIT);
  // In one turn, so that no change is missed between the whole table and the first change.
  const end = active.view.listen((message) => inbox.push(message));
  const snapshot = active.view.snapshot();
  try {
    yield snapshot;
    while (!call.signal.aborted && !call.draining.aborted) {
      const silence = new AbortController();
      void pause(active.world, HEARTBEAT_MS, call.signal).then(() => silence.abort());
      const changes = await inbox.take(silence.signal, active.ended, call.draining);
      if (active.ended.aborted) {
        throw new OperatingError('NOT_READY', 'Another coordinator is active.');
      }
      yield* changes;
      if (changes.length === 0) yield heartbeatMessage(active.registry.tables, active.term);
    }
  } catch (error) {
    if (!(error instanceof InboxFull)) throw error;
    throw new OperatingError('SUBSCRIBER_TOO_SLOW', 'The reader is too slow; open it again.');
  } finally {
    end();
  }
}

export function clusterAdminHandlers(
  coordinator: Coordinator,
): Handlers<typeof ClusterAdminService> {
  return {
    getCluster: () => showCluster(coordinator.active()),
    addShard: (request) => addShard(coordinator.active(), request),
    transferLeadership: (request, call) => transferLeadership(coordinator.active(), request, call),
    drainNode: (request) => drainNode(coordinator.active(), request),
    moveSlots: (request) => moveSlots(coordinator.active(), request),
    listMoves: async (request) => listMoves(coordinator.active(), request),
    cancelMove: (request) => cancelMove(coordinator.active(), request),
  };
}

// What is done to a mesh, in an order that a seed decides.

import { setTimeout as delay } from 'node:timers/promises';
import type { Chance } from '../../services/simulator/domain/chance.ts';
import { type ChaosMesh, NODE_IDS, type NodeId } from './mesh.ts';
import type { Endpoint } from './network/topology.ts';

export type FaultKind = 'kill' | 'pause' | 'term' | 'postgres' | 'cut';
/** What can be done to processes, wherever they run. */
export const PROCESS_FAULTS: readonly FaultKind[] = ['kill', 'pause', 'term', 'postgres'];
/** A link can be cut in a network of the run's own only: where it `isInside`. */
export const FAULT_KINDS: readonly FaultKind[] = [...PROCESS_FAULTS, 'cut'];

export type Fault = {
  readonly kind: FaultKind;
  /** The process it is done to; absent for PostgreSQL. */
  readonly nodeId?: NodeId;
  /** To whom its link is cut. */
  readonly other?: NodeId | Endpoint;
  /** How long a paused process stands still, and a link is cut. */
  readonly lengthMs?: number;
};

const SHORTEST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 3_000;
const SHORTEST_CUT_MS = 500;
const LONGEST_CUT_MS = 8_000;
/** Of a hundred cuts: from everyone, from PostgreSQL; the others are between two nodes. */
const ISOLATED_PERCENT = 40;
const FROM_POSTGRES_PERCENT = 25;
const PUBLIC = /^(order|marketdata)/;

/** Chooses the next fault. */
export function chooseFault(chance: Chance, kinds: readonly FaultKind[]): Fault {
  const kind = kinds[chance.between(0, kinds.length - 1)] as FaultKind;
  if (kind === 'postgres') return { kind };
  const nodeId = NODE_IDS[chance.between(0, NODE_IDS.length - 1)] as NodeId;
  if (kind === 'cut') {
    const other = chooseOther(chance, nodeId);
    return { kind, nodeId, other, lengthMs: chance.between(SHORTEST_CUT_MS, LONGEST_CUT_MS) };
  }
  if (kind !== 'pause') return { kind, nodeId };
  return { kind, nodeId, lengthMs: chance.between(SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS) };
}

function chooseOther(chance: Chance, nodeId: NodeId): NodeId | Endpoint {
  const percent = chance.between(0, 99);
  if (percent < ISOLATED_PERCENT) return 'everyone';
  // Orders need no database, and public processes have nothing to say to each other.
  if (percent < ISOLATED_PERCENT + FROM_POSTGRES_PERCENT && !nodeId.startsWith('order')) {
    return 'postgres';
  }
  const others = NODE_IDS.filter(
    (id) => id !== nodeId && !(PUBLIC.test(id) && PUBLIC.test(nodeId)),
  );
  return others[chance.between(0, others.length - 1)] as NodeId;
}

/**
 * Does it; resolves when a paused process goes on and a cut link is whole. False when there was
 * nothing to do it to.
 */
export async function commit(mesh: ChaosMesh, fault: Fault): Promise<boolean> {
  const { kind, nodeId, other, lengthMs = SHORTEST_PAUSE_MS } = fault;
  if (kind === 'postgres') {
    return mesh.killPostgres();
  }
  if (nodeId === undefined) return false;
  if (kind === 'kill') return mesh.signal(nodeId, 'SIGKILL');
  if (kind === 'term') return mesh.signal(nodeId, 'SIGTERM');
  if (kind === 'cut') {
    if (mesh.network === undefined || other === undefined) return false;
    const heal = mesh.network.cut(nodeId, other);
    await delay(lengthMs);
    heal();
    return true;
  }
  if (!mesh.signal(nodeId, 'SIGSTOP')) return false;
  await delay(lengthMs);
  return mesh.signal(nodeId, 'SIGCONT');
}

/** The fault in a few words. */
export function describeFault({ kind, nodeId, other, lengthMs }: Fault): string {
  if (kind === 'postgres') return 'PostgreSQL ended at once';
  const from = other === undefined ? '' : ` from ${other}`;
  const length = lengthMs === undefined ? '' : ` for ${lengthMs} ms`;
  return `${kind} ${nodeId}${from}${length}`;
}

// What is done to a mesh, in an order that a seed decides.

import { setTimeout as delay } from 'node:timers/promises';
import type { Chance } from '../../services/simulator/domain/chance.ts';
import { type ChaosMesh, NODE_IDS, type NodeId } from './mesh.ts';

export type FaultKind = 'kill' | 'pause' | 'term' | 'postgres';
export const FAULT_KINDS: readonly FaultKind[] = ['kill', 'pause', 'term', 'postgres'];

export type Fault = {
  readonly kind: FaultKind;
  /** The process it is done to; absent for PostgreSQL. */
  readonly nodeId?: NodeId;
  /** How long a paused process stands still. */
  readonly pauseMs?: number;
};

const SHORTEST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 3_000;

/** Chooses the next fault. */
export function chooseFault(chance: Chance, kinds: readonly FaultKind[]): Fault {
  const kind = kinds[chance.between(0, kinds.length - 1)] as FaultKind;
  if (kind === 'postgres') return { kind };
  const nodeId = NODE_IDS[chance.between(0, NODE_IDS.length - 1)] as NodeId;
  if (kind !== 'pause') return { kind, nodeId };
  return { kind, nodeId, pauseMs: chance.between(SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS) };
}

/** Does it; resolves when a paused process goes on. False when there was nothing to do it to. */
export async function commit(mesh: ChaosMesh, { kind, nodeId, pauseMs }: Fault): Promise<boolean> {
  if (kind === 'postgres') {
    mesh.killPostgres();
    return true;
  }
  if (nodeId === undefined) return false;
  if (kind === 'kill') return mesh.signal(nodeId, 'SIGKILL');
  if (kind === 'term') return mesh.signal(nodeId, 'SIGTERM');
  if (!mesh.signal(nodeId, 'SIGSTOP')) return false;
  await delay(pauseMs ?? SHORTEST_PAUSE_MS);
  return mesh.signal(nodeId, 'SIGCONT');
}

/** The fault in a few words. */
export function describeFault({ kind, nodeId, pauseMs }: Fault): string {
  const length = pauseMs === undefined ? '' : ` for ${pauseMs} ms`;
  return kind === 'postgres' ? 'PostgreSQL ended at once' : `${kind} ${nodeId}${length}`;
}

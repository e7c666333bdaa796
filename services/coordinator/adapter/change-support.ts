// What all changes of reference data share: hashes of bodies, shards that must be
// there, and the wait for them.

import { createHash } from 'node:crypto';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { RpcContext } from '../../lib/platform/rpc/call-context.ts';
import { slotOf } from '../../lib/routing/slot.ts';
import type { ClusterTables, ShardRow } from '../domain/cluster-tables.ts';
import type { Drafted } from '../domain/instrument-draft.ts';
import type { InstrumentTerms, ReferenceTables } from '../domain/reference-tables.ts';
import type { ActiveCoordinator } from './active-coordinator.ts';
import { fieldError } from './form.ts';
import type { StoredRequest } from './reference-store.ts';

/** How long an answer waits for the shards when the caller sets no earlier deadline. */
const CONFIRM_MS = 10_000;
/** Left of the caller's deadline for the answer itself. */
const ANSWER_MS = 50;
const RETRY_MS = 200;

/** The drafted value. @throws OperatingError with the reason of its problem. */
export function accepted<T>(drafted: Drafted<T>): T {
  if (drafted.ok) return drafted.value;
  const { reason, field, message } = drafted.problem;
  throw fieldError(reason, field, message);
}

/** Recognises a body, field by field; hexadecimal. */
export function hashOfBody(fields: readonly (string | number | bigint | undefined)[]): string {
  const text = JSON.stringify(fields.map((field) => (field === undefined ? null : String(field))));
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/**
 * What an earlier request with the client's id has come to; undefined when there was none.
 *
 * @throws OperatingError OUTCOME_UNKNOWN when the database does not say: an earlier attempt of the
 * same request may have done it.
 */
export async function findEarlier(
  { stores }: Pick<ActiveCoordinator, 'stores'>,
  clientRequestId: string,
): Promise<StoredRequest | undefined> {
  if (clientRequestId === '') return undefined;
  try {
    return await stores.findRequest(clientRequestId);
  } catch (cause) {
    const message = 'The database did not say whether this was asked for before.';
    throw new OperatingError('OUTCOME_UNKNOWN', message, { cause });
  }
}

/**
 * Refuses before anything is done when a shard that must know cannot be told now.
 *
 * @param instrumentId whose matching shard is concerned; none when undefined
 * @throws OperatingError SHARD_UNAVAILABLE.
 */
export function checkShardsServe(cluster: ClusterTables, instrumentId?: string): void {
  const owner =
    instrumentId === undefined ? undefined : cluster.slots.matching[slotOf(instrumentId)]?.shardId;
  const concerned = [...cluster.shards.values()].filter(
    (shard) => shard.kind === 'account' || shard.shardId === owner,
  );
  const accountShards = concerned.filter((shard) => shard.kind === 'account');
  const missing = concerned.find((shard) => !serves(cluster, shard))?.shardId;
  const isUnowned = instrumentId !== undefined && owner === undefined;
  if (missing === undefined && !isUnowned && accountShards.length > 0) return;
  const shardId = missing ?? '';
  throw new OperatingError('SHARD_UNAVAILABLE', `Shard ${shardId} has no leader now.`, {
    metadata: { shard_id: shardId },
    retryDelayMs: RETRY_MS,
  });
}

function serves(cluster: ClusterTables, shard: ShardRow): boolean {
  if (shard.leader === undefined || shard.servingEpoch !== shard.epoch) return false;
  return cluster.nodes.get(shard.leader.nodeId)?.live === true;
}

/** How long a call may still wait for shards, in milliseconds. */
export function patienceOf(active: ActiveCoordinator, call: RpcContext): number {
  const leftMs = call.deadlineMs - active.world.wallClockUs() / 1_000 - ANSWER_MS;
  return Math.max(0, Math.min(CONFIRM_MS, leftMs));
}

/** Waits until callers see the change, as long as the call may take. */
export async function waitUntilSeen(
  active: ActiveCoordinator,
  call: RpcContext,
  isSeen: (tables: ReferenceTables) => boolean,
): Promise<void> {
  await active.reference.waitUntil(isSeen, patienceOf(active, call));
}

export function requestExists(): OperatingError {
  const message = 'This client_request_id was used for another change.';
  const metadata = { field: 'client_request_id' };
  return new OperatingError('CLIENT_REQUEST_ID_ALREADY_EXISTS', message, { metadata });
}

/** True when callers see these rules, or later ones. */
export function seesTerms(
  tables: ReferenceTables,
  instrumentNumber: number,
  terms: InstrumentTerms,
): boolean {
  const published = tables.instruments.get(instrumentNumber)?.published;
  return published !== undefined && published.rules.version >= terms.rules.version;
}

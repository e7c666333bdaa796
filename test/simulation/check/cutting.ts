// What is cut off a log is needed by nobody any more (SNAP-4): whoever settles it has settled it on
// every account, frozen ones too, market data has it in its tables, and two snapshots are later.

import type { LogEntry } from '../../../services/lib/shard/log-entry.ts';
import type { MeshDatabase } from '../database/mesh-database.ts';
import type { Findings } from './findings.ts';
import type { Ledgers } from './money.ts';

/** Snapshots that begin behind what is cut off. */
const LATER_SNAPSHOTS = 2;

/** To be called before the entry is gone. */
export function checkCut(
  database: MeshDatabase,
  ledgers: Ledgers,
  { shardId, entry }: { readonly shardId: string; readonly entry: LogEntry },
  findings: Findings,
): void {
  const { entryIndex, firstSequence, eventCount } = entry;
  const what = `entry ${entryIndex} of ${shardId} was cut off`;
  const before = database.entriesOf(shardId).slice(0, entryIndex - 1);
  if (before.some(Boolean)) findings.add('SNAP-4', `${what} before earlier ones`);
  const later = database.snapshotsOf(shardId).filter(({ head }) => {
    return head !== undefined && head.point.entryIndex > entryIndex;
  });
  if (later.length < LATER_SNAPSHOTS) {
    findings.add('SNAP-4', `${what}, ${later.length} snapshots are later`);
  }
  const throughSequence = firstSequence + eventCount - 1;
  for (const [ledgerId, machine] of ledgers) {
    if (ledgerId === shardId || eventCount === 0) continue;
    const settled = leastSettled(machine.state, shardId);
    if (settled >= throughSequence) continue;
    const message = `${what}, ${ledgerId} has settled up to ${settled} of ${throughSequence}`;
    findings.add('SNAP-4', message);
  }
  const place = database.market.places.get(shardId);
  // It is a consumer from the first time on that it has stored anything.
  if (place === undefined || place.entryIndex >= entryIndex) return;
  const message = `${what}, market data has stored it up to ${place.entryIndex}`;
  findings.add('SNAP-4', message);
}

type LedgerState =
  Ledgers extends ReadonlyMap<string, infer Machine>
    ? Machine extends { readonly state: infer State }
      ? State
      : never
    : never;

/** What is settled of a stream on every account; infinite when there is none. */
function leastSettled(state: LedgerState, sourceShardId: string): number {
  if (!state.ownsAnySlot()) return Number.POSITIVE_INFINITY;
  const slots = state.slotWatermarks.ofSource(sourceShardId);
  const settled = state.watermarks.get(sourceShardId)?.sequence ?? 0;
  return Math.min(settled, ...slots.map(({ mark }) => mark.sequence));
}

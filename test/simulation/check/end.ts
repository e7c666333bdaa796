// What must hold once faults are over: soon, that nothing is outstanding any more; and then, that
// all who keep a state of the same thing have the same one.

import { AccountMachine } from '../../../services/account/domain/account-machine.ts';
import { isOpen } from '../../../services/coordinator/domain/cluster-tables.ts';
import type { LogPoint } from '../../../services/lib/shard/log-entry.ts';
import type { SimulatedMesh } from '../mesh/mesh.ts';
import type { Findings } from './findings.ts';
import { checkMarket, findBehindMarket } from './market-feed.ts';
import { clearingSums, type Ledgers } from './money.ts';
import type { Facts } from './order-facts.ts';
import type { Audits } from './shard-audit.ts';

/** MOV-5: a slot never has two owners. */
export function checkOwner(
  audits: Audits,
  kind: 'matching' | 'account',
  { slot }: { readonly slot: number },
  findings: Findings,
): void {
  const owners = [...audits].filter(([shardId, { replica }]) => {
    if (!shardId.startsWith(kind)) return false;
    return replica.machine.slots?.statusOf(slot).ownership === 'OWNED';
  });
  if (owners.length <= 1) return;
  const names = owners.map(([shardId]) => shardId).join(' and ');
  findings.add('MOV-5', `slot ${slot} belongs to ${names}`);
}

/** The account shards, by id. */
export function ledgersOf(audits: Audits): Ledgers {
  return new Map(
    [...audits].flatMap(([shardId, { replica }]) => {
      const machine: unknown = replica.machine;
      return machine instanceof AccountMachine ? [[shardId, machine] as const] : [];
    }),
  );
}

function accountMachines(audits: Audits): AccountMachine[] {
  return [...ledgersOf(audits).values()];
}

/** What is still outstanding; undefined when nothing is. */
export function findUnsettled(
  mesh: SimulatedMesh,
  audits: Audits,
  facts: Facts,
  passesOverOrphans: boolean,
): string | undefined {
  for (const [shardId, { replica }] of audits) {
    const leaders = leadersOf(mesh, shardId);
    if (leaders.length === 0) return `nobody leads ${shardId}`;
    const isAtEnd = leaders.some(
      ({ position }) => position?.committed.entryIndex === replica.point.entryIndex,
    );
    if (!isAtEnd) return `the leader of ${shardId} is behind its log`;
    // An append may be in flight: nobody waits for what settles an amend, for example.
    const expected = replica.machine.stateChecksum();
    const isLevel = leaders.some(({ machine }) => machine?.stateChecksum() === expected);
    if (!isLevel) return `the leader of ${shardId} has another state than its log (LOG-7)`;
    const behind = findBehindStandby(mesh, shardId, replica.point);
    if (behind !== undefined) return behind;
  }
  for (const move of mesh.database.coordinator.cluster.moves.values()) {
    if (isOpen(move))
      return `move ${move.moveNumber} of slot ${move.slot} is ${move.state} (MOV-2)`;
  }
  for (const { state } of accountMachines(audits)) {
    const places = [...state.watermarks].map(([source, { sequence }]) => `${source} ${sequence}`);
    const settled = `settled: ${places.join(', ')}`;
    for (const account of state.accountsByNumber.values()) {
      if (!state.ownsAccountNumber(account.accountNumber)) continue;
      for (const record of account.liveOrders.values()) {
        const name = `${account.accountId}/${record.clientOrderId}`;
        const order = facts.order(account.accountNumber, record.placement);
        // An orphan is one of which no book has said anything yet.
        const isOrphan = order.acceptedCount === 0 && !order.isFinal;
        if (record.holdState === 'PLACED' && passesOverOrphans && isOrphan) continue;
        if (record.holdState === 'PLACED') return `the hold of ${name} is only placed (HLD-4)`;
        if (order.isFinal) return `the end of ${name} is not settled (${settled})`;
        if (order.filledUnits !== record.filledUnits)
          return `a fill of ${name} is not settled (${settled})`;
      }
    }
  }
  for (const [stream, units] of clearingSums(ledgersOf(audits))) {
    if (units !== 0n) return `${units} of asset and stream ${stream} is not cleared (LED-3)`;
  }
  return findBehindMarket(mesh, audits);
}

/** REP-1, REP-8: every shard has its standbys again, and they have applied its whole log. */
function findBehindStandby(
  mesh: SimulatedMesh,
  shardId: string,
  end: LogPoint,
): string | undefined {
  const standbys = [...mesh.nodes.values()].flatMap(({ process }) =>
    process.alive ? process.hosts().filter((host) => host.shardId === shardId) : [],
  );
  const warm = standbys.filter(({ standby }) => standby?.isWarm === true);
  if (warm.length < mesh.size.replicas - 1) return `${shardId} lacks a standby (REP-8)`;
  const behind = warm.find(({ standby }) => standby?.point.entryIndex !== end.entryIndex);
  if (behind !== undefined) return `a standby of ${shardId} is behind its log (REP-1)`;
  const other = warm.find(({ standby }) => standby?.point.chainChecksum !== end.chainChecksum);
  return other === undefined ? undefined : `a standby of ${shardId} has another log (LOG-7)`;
}

function leadersOf(mesh: SimulatedMesh, shardId: string) {
  return [...mesh.nodes.values()].flatMap(({ process }) =>
    process.alive
      ? process.hosts().filter((host) => host.shardId === shardId && host.state.kind === 'leading')
      : [],
  );
}

export function checkEnd(
  mesh: SimulatedMesh,
  audits: Audits,
  facts: Facts,
  findings: Findings,
): void {
  checkReplicas(mesh, audits, findings);
  checkSnapshots(mesh, audits, findings);
  checkMarket(mesh, audits, facts, findings);
  for (const machine of accountMachines(audits)) checkHolds(machine, findings);
  checkOpenOrders(audits, facts, findings);
}

/** LOG-7: replicas at equal index have equal checksums. */
function checkReplicas(mesh: SimulatedMesh, audits: Audits, findings: Findings): void {
  for (const [shardId, { replica }] of audits) {
    const expected = replica.machine.stateChecksum();
    for (const { process } of mesh.nodes.values()) {
      if (!process.alive) continue;
      for (const host of process.hosts()) {
        if (host.shardId !== shardId || host.machine === undefined) continue;
        if (host.position?.committed.entryIndex !== replica.point.entryIndex) continue;
        if (host.machine.stateChecksum() === expected) continue;
        findings.add('LOG-7', `${process.name} has another state of ${shardId} than its log`);
      }
    }
  }
}

/** SNAP-1: the newest snapshot of each shard and the entries behind it are all of its entries. */
function checkSnapshots({ database }: SimulatedMesh, audits: Audits, findings: Findings): void {
  for (const [shardId, audit] of audits) {
    const whole = database.snapshotsOf(shardId).filter(({ head, beginning }) => {
      return head !== undefined && !database.damagedSnapshots.has(beginning.snapshotId);
    });
    const newest = whole.at(-1);
    if (newest === undefined) continue;
    try {
      const found = audit.checksumFrom(newest.rows, database.entriesOf(shardId));
      if (found === audit.replica.machine.stateChecksum()) continue;
      const { entryIndex } = newest.beginning.point;
      findings.add('SNAP-1', `${shardId} from its snapshot at ${entryIndex} has another state`);
    } catch (error) {
      findings.add('SNAP-1', `a snapshot of ${shardId}: ${(error as Error).message}`);
    }
  }
}

/** HLD-3, HLD-8: what is held is held for open orders, and for nothing else. */
function checkHolds({ state }: AccountMachine, findings: Findings): void {
  for (const account of state.accountsByNumber.values()) {
    const held = new Map<number, bigint>();
    for (const hold of [...account.liveOrders.values(), ...account.liveGroups.values()]) {
      const before = held.get(hold.holdAssetNumber) ?? 0n;
      held.set(hold.holdAssetNumber, before + hold.heldUnits);
    }
    for (const { assetNumber, heldUnits } of account.balances.values()) {
      const explained = held.get(assetNumber) ?? 0n;
      if (explained === heldUnits) continue;
      const message = `${account.accountId} has ${heldUnits} of asset ${assetNumber} held, its orders ${explained}`;
      findings.add('HLD-8', message);
    }
  }
}

/** HLD-3: every order that can trade has its hold. */
function checkOpenOrders(audits: Audits, facts: Facts, findings: Findings): void {
  const machines = accountMachines(audits);
  for (const [key, order] of facts.orders) {
    if (order.isFinal || order.acceptedCount === 0) continue;
    const [accountNumber = 0, placement = 0] = key.split('-').map(Number);
    const live = machines
      .map(({ state }) => state.accountsByNumber.get(accountNumber)?.liveOrders.get(placement))
      .find((found) => found !== undefined);
    if (live !== undefined && live.hold.heldUnits > 0n) continue;
    findings.add('HLD-3', `order ${key} is open in its book and nothing is held for it`);
  }
}

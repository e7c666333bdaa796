// What a shard must still be told before its log agrees with the tables (CRD-5), and what all
// shards agree on already. Pure.

import { slotOf } from '../../lib/routing/slot.ts';
import type { InstrumentRules, InstrumentState } from '../../lib/rules/terms.ts';
import type { ClusterTables, ShardRow, SlotRow, TableChange } from './cluster-tables.ts';
import { SHARD_KINDS } from './cluster-tables.ts';
import { movingSlots } from './moves.ts';
import {
  ASSET_VERSION,
  type AssetRow,
  type InstrumentRow,
  type ReferenceTables,
} from './reference-tables.ts';

/** What a shard is known to have committed. */
export type Holdings = {
  /** Generation by slot. */
  readonly slots: ReadonlyMap<number, number>;
  /** Version by asset number; account shards only. */
  readonly assets: ReadonlyMap<number, number>;
  readonly instruments: ReadonlyMap<number, HeldInstrument>;
};

/** An account shard does not care about the state. */
export type HeldInstrument = {
  readonly version: number;
  readonly state: InstrumentState | undefined;
};

/** A command that brings a shard closer to the tables; each is idempotent. */
export type ShardCommand =
  | {
      readonly kind: 'acquireSlots';
      readonly slots: readonly number[];
      readonly generation: number;
    }
  | { readonly kind: 'setAsset'; readonly asset: AssetRow }
  | {
      readonly kind: 'setInstrument';
      readonly rules: InstrumentRules;
      readonly initialState: InstrumentState;
    };

/** The commands that a shard lacks, in the order in which it must get them. */
export function missingCommands(
  cluster: ClusterTables,
  reference: ReferenceTables,
  shard: ShardRow,
  holdings: Holdings,
): readonly ShardCommand[] {
  const slots = missingSlots(cluster, shard, holdings);
  return [...slots, ...missingReference(cluster, reference, shard, holdings)];
}

/** Of them, those about what there is to trade. */
export function missingReference(
  cluster: ClusterTables,
  reference: ReferenceTables,
  shard: ShardRow,
  holdings: Holdings,
): readonly ShardCommand[] {
  const commands: ShardCommand[] = [];
  if (shard.kind === 'account') {
    for (const asset of reference.assets.values()) {
      if ((holdings.assets.get(asset.assetNumber) ?? 0) < ASSET_VERSION) {
        commands.push({ kind: 'setAsset', asset });
      }
    }
  }
  for (const instrument of reference.instruments.values()) {
    commands.push(...missingForInstrument(cluster, shard, holdings, instrument));
  }
  return commands;
}

/** What a shard holds once it has committed a command. */
export function holdingsAfter(holdings: Holdings, command: ShardCommand): Holdings {
  switch (command.kind) {
    case 'acquireSlots': {
      const slots = new Map(holdings.slots);
      for (const slot of command.slots) slots.set(slot, command.generation);
      return { ...holdings, slots };
    }
    case 'setAsset': {
      const { assetNumber } = command.asset;
      return { ...holdings, assets: new Map(holdings.assets).set(assetNumber, ASSET_VERSION) };
    }
    case 'setInstrument': {
      const { instrumentNumber, version } = command.rules;
      const state = holdings.instruments.get(instrumentNumber)?.state ?? command.initialState;
      const held = { version, state };
      return {
        ...holdings,
        instruments: new Map(holdings.instruments).set(instrumentNumber, held),
      };
    }
  }
}

/** Publishes the slots whose owner has committed that it owns them. */
export function decidePublishedSlots(
  tables: ClusterTables,
  holdings: ReadonlyMap<string, Holdings>,
): readonly TableChange[] {
  const changes: TableChange[] = [];
  for (const kind of SHARD_KINDS) {
    const slots: SlotRow[] = [];
    for (const row of tables.slots[kind]) {
      if (row.published) continue;
      const owner = holdings.get(row.shardId);
      if (owner === undefined || !holds(owner, row)) continue;
      slots.push({ ...row, published: true });
    }
    if (slots.length > 0) changes.push({ kind: 'slots', of: kind, slots });
  }
  return changes;
}

/** True when every account shard knows the asset. */
export function isAssetAgreed(
  cluster: ClusterTables,
  holdings: ReadonlyMap<string, Holdings>,
  asset: AssetRow,
): boolean {
  return [...cluster.shards.values()]
    .filter((shard) => shard.kind === 'account')
    .every((shard) => {
      const held = holdings.get(shard.shardId)?.assets.get(asset.assetNumber);
      return held !== undefined && held >= ASSET_VERSION;
    });
}

/** The state that the instrument's own shard says it has; undefined while it has not said so. */
export function heldState(
  cluster: ClusterTables,
  holdings: ReadonlyMap<string, Holdings>,
  instrument: InstrumentRow,
): InstrumentState | undefined {
  const owner = ownerOf(cluster, instrument);
  if (owner === undefined) return undefined;
  return holdings.get(owner)?.instruments.get(instrument.instrumentNumber)?.state;
}

/** True when every shard that needs the instrument has committed its rules. */
export function isInstrumentAgreed(
  cluster: ClusterTables,
  holdings: ReadonlyMap<string, Holdings>,
  instrument: InstrumentRow,
): boolean {
  const { instrumentNumber, wish } = instrument;
  const owner = ownerOf(cluster, instrument);
  return [...cluster.shards.values()].every((shard) => {
    const held = holdings.get(shard.shardId)?.instruments.get(instrumentNumber);
    if (shard.kind === 'account') return held !== undefined && held.version >= wish.rules.version;
    if (shard.shardId !== owner) return true;
    return held !== undefined && held.version >= wish.rules.version;
  });
}

function missingSlots(
  cluster: ClusterTables,
  shard: ShardRow,
  holdings: Holdings,
): readonly ShardCommand[] {
  const byGeneration = new Map<number, number[]>();
  const moving = movingSlots(cluster, shard.kind);
  for (const row of cluster.slots[shard.kind]) {
    if (row.shardId !== shard.shardId || holds(holdings, row) || moving.has(row.slot)) continue;
    const slots = byGeneration.get(row.generation) ?? [];
    slots.push(row.slot);
    byGeneration.set(row.generation, slots);
  }
  return [...byGeneration].map(([generation, slots]) => ({
    kind: 'acquireSlots',
    slots,
    generation,
  }));
}

function missingForInstrument(
  cluster: ClusterTables,
  shard: ShardRow,
  holdings: Holdings,
  instrument: InstrumentRow,
): readonly ShardCommand[] {
  const { instrumentNumber, wish } = instrument;
  if (shard.kind === 'matching' && ownerOf(cluster, instrument) !== shard.shardId) return [];
  const held = holdings.instruments.get(instrumentNumber);
  if (held !== undefined && held.version >= wish.rules.version) return [];
  return [{ kind: 'setInstrument', rules: wish.rules, initialState: wish.state }];
}

/** True when the shard owns the slot in this generation, or a later one. */
function holds(holdings: Holdings, row: SlotRow): boolean {
  return (holdings.slots.get(row.slot) ?? 0) >= row.generation;
}

export function ownerOf(cluster: ClusterTables, instrument: InstrumentRow): string | undefined {
  return cluster.slots.matching[slotOf(instrument.instrumentId)]?.shardId;
}

// What shards lack, and when all agree.

import { describe, expect, test } from '@jest/globals';
import {
  decidePublishedSlots,
  type Holdings,
  heldState,
  holdingsAfter,
  isAssetAgreed,
  isInstrumentAgreed,
  missingCommands,
} from '../../../services/coordinator/domain/agreement.ts';
import {
  applyChanges,
  type ClusterTables,
  type ShardRow,
} from '../../../services/coordinator/domain/cluster-tables.ts';
import { firstChanges } from '../../../services/coordinator/domain/first-tables.ts';
import type {
  AssetRow,
  InstrumentRow,
  ReferenceTables,
} from '../../../services/coordinator/domain/reference-tables.ts';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import type { InstrumentState } from '../../../services/lib/rules/terms.ts';

const empty: ClusterTables = {
  version: 0,
  nodes: new Map(),
  shards: new Map(),
  slots: { matching: [], account: [] },
  moves: new Map(),
};
const cluster = applyChanges(empty, firstChanges(empty, { matching: 2, account: 1 }));
const nothing: Holdings = { slots: new Map(), assets: new Map(), instruments: new Map() };

const asset: AssetRow = {
  ...{ assetNumber: 1, assetId: 'A', scale: 2, displayName: '', createTimeUs: 1 },
  publishedAt: undefined,
};

function instrumentOf(version: number, state: InstrumentState): InstrumentRow {
  const rules = { instrumentNumber: 1, instrumentId: 'A-B', version } as never;
  return {
    ...{ instrumentNumber: 1, instrumentId: 'A-B', priceUnit: '1', quantityUnit: '1' },
    ...{ createHash: '', createTimeUs: 1, published: undefined, publishedAt: undefined },
    sessionTimeUs: 0,
    wish: { rules, state, sessions: undefined, sessionsVersion: 1, updateTimeUs: 1 },
  };
}

function referenceOf(instrument: InstrumentRow): ReferenceTables {
  return { version: 1, assets: new Map([[1, asset]]), instruments: new Map([[1, instrument]]) };
}

function shardNamed(shardId: string): ShardRow {
  const found = cluster.shards.get(shardId);
  if (found === undefined) throw new Error(`there is no ${shardId}`);
  return found;
}

const owner = cluster.slots.matching[slotOf('A-B')]?.shardId ?? '';
const other = owner === 'matching-1' ? 'matching-2' : 'matching-1';

describe('agreement with the shards (CRD-5)', () => {
  test('a new shard gets its slots first, then what it must know', () => {
    const reference = referenceOf(instrumentOf(1, 'CONTINUOUS'));
    const kinds = (shardId: string) =>
      missingCommands(cluster, reference, shardNamed(shardId), nothing).map(({ kind }) => kind);
    expect(kinds(owner)).toEqual(['acquireSlots', 'setInstrument']);
    expect(kinds(other)).toEqual(['acquireSlots']);
    expect(kinds('account-1')).toEqual(['acquireSlots', 'setAsset', 'setInstrument']);
  });

  test('once every command is committed nothing is missing, and all agree', () => {
    const instrument = instrumentOf(1, 'CONTINUOUS');
    const reference = referenceOf(instrument);
    const holdings = new Map<string, Holdings>();
    expect(isAssetAgreed(cluster, holdings, asset)).toBe(false);
    expect(isInstrumentAgreed(cluster, holdings, instrument)).toBe(false);
    for (const shard of cluster.shards.values()) {
      const commands = missingCommands(cluster, reference, shard, nothing);
      holdings.set(shard.shardId, commands.reduce(holdingsAfter, nothing));
      const held = holdings.get(shard.shardId) ?? nothing;
      expect(missingCommands(cluster, reference, shard, held)).toEqual([]);
    }
    expect(isAssetAgreed(cluster, holdings, asset)).toBe(true);
    expect(isInstrumentAgreed(cluster, holdings, instrument)).toBe(true);
  });

  test('new rules go to the owner and the account shards; the state is the shard’s own', () => {
    const held: Holdings = {
      slots: new Map(cluster.slots.matching.map(({ slot }) => [slot, 1])),
      assets: new Map([[1, 1]]),
      instruments: new Map([[1, { version: 1, state: 'CONTINUOUS' }]]),
    };
    const later = referenceOf(instrumentOf(2, 'CANCEL_ONLY'));
    const kinds = (shardId: string) =>
      missingCommands(cluster, later, shardNamed(shardId), held).map(({ kind }) => kind);
    expect(kinds(owner)).toEqual(['setInstrument']);
    const instrument = instrumentOf(1, 'CANCEL_ONLY');
    const all = new Map([...cluster.shards.keys()].map((shardId) => [shardId, held]));
    expect(isInstrumentAgreed(cluster, all, instrument)).toBe(true);
    expect(heldState(cluster, all, instrument)).toBe('CONTINUOUS');
    const instruments = new Map([[1, { version: 1, state: 'AUCTION' as const }]]);
    all.set(owner, { ...held, instruments });
    expect(heldState(cluster, all, instrument)).toBe('AUCTION');
    expect(missingCommands(cluster, referenceOf(instrument), shardNamed(owner), held)).toEqual([]);
    expect(kinds('account-1')).toEqual(['setInstrument']);
    expect(kinds(other)).toEqual([]);
  });

  test('a slot is published once its owner has it in this generation', () => {
    const slots = cluster.slots.matching.filter(({ shardId }) => shardId === owner);
    const held = (generation: number) =>
      new Map([
        [owner, { ...nothing, slots: new Map(slots.map(({ slot }) => [slot, generation])) }],
      ]);
    expect(decidePublishedSlots(cluster, new Map())).toEqual([]);
    expect(decidePublishedSlots(cluster, held(0))).toEqual([]);
    const [change] = decidePublishedSlots(cluster, held(1));
    expect(change?.kind === 'slots' && change.slots.length).toBe(slots.length);
    const published = applyChanges(cluster, change === undefined ? [] : [change]);
    expect(decidePublishedSlots(published, held(1))).toEqual([]);
  });
});

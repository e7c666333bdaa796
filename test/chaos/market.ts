// What the load trades: instruments of every matching shard and accounts of every account shard,
// without fees, so that what all accounts have of an asset never changes.

import { InstrumentState } from '../../gen/bourse/type/v1/instrument_pb.ts';
import { slotOf } from '../../services/lib/routing/slot.ts';
import { patiently } from '../../services/simulator/adapter/patience.ts';
import type { ChaosMesh } from './mesh.ts';

const ASSETS = 3;
const ACCOUNTS = 24;
/** Instruments are made until each matching shard has some; so many names are tried at most. */
const MOST_INSTRUMENTS = 12;
const LEAST_OF_A_SHARD = 2;
const AMOUNT = 1_000_000_000n;
const SCALE = 4;

export type ChaosInstrument = { readonly instrumentId: string; readonly shardId: string };
export type ChaosAccount = { readonly accountId: string; readonly shardId: string };

export type ChaosMarket = {
  readonly instruments: readonly ChaosInstrument[];
  readonly accounts: readonly ChaosAccount[];
  readonly assetIds: readonly string[];
  /** What all accounts have of each asset together, in its smallest units. */
  readonly totalUnits: bigint;
};

/** Creates all of it, and gives every account the same amount of every asset. */
export async function openChaosMarket(mesh: ChaosMesh): Promise<ChaosMarket> {
  const { referenceAdmin, accountAdmin, cluster } = mesh.services;
  const assetIds = Array.from({ length: ASSETS }, (_, index) => `CHAOS${index}`);
  for (const assetId of assetIds) {
    const asset = { assetId, displayName: assetId, scale: SCALE };
    await patiently(() => referenceAdmin.createAsset(asset));
  }
  const { table } = await cluster.getCluster({});
  const ownerOf = (map: NonNullable<typeof table>['matchingSlotMap'], id: string): string => {
    const slot = slotOf(id);
    const run = map?.runs.find(
      (one) => slot >= one.firstSlot && slot < one.firstSlot + one.slotCount,
    );
    return run?.shardId ?? '';
  };
  const instruments: ChaosInstrument[] = [];
  const count = new Map<string, number>();
  for (let index = 0; index < MOST_INSTRUMENTS; index += 1) {
    const instrumentId = `C${index}-${assetIds[2]}`;
    const shardId = ownerOf(table?.matchingSlotMap, instrumentId);
    if ((count.get(shardId) ?? 0) >= LEAST_OF_A_SHARD) continue;
    count.set(shardId, (count.get(shardId) ?? 0) + 1);
    const baseAssetId = assetIds[instruments.length % 2] as string;
    await patiently(() =>
      referenceAdmin.createInstrument({
        ...{ instrumentId, baseAssetId, quoteAssetId: assetIds[2] as string },
        ...{ priceUnit: '0.01', quantityUnit: '0.01', tickSize: '0.01', lotSize: '0.01' },
        ...{ maximumQuantity: '1000', maximumPrice: '1000', maximumOpenOrders: 1_000_000 },
        ...{ makerFeeBps: '0', takerFeeBps: '0', state: InstrumentState.CONTINUOUS },
      }),
    );
    instruments.push({ instrumentId, shardId });
  }
  const accounts = Array.from({ length: ACCOUNTS }, (_, index) => {
    const accountId = `chaos-${index}`;
    return { accountId, shardId: ownerOf(table?.accountSlotMap, accountId) };
  });
  await Promise.all(
    accounts.map(async ({ accountId }) => {
      await patiently(() => accountAdmin.createAccount({ accountId }));
      for (const assetId of assetIds) {
        const amount = String(AMOUNT);
        const clientTransferId = `chaos-${accountId}-${assetId}`;
        await patiently(() =>
          accountAdmin.deposit({ accountId, assetId, amount, clientTransferId }),
        );
      }
    }),
  );
  const totalUnits = AMOUNT * 10n ** BigInt(SCALE) * BigInt(ACCOUNTS);
  return { instruments, accounts, assetIds, totalUnits };
}

/** A decimal of the market in units of 10^-4. */
export function unitsOf(decimal: string): bigint {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return BigInt(whole + fraction.padEnd(SCALE, '0'));
}

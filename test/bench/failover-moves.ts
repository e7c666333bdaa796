// Moves a slot with many orders between two shards under load and says what clients felt of it.

import { timestampMs } from '@bufbuild/protobuf/wkt';
import { OrderType, Side } from '../../gen/bourse/type/v1/order_pb.ts';
import { patiently } from '../../services/simulator/adapter/patience.ts';
import { type Call, gapMs, type Load } from '../chaos/load.ts';
import type { ChaosMarket } from '../chaos/market.ts';
import type { ChaosMesh } from '../chaos/mesh.ts';
import { untilMoved } from '../support/slot-moves.ts';
import { openSubmitStream } from '../support/submit-stream.ts';

const ACCOUNT_ID = 'chaos-deep';
const ORDERS_OF_A_BATCH = 500;
const IN_FLIGHT = 4;
/** Below what the load trades at. */
const PRICES = 80;
const MOVE_DEADLINE_MS = 120_000;
const SETTLE_MS = 1_500;

export type MoveFigures = {
  /** What clients felt of each move, in milliseconds. */
  readonly gapsMs: readonly number[];
  /** From the export's commit to the new slot map, as the coordinator measured it. */
  readonly pausesMs: readonly number[];
};

/** Rests orders that do not trade in the book of an instrument. */
export async function fillBook(
  mesh: ChaosMesh,
  market: ChaosMarket,
  instrumentId: string,
  orderCount: number,
): Promise<void> {
  const { accountAdmin, orders } = mesh.services;
  await patiently(() => accountAdmin.createAccount({ accountId: ACCOUNT_ID }));
  for (const assetId of market.assetIds) {
    const transfer = { amount: '1000000000', clientTransferId: `deep-${assetId}` };
    await patiently(() => accountAdmin.deposit({ accountId: ACCOUNT_ID, assetId, ...transfer }));
  }
  const stream = openSubmitStream({ orders });
  const pending: Promise<unknown>[] = [];
  for (let first = 0; first < orderCount; first += ORDERS_OF_A_BATCH) {
    const items = Array.from({ length: ORDERS_OF_A_BATCH }, (_, index) => ({
      request: {
        case: 'placeOrder' as const,
        value: {
          ...{ accountId: ACCOUNT_ID, instrumentId, clientOrderId: `deep-${first + index}` },
          ...{ side: Side.BUY, type: OrderType.LIMIT, price: String(1 + (index % PRICES)) },
          orderQuantity: { case: 'quantity' as const, value: '1' },
        },
      },
    }));
    pending.push(stream.submit(items));
    if (pending.length >= IN_FLIGHT) await pending.shift();
  }
  await Promise.all(pending);
  await stream.close();
}

/** Moves the slot of an instrument to and fro. */
export async function measureMoves(
  mesh: ChaosMesh,
  load: Load,
  instrumentId: string,
  times: number,
  say: (line: string) => void,
): Promise<MoveFigures> {
  const gapsMs: number[] = [];
  const pausesMs: number[] = [];
  const concerns = (call: Call): boolean => call.instrument.instrumentId === instrumentId;
  const shardIds = [...(await mesh.leaders()).keys()].filter((id) => id.startsWith('matching'));
  let targetAt = 0;
  for (let time = 0; time < times; time += 1) {
    const move = await moveTo(mesh, instrumentId, shardIds, targetAt);
    targetAt = shardIds.indexOf(move.targetShardId) + 1;
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const atMs = exportedAtMs(move) - performance.timeOrigin;
    const gap = gapMs(load.calls, atMs, concerns);
    const pause = Number(move.pauseUs ?? 0n) / 1_000;
    gapsMs.push(gap);
    pausesMs.push(pause);
    say(
      `move ${String(time + 1).padStart(2)}: ${move.sourceShardId} to ${move.targetShardId}: ` +
        `${gap.toFixed(0)} ms felt, ${pause.toFixed(1)} ms frozen; ` +
        `${move.copiedBytes} bytes copied in ${move.rounds} rounds, ${move.restBytes} at the end`,
    );
    if (load.failures.length > 0) throw new Error(load.failures[0]);
  }
  return { gapsMs, pausesMs };
}

type MoveRow = Awaited<ReturnType<ChaosMesh['services']['cluster']['listMoves']>>['moves'][number];

/** Moves to the next shard that is not the owner already, and waits until it is done. */
async function moveTo(
  mesh: ChaosMesh,
  instrumentId: string,
  shardIds: readonly string[],
  targetAt: number,
): Promise<MoveRow> {
  const { cluster } = mesh.services;
  for (let offset = 0; offset < shardIds.length; offset += 1) {
    const targetShardId = shardIds[(targetAt + offset) % shardIds.length] as string;
    const { moves } = await patiently(() => cluster.moveSlots({ instrumentId, targetShardId }));
    const [begun] = moves;
    if (begun === undefined) continue; // it is there already
    return await untilMoved(cluster, begun.moveId, MOVE_DEADLINE_MS);
  }
  throw new Error('there is no other shard to move to');
}

function exportedAtMs({ exportTime }: MoveRow): number {
  if (exportTime === undefined) throw new Error('a move that is done has no time of its export');
  return timestampMs(exportTime);
}

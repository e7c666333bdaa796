// The operator of the simulated exchange: sets up its market, and moves slots at the worst moments.

import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { ShardKind } from '../../../gen/bourse/coordinator/v1/cluster_pb.ts';
import { InstrumentState } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import type { Calls } from './calls.ts';
import { ASSET_SCALE, ASSETS, accountIdOf, instrumentIdOf, instrumentOf } from './market.ts';

export type MarketSize = { readonly traders: number; readonly instruments: number };

/** How many shards of each kind slots are moved between. */
export type ShardNumbers = { readonly matching: number; readonly account: number };

/** How often, from 0 to 1, it is an account's slot. */
const ACCOUNT_SHARE = 0.5;
/** Longer than clocks differ; the longest is twice that. */
const SHORTEST_AUCTION_MS = 250;

export class Operator {
  readonly #calls: Calls;
  readonly #size: MarketSize;
  #moves = 0;
  #auctions = 0;

  constructor(calls: Calls, size: MarketSize) {
    this.#calls = calls;
    this.#size = size;
  }

  async createMarket(): Promise<void> {
    const calls = this.#calls;
    for (const assetId of ASSETS) {
      await calls.certain(`asset ${assetId}`, ({ reference }, options) =>
        reference.createAsset({ assetId, displayName: assetId, scale: ASSET_SCALE }, options),
      );
    }
    await Promise.all(
      Array.from({ length: this.#size.instruments }, (_, at) => {
        const instrumentId = instrumentIdOf(at);
        return calls.certain(`instrument ${instrumentId}`, ({ reference }, options) =>
          reference.createInstrument(instrumentOf(instrumentId), options),
        );
      }),
    );
  }

  /** Calls an auction of a moment, which ends by itself (STA-2). */
  async callAuction(): Promise<void> {
    const calls = this.#calls;
    this.#auctions += 1;
    const endMs = calls.nowMs() + SHORTEST_AUCTION_MS + calls.random() * SHORTEST_AUCTION_MS;
    const request = {
      instrumentId: instrumentIdOf(calls.pick(this.#size.instruments)),
      state: InstrumentState.AUCTION,
      clientRequestId: `auction-${this.#auctions}`,
      auctionEndTime: timestampFromMs(Math.ceil(endMs)),
    };
    const what = `auction ${request.instrumentId}`;
    const response = await calls.certain(what, ({ reference }, options) =>
      reference.setInstrumentState(request, options),
    );
    if (response instanceof OperatingError) calls.refused(what, response);
  }

  /** Moves a slot to a shard, and now and then regrets it. */
  async move(shards: ShardNumbers): Promise<void> {
    const calls = this.#calls;
    this.#moves += 1;
    const isAccount = shards.account > 1 && calls.random() < ACCOUNT_SHARE;
    const what = isAccount ? this.#account(shards.account) : this.#instrument(shards.matching);
    const request = { clientRequestId: `move-${this.#moves}`, ...what };
    const name = `move ${this.#moves} to ${what.targetShardId}`;
    const response = await calls.certain(name, ({ cluster }, options) =>
      cluster.moveSlots(request, options),
    );
    if (response instanceof OperatingError || calls.random() < 0.5) return;
    // About when its export is sent: the worst moment.
    await calls.pause(6 + calls.random() * 9);
    for (const { moveId } of response.moves) {
      await calls.certain(`cancel move ${moveId}`, ({ cluster }, options) =>
        cluster.cancelMove({ moveId }, options),
      );
    }
  }

  #instrument(shards: number) {
    const instrumentId = instrumentIdOf(this.#calls.pick(this.#size.instruments));
    const targetShardId = `matching-${1 + this.#calls.pick(shards)}`;
    return { kind: ShardKind.MATCHING, instrumentId, targetShardId };
  }

  #account(shards: number) {
    const slots = [slotOf(accountIdOf(this.#calls.pick(this.#size.traders)))];
    return {
      ...{ kind: ShardKind.ACCOUNT, slots },
      targetShardId: `account-${1 + this.#calls.pick(shards)}`,
    };
  }
}

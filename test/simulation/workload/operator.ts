// The operator of the simulated exchange: sets up its market, and changes it and its cluster at the
// worst moments.

import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { ShardKind } from '../../../gen/bourse/coordinator/v1/cluster_pb.ts';
import { InstrumentState } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import { slotOf } from '../../../services/lib/routing/slot.ts';
import type { Calls } from './calls.ts';
import { ASSET_SCALE, ASSETS, accountIdOf, instrumentIdOf, instrumentOf } from './market.ts';

export type MarketSize = { readonly traders: number; readonly instruments: number };

type ShardName = 'matching' | 'account';
/** How many shards of each kind there are. */
export type ShardNumbers = Readonly<Record<ShardName, number>>;

const KINDS = { matching: ShardKind.MATCHING, account: ShardKind.ACCOUNT } as const;

/** How often, from 0 to 1, it is an account's slot. */
const ACCOUNT_SHARE = 0.5;
/** Longer than clocks differ; the longest is twice that. */
const SHORTEST_AUCTION_MS = 250;
const LONGEST_DRAIN_MS = 300;

export class Operator {
  readonly #calls: Calls;
  readonly #size: MarketSize;
  readonly #hasStandbys: boolean;
  readonly #first: ShardNumbers;
  readonly #shards: Record<ShardName, number>;
  #moves = 0;
  #auctions = 0;

  constructor(calls: Calls, size: MarketSize, shards: ShardNumbers, hasStandbys: boolean) {
    this.#hasStandbys = hasStandbys;
    this.#calls = calls;
    this.#size = size;
    this.#first = shards;
    this.#shards = { ...shards };
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

  /** Does something to the cluster: most often it moves a slot. */
  async act(): Promise<void> {
    const chance = this.#calls.random();
    if (chance < 0.12) await this.#addShard();
    else if (chance < 0.22 && this.#hasStandbys) await this.#transferLeadership();
    else if (chance < 0.3) await this.#drain();
    else await this.#move();
  }

  /** One more of a kind, at most once (MOV-8). */
  async #addShard(): Promise<void> {
    const kind = this.#calls.random() < 0.5 ? 'matching' : 'account';
    const count = this.#shards[kind];
    if (count > this.#first[kind]) return;
    const shardId = `${kind}-${count + 1}`;
    const request = { kind: KINDS[kind], shardId };
    const response = await this.#calls.certain(`add ${shardId}`, ({ cluster }, options) =>
      cluster.addShard(request, options),
    );
    if (response instanceof OperatingError) this.#calls.refused(`add ${shardId}`, response);
    else this.#shards[kind] = count + 1;
  }

  /** REP-5: to the standby that has applied most. */
  async #transferLeadership(): Promise<void> {
    const shardId = this.#anyShard(this.#calls.random() < 0.5 ? 'matching' : 'account');
    await this.#calls.certain(`transfer the lead of ${shardId}`, ({ cluster }, options) =>
      cluster.transferLeadership({ shardId }, options),
    );
  }

  async #drain(): Promise<void> {
    const calls = this.#calls;
    const nodeId = `${calls.random() < 0.5 ? 'matching' : 'account'}-1`;
    for (const resume of [false, true]) {
      await calls.certain(`drain ${nodeId}`, ({ cluster }, options) =>
        cluster.drainNode({ nodeId, resume }, options),
      );
      await calls.pause(calls.random() * LONGEST_DRAIN_MS);
    }
  }

  #anyShard(kind: ShardName): string {
    return `${kind}-${1 + this.#calls.pick(this.#shards[kind])}`;
  }

  /** Moves a slot to a shard, and now and then regrets it. */
  async #move(): Promise<void> {
    const calls = this.#calls;
    this.#moves += 1;
    const isAccount = calls.random() < ACCOUNT_SHARE;
    const what = isAccount ? this.#account() : this.#instrument();
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

  #instrument() {
    const instrumentId = instrumentIdOf(this.#calls.pick(this.#size.instruments));
    return { kind: KINDS.matching, instrumentId, targetShardId: this.#anyShard('matching') };
  }

  #account() {
    const slots = [slotOf(accountIdOf(this.#calls.pick(this.#size.traders)))];
    return { kind: KINDS.account, slots, targetShardId: this.#anyShard('account') };
  }
}

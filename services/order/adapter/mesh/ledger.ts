// The account shards as the flow of an order uses them: holds and prepared cancels through
// pipelines, and what they know of orders, fills and accounts.

import type { OrderRecord } from '../../../../gen/bourse/ledger/v1/event_pb.ts';
import {
  type Committed,
  CommittedSchema,
  type ListFillRecordsResponse,
  type ListOrderRecordsResponse,
  type ProposeRequest,
  type ProposeResponse,
} from '../../../../gen/bourse/ledger/v1/service_pb.ts';
import {
  findShardOfAccount,
  findShardOfSlot,
  shardsOfKind,
} from '../../../lib/platform/cluster/cluster-table.ts';
import {
  findLeader,
  onAccountElsewhere,
  pauseForChange,
} from '../../../lib/platform/cluster/leader-place.ts';
import { malformed } from '../../../lib/platform/codec/malformed.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import { outsideOfTrace } from '../../../lib/platform/rpc/client.ts';
import { slotOf } from '../../../lib/routing/slot.ts';
import { parseRate } from '../../../lib/rules/rate.ts';
import type { OrderTerms } from '../../../lib/rules/terms.ts';
import { encodeLedgerBatch, type LedgerContent } from '../codec/proposals.ts';
import { openProposeLink, readSettled } from '../pipeline/propose-link.ts';
import type { Command, Link, LinkListener, Settled } from '../pipeline/propose-pipeline.ts';
import { SlotRouter } from '../pipeline/slot-router.ts';
import type { MeshConnections, NodeClients } from './connections.ts';

export type LedgerCommand = Omit<Command<LedgerContent, Uint8Array>, 'slot'> & {
  readonly accountId: string;
};

export type LedgerSettled = Settled<Committed>;

/** Rates of an order (HLD-5). */
export type OrderRates = Pick<OrderTerms, 'makerRatePpm' | 'takerRatePpm' | 'auctionRatePpm'>;

const HIGHEST_RATE_PPM = 1_000_000;

/** @throws OperatingError MESSAGE_MALFORMED when it is no rate. */
function ratePpmOf(bps: string): number {
  const rate = parseRate(bps, HIGHEST_RATE_PPM);
  if (!rate.ok) throw malformed('a fee tier has its rates');
  return rate.value;
}

/** Which order of an account, by one of its two names. */
export type OrderName = { readonly placement: number } | { readonly clientOrderId: string };

/** Who leads an account's shard now. */
export type AccountLeader = {
  readonly shardId: string;
  readonly clients: NodeClients;
  /** Calls back once when the account is served elsewhere; returns what ends the watch. */
  readonly onElsewhere: (run: () => void) => () => void;
};

/** All account shards. */
export class AccountShards {
  readonly #mesh: MeshConnections;
  readonly #router: SlotRouter<LedgerContent, Uint8Array>;
  readonly #unsubscribe: () => void;

  constructor(mesh: MeshConnections) {
    this.#mesh = mesh;
    this.#router = new SlotRouter({
      world: mesh.world,
      openLink: (shardId, listener, address) =>
        outsideOfTrace(() => this.#openLink(shardId, listener, address)),
      leaderEpochOf: (shardId) => mesh.leaderEpochOf(shardId),
      leaderAddressOf: (shardId) => mesh.leaderAddressOf(shardId),
      onPlacementChange: (run) => mesh.cluster.onChange(run),
      findShardId: (slot) => {
        const table = mesh.cluster.table();
        return table === undefined ? undefined : findShardOfSlot(table, 'account', slot)?.shardId;
      },
    });
    this.#unsubscribe = mesh.cluster.onChange((table) => {
      for (const shard of shardsOfKind(table, 'account')) this.#router.connect(shard.shardId);
    });
  }

  /** Commands that wait for an answer or to be sent. */
  get depth(): number {
    return this.#router.depth;
  }

  /** Those of them whose shard has no leader. */
  get stuck(): number {
    return this.#router.stuck;
  }

  /** Sends a command; what was committed comes back as the bytes of Committed. */
  send(command: LedgerCommand): void {
    const isSent = this.#router.send(slotOf(command.accountId), command);
    if (!isSent) command.settle({ kind: 'unsent' });
  }

  /** Proposes a command and answers with what became of it. */
  propose(command: Omit<LedgerCommand, 'settle'>): Promise<LedgerSettled> {
    return new Promise((resolve) => {
      this.send({
        ...command,
        settle: (settled) => resolve(readSettled(CommittedSchema, settled)),
      });
    });
  }

  /**
   * The record of an order; undefined when the account shard does not know it (any more).
   *
   * @param settled wait until everything that matching has committed by now is settled
   * @throws OperatingError ACCOUNT_UNKNOWN, SETTLEMENT_LAG, SHARD_UNAVAILABLE, …
   */
  async findOrder(
    accountId: string,
    name: OrderName,
    { settled }: { readonly settled: boolean },
  ): Promise<OrderRecord | undefined> {
    const order =
      'placement' in name
        ? { case: 'placement' as const, value: BigInt(name.placement) }
        : { case: 'clientOrderId' as const, value: name.clientOrderId };
    try {
      const found = await this.#read(accountId, ({ ledger }, options) =>
        ledger.findOrder({ accountId, order, settled }, options),
      );
      return found.record;
    } catch (error) {
      if (error instanceof OperatingError && error.reason === 'ORDER_UNKNOWN') return undefined;
      throw error;
    }
  }

  /** A page of an account's orders, newest placement first. */
  listOrders(page: {
    readonly accountId: string;
    readonly instrumentNumber: number;
    readonly openOnly: boolean;
    readonly beforePlacement: bigint;
    readonly limit: number;
    readonly settled: boolean;
  }): Promise<ListOrderRecordsResponse> {
    return this.#read(page.accountId, ({ ledger }, options) =>
      ledger.listOrderRecords(page, options),
    );
  }

  /** A page of an account's fills, newest first. */
  listFills(page: {
    readonly accountId: string;
    readonly instrumentNumber: number;
    readonly placement: bigint;
    readonly beforeSequence: bigint;
    readonly limit: number;
  }): Promise<ListFillRecordsResponse> {
    return this.#read(page.accountId, ({ ledger }, options) =>
      ledger.listFillRecords({ ...page, settled: true }, options),
    );
  }

  /** What the account has available now, as a decimal, by asset id. */
  async getAvailable(accountId: string): Promise<(assetId: string) => string> {
    const { balances } = await this.#read(accountId, ({ account }, options) =>
      account.getBalances({ accountId }, options),
    );
    const available = new Map(balances.map((balance) => [balance.assetId, balance.available]));
    return (assetId) => available.get(assetId) ?? '0';
  }

  /** The rates that the account's next order in an instrument has, by its schedule and tier. */
  async getRates(accountId: string, instrumentId: string): Promise<OrderRates> {
    const { tier } = await this.#read(accountId, ({ account }, options) =>
      account.getFees({ accountId, instrumentId }, options),
    );
    return {
      makerRatePpm: ratePpmOf(tier?.makerFeeBps ?? ''),
      takerRatePpm: ratePpmOf(tier?.takerFeeBps ?? ''),
      auctionRatePpm: ratePpmOf(tier?.auctionFeeBps ?? ''),
    };
  }

  /** The node that leads the account's shard; undefined when none does. */
  leaderOf(accountId: string): AccountLeader | undefined {
    const { cluster } = this.#mesh;
    const table = cluster.table();
    const { shardId } = (table && findShardOfAccount(table, accountId)) ?? {};
    const leader = shardId === undefined ? undefined : findLeader(table, shardId);
    if (shardId === undefined || leader === undefined) return undefined;
    const { epoch, address } = leader;
    return {
      shardId,
      clients: this.#mesh.clientsOf(address),
      onElsewhere: (run) => onAccountElsewhere(cluster, { accountId, shardId, epoch }, run),
    };
  }

  /** Resolves when the cluster table has changed, after a while, or when the signal is aborted. */
  untilChange(delayMs: number, signal: AbortSignal): Promise<void> {
    return pauseForChange(this.#mesh.cluster, this.#mesh.world, { delayMs, signal });
  }

  stop(): void {
    this.#unsubscribe();
    this.#router.stop();
  }

  #read<T>(
    accountId: string,
    call: (clients: NodeClients, options: { readonly signal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    return this.#mesh.read(
      (table) => findShardOfAccount(table, accountId),
      (clients, _shardId, options) => call(clients, options),
    );
  }

  #openLink(
    shardId: string,
    listener: LinkListener<Uint8Array>,
    address = this.#mesh.leaderAddressOf(shardId),
  ): Link<LedgerContent, Uint8Array> | undefined {
    if (address === undefined) return undefined;
    const clients = this.#mesh.clientsOf(address);
    return openProposeLink<LedgerContent, ProposeResponse>(
      {
        // The bytes of a message pass for it.
        call: (requests, options) =>
          clients.ledger.propose(requests as AsyncIterable<ProposeRequest>, options),
        opening: undefined,
        encodeBatch: (batch) => encodeLedgerBatch(shardId, batch),
        results: (response) => response.results,
        committed: CommittedSchema,
      },
      listener,
    );
  }
}

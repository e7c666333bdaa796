// An account shard in a simulated world: the real host, machine and streams, without matching
// shards and without sockets. Time passes when the test lets it.

import { ledgerCodec } from '../../services/account/adapter/codec/ledger-codec.ts';
import { LedgerNodes } from '../../services/account/adapter/settlement/ledger-nodes.ts';
import { MatchingNodes } from '../../services/account/adapter/settlement/matching-nodes.ts';
import { AccountNode } from '../../services/account/adapter/shard/account-node.ts';
import { AccountShard } from '../../services/account/adapter/shard/account-shard.ts';
import type { RecentLimits } from '../../services/account/adapter/shard/activity.ts';
import { AccountMachine } from '../../services/account/domain/account-machine.ts';
import type { Command, PlaceHold } from '../../services/account/domain/command.ts';
import type { Answer, Event } from '../../services/account/domain/event.ts';
import type { ClusterTable } from '../../services/lib/platform/cluster/cluster-table.ts';
import type { ClusterWatch } from '../../services/lib/platform/cluster/watch-cluster.ts';
import type { RpcContext } from '../../services/lib/platform/rpc/call-context.ts';
import { createLogger } from '../../services/lib/platform/telemetry/logger.ts';
import { makeSlotMap } from '../../services/lib/routing/slot-map.ts';
import { ShardHost } from '../../services/lib/shard/host.ts';
import type { ProposalResult } from '../../services/lib/shard/proposal.ts';
import { PLAIN_INSTRUMENT, PLAIN_ORDER } from './plain.ts';
import { SimulatedDatabase, SimulatedWorld, Simulation } from './shard/simulated-world.ts';

export const SHARD_ID = 'account-1';
/** The account that `startAccountShard` creates, with money. */
export const ACCOUNT_ID = 'alice';

const SLOTS = Array.from({ length: 4096 }, (_, slot) => slot);
const log = createLogger({ service: 'account', node: 'account-1', level: 'silent' as never });

export type LedgerResult = ProposalResult<Event, Answer>;

export type ProcessOptions = {
  readonly nodeId?: string;
  /** What memory keeps for streams. */
  readonly recentLimits?: RecentLimits;
};

/** A process that hosts the shard; several may live on one database. */
export class AccountProcess {
  readonly world: SimulatedWorld;
  readonly node: AccountNode;
  readonly shard: AccountShard;
  /** What the process knows of the cluster. */
  table: ClusterTable;
  #machine: AccountMachine | undefined;
  #identities = 0;
  readonly #nodeId: string;

  constructor(database: SimulatedDatabase, options: ProcessOptions = {}) {
    const { nodeId = 'account-1' } = options;
    this.#nodeId = nodeId;
    this.world = new SimulatedWorld(database);
    this.table = tableOf(undefined);
    const watch = { table: () => this.table, onChange: () => () => {} } as Partial<ClusterWatch>;
    const { world } = this;
    const host = new ShardHost<Command, Event, Answer>({
      world,
      shardId: SHARD_ID,
      nodeId,
      createMachine: () => {
        this.#machine = new AccountMachine();
        return this.#machine;
      },
      codec: ledgerCodec,
      maximumIdentities: 200_000,
    });
    const books = new MatchingNodes(watch as ClusterWatch);
    const ledgers = new LedgerNodes(watch as ClusterWatch);
    this.node = new AccountNode(world, watch as ClusterWatch, { books, ledgers });
    this.shard = new AccountShard({
      host,
      machine: () => this.#machine,
      world,
      log,
      watch: watch as ClusterWatch,
      nodes: books,
      ledgers,
      ...(options.recentLimits === undefined ? {} : { recentLimits: options.recentLimits }),
    });
    this.node.add(this.shard);
  }

  async lead(epoch: number): Promise<void> {
    const led = await this.world.simulation.until(this.shard.host.lead(epoch));
    if (led.kind !== 'leading') throw new Error(led.message);
    this.shard.sync();
  }

  /** Proposes commands at once; resolves when all are answered. */
  async propose(commands: readonly Command[]): Promise<readonly LedgerResult[]> {
    const proposals = commands.map((command) => {
      this.#identities += 1;
      return {
        identity: `${this.#nodeId}/${this.#identities}`,
        validUntilUs: this.world.wallClockUs() + 30_000_000,
        traceContext: '',
        commandClass: 'rest' as const,
        // As it comes out of a message, and out of the log.
        command: ledgerCodec.decodeCommand(ledgerCodec.encodeCommand(command)),
      };
    });
    return this.world.simulation.until(Promise.all(this.shard.host.propose(proposals)));
  }
}

/** A table with one account shard that has all slots. */
export function tableOf(
  leader: { readonly nodeId: string; readonly address: string } | undefined,
): ClusterTable {
  const shard = { shardId: SHARD_ID, kind: 'account', epoch: 1, leader, replicaNodeIds: [] };
  const none = makeSlotMap(
    1,
    Array.from({ length: 4096 }, () => ''),
  );
  return {
    version: 1,
    nodes: new Map(),
    shards: new Map([[SHARD_ID, shard as never]]),
    slotMaps: {
      account: makeSlotMap(
        1,
        Array.from({ length: 4096 }, () => SHARD_ID),
      ),
      matching: none,
    },
  };
}

/** A process that leads a new shard, with an account that has money. */
export async function startAccountShard(options: ProcessOptions = {}): Promise<AccountProcess> {
  const process = new AccountProcess(new SimulatedDatabase(new Simulation(1)), options);
  await process.lead(1);
  const transfer = { accountId: ACCOUNT_ID, assetNumber: 1, clientTransferId: 'd' } as const;
  const results = await process.propose([
    { kind: 'acquireSlots', slots: SLOTS, generation: 1 },
    { kind: 'setAsset', assetNumber: 1, assetId: 'USD', scale: 2, version: 1 },
    { kind: 'setInstrument', rules: RULES },
    { kind: 'createAccount', accountId: ACCOUNT_ID, defaultSelfTradePrevention: 'NONE' },
    { kind: 'deposit', ...transfer, amountUnits: 1_000_000_000n },
  ]);
  for (const result of results) {
    if (result.kind !== 'applied' || result.outcome.kind !== 'done') throw new Error('refused');
  }
  return process;
}

/** A deposit of one unit: one event of the account. */
export function depositOf(accountId: string, clientTransferId: string): Command {
  return { kind: 'deposit', accountId, assetNumber: 1, amountUnits: 1n, clientTransferId };
}

/** A hold for a buy of one unit at 1. */
export function holdOf(accountId: string, clientOrderId: string): PlaceHold {
  return {
    kind: 'placeHold',
    accountId,
    clientOrderId,
    terms: {
      ...TERMS,
      quantityUnits: 1,
      priceUnits: 1,
    },
    bodyHash: '00112233445566778899aabbccddeeff',
    assetNumber: 1,
    amountUnits: 1n,
    validUntilUs: 2_000_000_000_000_000,
    declineReason: 'NONE',
    refuseWhenShort: false,
  };
}

const TERMS = {
  ...PLAIN_ORDER,
  selfTradePrevention: undefined,
} as const;

const RULES = { ...PLAIN_INSTRUMENT, maximumOpenOrders: 1_000_000 };

/** What a handler learns of a call; `signal` ends it, `draining` says that the server stops. */
export function callContext() {
  const [abort, drain] = [new AbortController(), new AbortController()];
  const context = { signal: abort.signal, draining: drain.signal, traceId: '' };
  return { context: context as unknown as RpcContext, abort, drain };
}

// The shards that a node hosts: has replicas as the coordinator orders, leads when told to, and
// reports how they are (REP-2, REP-4, CRD-5).

import type { ShardHost } from '../../shard/host.ts';
import { describeStop, type HostState } from '../../shard/host-state.ts';
import type { HostObserver } from '../../shard/observer.ts';
import type { StateMachine } from '../../shard/state-machine.ts';
import type { World } from '../../shard/world.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ShardKind } from './cluster-table.ts';
import type { ShardHoldings, ShardReport } from './heartbeats.ts';
import type { LeadOrder } from './join-cluster.ts';
import { observeShard } from './shard-observer.ts';
import { reportSnapshots } from './snapshot-reports.ts';

/** How long a shard that must not lead (LOG-9, LOG-12) says so before it is looked at again. */
const FAULT_PAUSE_MS = 5_000;
const RETRY_MS = 200;

export type HostedShardsOptions<C, E, A> = {
  readonly kind: ShardKind;
  readonly world: World;
  readonly log: Logger;
  readonly createHost: (shardId: string, observer: HostObserver<E, A>) => ShardHost<C, E, A>;
  /** What the state holds of what the coordinator hands out; called under READ-1. */
  readonly holdingsOf: (machine: StateMachine<C, E, A>) => ShardHoldings;
  /** Whether an event changes what `holdingsOf` finds. */
  readonly changesHoldings: (event: E) => boolean;
  /** What a command is called in metrics, by its first event. */
  readonly nameOf: (event: E) => string;
  /** Told about every entry of every shard right after its commit. */
  readonly onCommit?: HostObserver<E, A>['onCommit'];
  /** A shard has changed: the coordinator should hear of it at once. */
  readonly onChange: () => void;
  /** A shard cannot go on in this process (LOG-7, LOG-12): end it. */
  readonly onFatal: (error: Error) => void;
};

export class HostedShards<C, E, A> {
  readonly #options: HostedShardsOptions<C, E, A>;
  readonly #seats = new Map<string, Seat<C, E, A>>();

  constructor(options: HostedShardsOptions<C, E, A>) {
    this.#options = options;
  }

  /** Has a replica of the shard from now on. */
  readonly host = (order: { readonly shardId: string; readonly kind: ShardKind }): void => {
    const { kind, log } = this.#options;
    if (this.#seats.has(order.shardId)) return;
    if (order.kind !== kind) {
      log.error({ shard_id: order.shardId }, `a ${kind} node hosts no ${order.kind} shard`);
      return;
    }
    this.#seats.set(order.shardId, new Seat(order.shardId, this.#options));
  };

  /** Leads the shard in the epoch, unless it does so already. */
  readonly lead = ({ shardId, epoch, seen }: LeadOrder): void => {
    void this.#seats.get(shardId)?.lead(epoch, seen);
  };

  readonly reports = (): readonly ShardReport[] =>
    [...this.#seats.values()].map((seat) => seat.report());

  /** The host of a shard, leading or not. */
  find(shardId: string): ShardHost<C, E, A> | undefined {
    return this.#seats.get(shardId)?.host;
  }

  /** All hosts, by shard id. */
  hosts(): readonly ShardHost<C, E, A>[] {
    return [...this.#seats.values()].map((seat) => seat.host);
  }

  /** True when there are shards and each of them is led here and reaches its log. */
  allLead(): boolean {
    const states = this.hosts().map(({ state }) => state);
    return (
      states.length > 0 &&
      states.every((state) => state.kind === 'leading' && state.logTrouble === undefined)
    );
  }

  /** Finishes what is in flight and gives up all leaderships (REP-9). */
  async end(drainMs: number): Promise<void> {
    await Promise.all([...this.#seats.values()].map((seat) => seat.end(drainMs)));
  }
}

/** What the log says of a shard that is not led here. */
type LogStanding = {
  readonly epoch: number;
  readonly entryIndex: number;
  readonly chainChecksum: string;
};

class Seat<C, E, A> {
  readonly host: ShardHost<C, E, A>;
  readonly #shardId: string;
  readonly #options: HostedShardsOptions<C, E, A>;
  readonly #stopMetrics: () => void;
  #standing: LogStanding | undefined;
  #holdings: ShardHoldings | undefined;
  /** Why the shard must not lead now, although nothing here is broken. */
  #fault: string | undefined;
  #ended = false;
  #stateKind: HostState['kind'] = 'follower';

  constructor(shardId: string, options: HostedShardsOptions<C, E, A>) {
    this.#shardId = shardId;
    this.#options = options;
    const { observer, watch } = observeShard<E, A>(shardId, options.nameOf);
    this.host = options.createHost(shardId, {
      ...observer,
      onStateChange: (state) => this.#onStateChange(state),
      ...reportSnapshots(shardId, options.log),
      onCommit: (report) => {
        observer.onCommit?.(report);
        options.onCommit?.(report);
        const { entry } = report;
        const groups = [entry.due, entry.continued, ...entry.commands];
        const isChange = groups.some((group) => group?.events.some(options.changesHoldings));
        if (isChange) void this.#readHoldings();
      },
    });
    this.#stopMetrics = watch(this.host);
    void this.#readStanding(0);
  }

  async lead(epoch: number, seen: LeadOrder['seen']): Promise<void> {
    const { log } = this.#options;
    const { state } = this.host;
    if ('epoch' in state && state.epoch >= epoch) return;
    this.#standing = undefined;
    const result = await this.host.lead(epoch, seen);
    if (result.kind === 'leading') return;
    const { reason, message } = result;
    log.warn({ shard_id: this.#shardId, epoch, reason }, `does not lead: ${message}`);
    if (reason === 'LOG_FORKED' || reason === 'NOT_DURABLE') this.#sayFault(epoch, message);
    else if (reason === 'EPOCH_TOO_LOW') await this.#readStanding(epoch);
  }

  /** Asks for no leadership for a while: an operator has to look first. */
  #sayFault(epoch: number, fault: string): void {
    const { world, onChange } = this.#options;
    this.#fault = fault;
    onChange();
    world.setTimer(FAULT_PAUSE_MS, () => {
      this.#fault = undefined;
      if (!this.#ended) void this.#readStanding(epoch);
    });
  }

  report(): ShardReport {
    const { state, position } = this.host;
    const shardId = this.#shardId;
    const nowhere = { appliedEntryIndex: 0, appliedChainChecksum: '' };
    switch (state.kind) {
      case 'leading': {
        const appliedEntryIndex = position?.committed.entryIndex ?? 0;
        const appliedChainChecksum = position?.committed.chainChecksum ?? '';
        const queue = this.host.queueDepth;
        return {
          shardId,
          role: 'leader',
          epoch: state.epoch,
          ...{ appliedEntryIndex, appliedChainChecksum },
          queuedCommands: queue === undefined ? 0 : queue.internal + queue.cancel + queue.rest,
          fault: state.logTrouble ?? '',
          holdings: this.#holdings,
        };
      }
      case 'loading':
      case 'candidate':
        return { shardId, role: 'candidate', epoch: state.epoch, ...nowhere };
      case 'draining':
        return { shardId, role: 'loading', epoch: state.epoch, ...nowhere };
      case 'stopped':
        return { shardId, role: 'failed', epoch: 0, ...nowhere, fault: describeStop(state.reason) };
      case 'follower': {
        if (this.#fault !== undefined) {
          return { shardId, role: 'failed', epoch: 0, ...nowhere, fault: this.#fault };
        }
        if (this.#standing === undefined) return { shardId, role: 'loading', epoch: 0, ...nowhere };
        const { epoch, entryIndex, chainChecksum } = this.#standing;
        const fault = state.reason ?? '';
        return {
          ...{ shardId, role: 'standby', epoch, fault },
          appliedEntryIndex: entryIndex,
          appliedChainChecksum: entryIndex === 0 ? '' : chainChecksum,
        };
      }
    }
  }

  async end(drainMs: number): Promise<void> {
    this.#ended = true;
    await this.host.end(drainMs);
    this.#stopMetrics();
  }

  #onStateChange(state: HostState): void {
    const { log, onChange, onFatal } = this.#options;
    const shardId = this.#shardId;
    // How far a log has been read changes a hundred times a second and nobody waits for it: the
    // next heartbeat, which comes anyway, says it.
    const isProgress = state.kind === 'loading' && this.#stateKind === 'loading';
    this.#stateKind = state.kind;
    if (isProgress) return;
    if (state.kind !== 'loading') {
      log.info({ shard_id: shardId, state }, `${shardId}: ${state.kind}`);
    }
    if (state.kind !== 'leading') this.#holdings = undefined;
    if (state.kind === 'leading' && this.#holdings === undefined) void this.#readHoldings();
    if (state.kind === 'follower' && !this.#ended) void this.#readStanding(0);
    if (state.kind === 'stopped' && state.reason.kind !== 'ended') {
      onFatal(new Error(`${shardId} cannot go on: ${describeStop(state.reason)}`));
    }
    onChange();
  }

  /** @param refusedEpoch the next epoch must be above it, whatever the log says */
  async #readStanding(refusedEpoch: number): Promise<void> {
    const { world, onChange } = this.#options;
    const log = world.openLog(this.#shardId);
    try {
      const { end, shardEpoch } = await log.inspect(1);
      const { entryIndex, chainChecksum } = end;
      const epoch = Math.max(end.epoch, shardEpoch, refusedEpoch);
      this.#standing = { epoch, entryIndex, chainChecksum };
      onChange();
    } catch {
      // The log is away; the shard cannot be led before it is back anyway.
      if (!this.#ended) world.setTimer(RETRY_MS, () => void this.#readStanding(refusedEpoch));
    } finally {
      await log.close();
    }
  }

  async #readHoldings(): Promise<void> {
    const read = await this.host.read((machine) => this.#options.holdingsOf(machine));
    if (read.kind === 'notAnswered') {
      if (this.host.state.kind !== 'leading') return;
      this.#options.world.setTimer(RETRY_MS, () => void this.#readHoldings());
      return;
    }
    this.#holdings = read.value;
    this.#options.onChange();
  }
}

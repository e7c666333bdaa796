// The shards that a node hosts: has replicas as the coordinator orders, leads and stops leading
// when told to, and reports how they are (REP-2, REP-4, REP-5, CRD-5).

import type { CommittedEntry } from '../../shard/committed-entry.ts';
import type { HandOverTarget, ShardHost } from '../../shard/host.ts';
import { describeStop, type HostState } from '../../shard/host-state.ts';
import type { HostObserver } from '../../shard/observer.ts';
import { raiseVersion } from '../../shard/raise-version.ts';
import type { StateMachine } from '../../shard/state-machine.ts';
import type { World } from '../../shard/world.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ShardKind } from './cluster-table.ts';
import type { ShardHoldings, ShardReport } from './heartbeats.ts';
import type { LeadOrder, RaiseVersionOrder, ReleaseOrder } from './join-cluster.ts';
import { LeadWaiters } from './lead-waiters.ts';
import { LoadMeter } from './load-meter.ts';
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
  /** Newest version of behavior and formats that this program knows (LOG-16). */
  readonly newestVersion?: number;
  /** Slot that a command's first event belongs to, for the load by slot; undefined for none. */
  readonly slotOf?: (machine: StateMachine<C, E, A>, event: E) => number | undefined;
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

  /** Stops leading the shard, unless another leadership has begun since. */
  readonly release = ({ shardId, epoch, target }: ReleaseOrder): void => {
    void this.#seats.get(shardId)?.release(epoch, target);
  };

  /** Raises the version of the shard's log, if it is led here (LOG-16). */
  readonly raiseVersion = ({ shardId, version }: RaiseVersionOrder): void => {
    void this.#seats.get(shardId)?.raiseVersion(version);
  };

  readonly reports = (): readonly ShardReport[] => {
    const newestVersion = this.#options.newestVersion ?? 0;
    return [...this.#seats.values()].map((seat) => ({ ...seat.report(), newestVersion }));
  };

  /** The host of a shard, leading or not. */
  find(shardId: string): ShardHost<C, E, A> | undefined {
    return this.#seats.get(shardId)?.host;
  }

  /**
   * Resolves when the shard is led here, or will not be soon: for callers that the leader before
   * has sent (REP-5).
   */
  untilLed(shardId: string, signal: AbortSignal): Promise<void> {
    return this.#seats.get(shardId)?.untilLed(signal) ?? Promise.resolve();
  }

  /** All hosts, by shard id. */
  hosts(): readonly ShardHost<C, E, A>[] {
    return [...this.#seats.values()].map((seat) => seat.host);
  }

  /**
   * True when there are shards, and each of them is led here and reaches its log, or follows the
   * one that leads.
   */
  allServe(): boolean {
    const hosts = this.hosts();
    return hosts.length > 0 && hosts.every(serves);
  }

  /** Finishes what is in flight and gives up all leaderships (REP-9). */
  async end(drainMs: number): Promise<void> {
    await Promise.all([...this.#seats.values()].map((seat) => seat.end(drainMs)));
  }
}

function serves({ state, standby }: Pick<ShardHost<never, never, never>, 'state' | 'standby'>) {
  if (state.kind === 'leading') return state.logTrouble === undefined;
  return standby?.isWarm === true && standby.lagMs !== undefined;
}

const NOWHERE = { appliedEntryIndex: 0, appliedChainChecksum: '' };

class Seat<C, E, A> {
  readonly host: ShardHost<C, E, A>;
  readonly #shardId: string;
  readonly #options: HostedShardsOptions<C, E, A>;
  readonly #stopMetrics: () => void;
  readonly #load: LoadMeter;
  /** Epochs up to here are of no use, whatever the log says. */
  #refusedEpoch = 0;
  #holdings: ShardHoldings | undefined;
  /** Why the shard must not lead now, although nothing here is broken. */
  #fault: string | undefined;
  #ended = false;
  #stateKind: HostState['kind'] = 'follower';
  readonly #waiters: LeadWaiters;

  constructor(shardId: string, options: HostedShardsOptions<C, E, A>) {
    this.#shardId = shardId;
    this.#options = options;
    this.#load = new LoadMeter(options.world);
    this.#waiters = new LeadWaiters(options.world);
    const { observer, watch } = observeShard<E, A>(shardId, options.nameOf);
    this.host = options.createHost(shardId, {
      ...observer,
      onStateChange: (state) => this.#onStateChange(state),
      ...reportSnapshots(shardId, options.log),
      onStandbyChange: () => options.onChange(),
      onDiverged: (error) => {
        const fields = { shard_id: shardId, err: error };
        options.log.error(fields, `the replica of ${shardId} begins anew from its leader's state`);
      },
      onCommit: (report) => {
        observer.onCommit?.(report);
        options.onCommit?.(report);
        const { entry } = report;
        this.#countLoad(entry);
        const groups = [entry.due, entry.continued, ...entry.commands];
        const isChange = groups.some((group) => group?.events.some(options.changesHoldings));
        if (isChange) void this.#readHoldings();
      },
    });
    this.#stopMetrics = watch(this.host);
    this.host.standBy();
  }

  #countLoad({ storedBytes, commands }: CommittedEntry<E, A>): void {
    const { machine } = this.host;
    const { slotOf } = this.#options;
    this.#load.countEntry(storedBytes);
    for (const { events } of commands) {
      const [first] = events;
      const isKnown = machine !== undefined && first !== undefined;
      this.#load.countCommand(isKnown ? slotOf?.(machine, first) : undefined);
    }
  }

  untilLed(signal: AbortSignal): Promise<void> {
    return this.#waiters.wait(this.host, signal);
  }

  async lead(epoch: number, seen: LeadOrder['seen']): Promise<void> {
    const { log } = this.#options;
    const { state } = this.host;
    if ('epoch' in state && state.epoch >= epoch) return;
    const result = await this.host.lead(epoch, seen);
    if (result.kind === 'leading') return;
    const { reason, message } = result;
    log.warn({ shard_id: this.#shardId, epoch, reason }, `does not lead: ${message}`);
    if (reason === 'LOG_FORKED' || reason === 'NOT_DURABLE') this.#sayFault(epoch, message);
    else if (reason === 'EPOCH_TOO_LOW') await this.#readShardEpoch(epoch);
  }

  async release(epoch: number, target: HandOverTarget | undefined): Promise<void> {
    const { state } = this.host;
    if (state.kind === 'leading' && state.epoch === epoch) await this.host.release(target);
    this.#options.onChange();
  }

  /** Asks for no leadership for a while: an operator has to look first. */
  #sayFault(epoch: number, fault: string): void {
    const { world, onChange } = this.#options;
    this.#fault = fault;
    onChange();
    world.setTimer(FAULT_PAUSE_MS, () => {
      this.#fault = undefined;
      if (!this.#ended) void this.#readShardEpoch(epoch);
    });
  }

  async raiseVersion(version: number): Promise<void> {
    const { log, world, onChange } = this.#options;
    const raised = await raiseVersion(this.host, world, version);
    const fields = { shard_id: this.#shardId, version, result: raised.kind };
    if (raised.kind === 'applied') log.info(fields, `${this.#shardId} is at version ${version}`);
    else if (raised.kind !== 'there') log.warn(fields, `version ${version} was not raised`);
    onChange();
  }

  report(): ShardReport {
    const { state } = this.host;
    const shardId = this.#shardId;
    switch (state.kind) {
      case 'leading':
        return { ...this.#reportLeader(state.epoch), fault: state.logTrouble ?? '' };
      case 'draining':
        // Until everything is committed and another may lead.
        return this.#reportLeader(state.epoch);
      case 'loading':
      case 'candidate':
        return { shardId, role: 'candidate', epoch: state.epoch, ...NOWHERE };
      case 'stopped':
        return { shardId, role: 'failed', epoch: 0, ...NOWHERE, fault: describeStop(state.reason) };
      case 'follower':
        return this.#reportStandby(state.reason ?? '');
    }
  }

  #reportLeader(epoch: number): ShardReport {
    const { position, queueDepth: queue } = this.host;
    return {
      ...{ shardId: this.#shardId, role: 'leader', epoch },
      appliedEntryIndex: position?.committed.entryIndex ?? 0,
      appliedChainChecksum: position?.committed.chainChecksum ?? '',
      queuedCommands: queue === undefined ? 0 : queue.internal + queue.cancel + queue.rest,
      holdings: this.#holdings,
      load: this.#load.view(),
      version: this.host.machine?.formatVersion ?? 0,
    };
  }

  #reportStandby(reason: string): ShardReport {
    const shardId = this.#shardId;
    const { standby } = this.host;
    const fault = this.#fault ?? standby?.fault ?? '';
    if (fault !== '') return { shardId, role: 'failed', epoch: 0, ...NOWHERE, fault };
    if (standby?.isWarm !== true) return { shardId, role: 'loading', epoch: 0, ...NOWHERE };
    const { point, lagMs, committedIndex } = standby;
    const epoch = Math.max(standby.epoch, this.#refusedEpoch);
    return {
      ...{ shardId, role: 'standby', epoch, fault: reason },
      appliedEntryIndex: point.entryIndex,
      appliedChainChecksum: point.entryIndex === 0 ? '' : point.chainChecksum,
      committedEntryIndex: committedIndex,
      lagUs: Math.round((lagMs ?? 0) * 1000),
    };
  }

  async end(drainMs: number): Promise<void> {
    this.#ended = true;
    await this.host.end(drainMs);
    this.#stopMetrics();
  }

  #onStateChange(state: HostState): void {
    const { log, onChange, onFatal } = this.#options;
    const shardId = this.#shardId;
    this.#waiters.changed(state);
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
    if (state.kind === 'stopped' && state.reason.kind !== 'ended') {
      onFatal(new Error(`${shardId} cannot go on: ${describeStop(state.reason)}`));
    }
    onChange();
  }

  /** Nobody can lead with an epoch that the shard's row has left behind. */
  async #readShardEpoch(refusedEpoch: number): Promise<void> {
    const { world, onChange } = this.#options;
    const log = world.openLog(this.#shardId);
    try {
      const { shardEpoch } = await log.inspect(1);
      this.#refusedEpoch = Math.max(this.#refusedEpoch, shardEpoch, refusedEpoch);
      onChange();
    } catch {
      // The log is away; the shard cannot be led before it is back anyway.
      if (!this.#ended) world.setTimer(RETRY_MS, () => void this.#readShardEpoch(refusedEpoch));
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

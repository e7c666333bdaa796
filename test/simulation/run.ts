// One run of the simulated exchange: set up, faults under load, then a phase without faults in
// which everything that is outstanding completes; and the checks at every step and at the end.

import { ledgerCodec } from '../../services/account/adapter/codec/ledger-codec.ts';
import { AccountMachine } from '../../services/account/domain/account-machine.ts';
import type { Command as LedgerCommand } from '../../services/account/domain/command.ts';
import type {
  Answer as LedgerAnswer,
  Event as LedgerEvent,
} from '../../services/account/domain/event.ts';
import { useRpcTransport } from '../../services/lib/platform/rpc/channel.ts';
import { endReadings } from '../../services/lib/platform/telemetry/metrics.ts';
import type { CommittedEntry } from '../../services/lib/shard/committed-entry.ts';
import { eventGroups } from '../../services/lib/shard/committed-entry.ts';
import { matchingCodec } from '../../services/matching/adapter/codec/matching-codec.ts';
import type { MatchingCommand } from '../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../services/matching/domain/event.ts';
import { MatchingMachine } from '../../services/matching/domain/machine.ts';
import { AnswerCheck } from './check/answers.ts';
import { checkCut } from './check/cutting.ts';
import { checkEnd, checkOwner, findUnsettled, ledgersOf } from './check/end.ts';
import { type Finding, Findings } from './check/findings.ts';
import { LogAudit } from './check/log-audit.ts';
import { checkTransit, checkWatermarks, Money } from './check/money.ts';
import { type EventPlace, Facts } from './check/order-facts.ts';
import type { ShardAudit } from './check/shard-audit.ts';
import { FAULT_KINDS, type FaultKind, Faults } from './faults.ts';
import { guardClock, settleMicrotasks } from './kernel/clock-guard.ts';
import { SimulatedMesh } from './mesh/mesh.ts';
import type { MeshSize } from './mesh/service-processes.ts';
import { faults as handlerFaults } from './network/served-call.ts';
import { ClientProcess } from './workload/client-process.ts';
import { History } from './workload/history.ts';

export type RunOptions = {
  readonly seed: number;
  /** Virtual milliseconds of faults under load. */
  readonly ticks?: number;
  readonly faults?: readonly FaultKind[];
  readonly size?: MeshSize;
  readonly keepsHistory?: boolean;
  /** Does not wait for holds whose order service died: half a virtual minute (HLD-4). */
  readonly passesOverOrphans?: boolean;
  /** Plants a bug; returns what takes it out again. */
  readonly plant?: (mesh: SimulatedMesh) => () => void;
};

export type RunResult = {
  readonly seed: number;
  readonly findings: readonly Finding[];
  /** Hash of everything that happened. */
  readonly hash: string;
  readonly steps: number;
  readonly virtualMs: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly history: readonly string[];
};

export const DEFAULT_TICKS = 4_000;
/** As `npm start` runs it: one replica of each shard. */
export const LEAN: MeshSize = {
  ...{ matchingNodes: 2, matchingShards: 2, accountNodes: 1, accountShards: 2 },
  ...{ coordinators: 1, orders: 1, replicas: 1 },
};
/** As `npm start -- --ha` runs it: a standby of each shard, two processes of each kind. */
export const HA: MeshSize = {
  ...{ matchingNodes: 2, matchingShards: 2, accountNodes: 2, accountShards: 2 },
  ...{ coordinators: 2, orders: 2, replicas: 2 },
};
const SETUP_LIMIT_US = 20_000_000;
/** Everything outstanding completes within this, without faults. */
const CALM_LIMIT_US = 100_000_000;
/** So many steps in so short a time are no work. */
const SPINNING_STEPS = 50_000;
const SPINNING_US = 50_000;
const QUIET_LOOK_US = 50_000;
/** Says which slot an account shard's command belongs to; that needs no state. */
const ACCOUNT_SLOTS = new AccountMachine().slots;
const TRADERS = 5;
const INSTRUMENTS = 3;

export async function runSimulation(options: RunOptions): Promise<RunResult> {
  const run = new Run(options);
  const guard = guardClock();
  useRpcTransport(run.mesh.transport);
  const takeOut = options.plant?.(run.mesh) ?? (() => {});
  handlerFaults.length = 0;
  const onRejection = (error: unknown): void => run.findings.add('FAULT', describe(error));
  process.on('unhandledRejection', onRejection);
  try {
    await run.go();
    const touched = guard.touched();
    if (touched !== undefined) run.findings.add('W-1', touched.stack ?? touched.message);
    return run.result();
  } finally {
    run.dispose();
    await settleMicrotasks();
    guard.release();
    takeOut();
    useRpcTransport(undefined);
    process.off('unhandledRejection', onRejection);
  }
}

class Run {
  readonly mesh: SimulatedMesh;
  readonly findings: Findings;
  readonly #options: RunOptions;
  readonly #facts: Facts;
  readonly #money: Money;
  readonly #history: History;
  readonly #faults: Faults;
  readonly #client: ClientProcess;
  readonly #matchingIdentities = new Map<string, number>();
  readonly #ledgerIdentities = new Map<string, number>();
  readonly #audits = new Map<string, ShardAudit>();
  readonly #startUs: number;
  #paceSteps = 0;
  #paceUs = 0;

  constructor(options: RunOptions) {
    this.#options = options;
    this.mesh = new SimulatedMesh(options.seed, options.size ?? LEAN);
    const { mesh } = this;
    const { kernel, database } = mesh;
    kernel.keepsHistory = options.keepsHistory === true;
    this.#startUs = kernel.timeUs;
    const note = (line: string): void => kernel.note(line);
    this.findings = new Findings(() => kernel.timeUs - this.#startUs, note);
    this.#facts = new Facts(this.findings);
    this.#money = new Money(this.#facts, this.findings);
    this.#history = new History(this.#facts, this.findings, { nowUs: () => kernel.timeUs, note });
    database.watchers.push((shardId, entry) => this.#auditOf(shardId).take(entry));
    database.cutWatchers.push((shardId, entry) => {
      checkCut(database, ledgersOf(this.#audits), { shardId, entry }, this.findings);
      this.#money.takeCut(shardId, entry.firstSequence + entry.eventCount - 1);
    });
    const answers = new AnswerCheck(database, this.findings);
    mesh.onProcess = (process) => {
      process.onAnswer = (answer) => answers.take(answer);
    };
    mesh.startAll();
    this.#client = this.#startClient();
    this.#faults = new Faults(mesh, options.faults ?? FAULT_KINDS, ['client']);
    this.#faults.onOperate = () => {
      kernel.schedule(mesh.node('client').process, 0, () => void this.#client.operate());
    };
  }

  async go(): Promise<void> {
    const { kernel } = this.mesh;
    const { ticks = DEFAULT_TICKS } = this.#options;
    const client = this.#client;
    const isSetUp = await this.#until(() => client.isSetUp, SETUP_LIMIT_US);
    if (!isSetUp) this.findings.add('LIVENESS', `no market yet: ${this.#whatIsUnderWay()}`);
    if (this.findings.any) return;
    kernel.note('faults begin');
    this.#faults.start(ticks * 1_000);
    await this.#until(() => false, ticks * 1_000);
    this.#faults.end();
    kernel.note('faults end');
    client.isClosing = true;
    if (this.findings.any) return;
    await this.#settle();
  }

  /** REP-6 to REP-8, HLD-7: without faults everything that is outstanding completes. */
  async #settle(): Promise<void> {
    const endUs = this.mesh.kernel.timeUs + CALM_LIMIT_US;
    let wrong = await this.#findUnsettled();
    while (wrong !== undefined && this.mesh.kernel.timeUs < endUs) {
      await this.#until(() => false, QUIET_LOOK_US);
      if (this.findings.any) return;
      wrong = await this.#findUnsettled();
    }
    if (wrong !== undefined) {
      this.findings.add('LIVENESS', wrong);
      return;
    }
    checkEnd(this.mesh, this.#audits, this.#facts, this.findings);
    this.#money.checkEnd([...ledgersOf(this.#audits).values()]);
  }

  async #findUnsettled(): Promise<string | undefined> {
    if (this.#client.underWay.length > 0) return this.#whatIsUnderWay();
    const passesOver = this.#options.passesOverOrphans === true;
    const wrong = findUnsettled(this.mesh, this.#audits, this.#facts, passesOver);
    return wrong ?? this.#money.findOnItsWay();
  }

  #whatIsUnderWay(): string {
    return this.#client.underWay.join(', ');
  }

  async #until(holds: () => boolean, limitUs: number): Promise<boolean> {
    const { kernel } = this.mesh;
    const endUs = kernel.timeUs + limitUs;
    const held = await kernel.runUntil(() => this.#isStopped() || holds(), endUs);
    if (!held) kernel.timeUs = endUs;
    return held && !this.findings.any;
  }

  #isStopped(): boolean {
    this.#checkPace();
    for (const fatal of this.mesh.fatal.splice(0)) this.findings.add('FATAL', fatal);
    for (const fault of handlerFaults.splice(0)) this.findings.add('INTERNAL', describe(fault));
    return this.findings.any;
  }

  /** Somebody who asks again and again at the same moment would keep time from passing. */
  #checkPace(): void {
    const { steps, timeUs } = this.mesh.kernel;
    if (steps < this.#paceSteps + SPINNING_STEPS) return;
    const passedUs = timeUs - this.#paceUs;
    if (passedUs < SPINNING_US) {
      this.findings.add('LIVENESS', `${SPINNING_STEPS} steps within ${passedUs} microseconds`);
    }
    this.#paceSteps = steps;
    this.#paceUs = timeUs;
  }

  result(): RunResult {
    const { kernel, database } = this.mesh;
    const counts: Record<string, number> = {
      appends: database.appends,
      cuts: database.cuts,
      trades: this.#facts.trades,
      bustedSides: this.#money.bustedSides,
      snapshots: [...database.snapshots.values()].flat().length,
      operations: this.#client.operations,
      answers: this.#history.answers,
    };
    for (const [kind, count] of this.#faults.counts) counts[kind] = count;
    for (const [reason, count] of this.#client.refusals) counts[`refused ${reason}`] = count;
    return {
      seed: this.#options.seed,
      findings: this.findings.list,
      hash: kernel.digest(),
      steps: kernel.steps,
      virtualMs: Math.round((kernel.timeUs - this.#startUs) / 1_000),
      counts,
      history: kernel.history,
    };
  }

  dispose(): void {
    for (const { process } of this.mesh.nodes.values()) process.kill();
    endReadings();
  }

  #startClient(): ClientProcess {
    const addresses = (prefix: string): string[] =>
      [...this.mesh.nodes.values()]
        .filter(({ name }) => name.startsWith(prefix))
        .map(({ address }) => address);
    const known = {
      coordinators: addresses('coordinator'),
      accounts: addresses('account'),
      orders: addresses('order'),
    };
    const { size } = this.mesh;
    const { process } = this.mesh.addNode('client', 'client:1', () => void client.run());
    const client = new ClientProcess({
      ...{ process, history: this.#history, money: this.#money, findings: this.findings },
      ...{ addresses: known, size: { traders: TRADERS, instruments: INSTRUMENTS } },
      shards: { matching: size.matchingShards, account: size.accountShards },
      hasStandbys: size.replicas > 1,
    });
    return client;
  }

  #auditOf(shardId: string): ShardAudit {
    const known = this.#audits.get(shardId);
    if (known !== undefined) return known;
    const { findings } = this;
    const writer = (): string => this.mesh.database.writer;
    const around = { shardId, findings, writer };
    const audit: ShardAudit = shardId.startsWith('matching')
      ? new LogAudit<MatchingCommand, MatchingEvent, never>({
          ...around,
          identities: this.#matchingIdentities,
          createMachine: () => new MatchingMachine(),
          codec: matchingCodec,
          isOfSlot: () => true,
          onEntry: (entry) =>
            this.#tell(shardId, entry, (event, place) => this.#takeMatching(event, place)),
        })
      : new LogAudit<LedgerCommand, LedgerEvent, LedgerAnswer>({
          ...around,
          identities: this.#ledgerIdentities,
          createMachine: () => new AccountMachine(),
          codec: ledgerCodec,
          isOfSlot: (command) => ACCOUNT_SLOTS.slotOf(command) !== undefined,
          onEntry: (entry) =>
            this.#tell(shardId, entry, (event, place) => this.#takeLedger(event, place)),
        });
    this.#audits.set(shardId, audit);
    return audit;
  }

  #takeMatching(event: MatchingEvent, place: EventPlace): void {
    this.#facts.takeMatching(event, place);
    if (event.kind === 'traded') this.#money.takeTrade(event, place);
    if (event.kind === 'slotMoved') checkOwner(this.#audits, 'matching', event.move, this.findings);
  }

  #takeLedger(event: LedgerEvent, place: EventPlace): void {
    this.#facts.takeLedger(event, place);
    this.#money.takeLedger(event);
    if (event.kind !== 'slotMoved') return;
    const { move } = event;
    checkOwner(this.#audits, 'account', move, this.findings);
    const ledgers = ledgersOf(this.#audits);
    checkTransit(ledgers, move, this.findings);
    const ledger = ledgers.get(place.shardId);
    if (move.step !== 'imported' || ledger === undefined) return;
    checkWatermarks(ledger, move, this.#facts, this.findings);
  }

  #tell<E, A>(
    shardId: string,
    entry: CommittedEntry<E, A>,
    take: (event: E, place: EventPlace) => void,
  ): void {
    const atUs = this.mesh.kernel.timeUs;
    for (const { firstSequence, events } of eventGroups(entry)) {
      for (const [at, event] of events.entries()) {
        take(event, { shardId, sequence: firstSequence + at, atUs });
      }
    }
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

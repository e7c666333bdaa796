// Carries the moves of slots on (MOV-2): tells shards the step that is due, again until it is known
// what became of it, and stores what follows. A coordinator that takes over reads the rows and goes
// on: every step is idempotent by slot and generation.

import { ErrorReason } from '../../../gen/bourse/type/v1/error_pb.ts';
import { type ClusterWorld, pause } from '../../lib/platform/cluster/cluster-world.ts';
import { enumCodec } from '../../lib/platform/codec/enum-codec.ts';
import { outsideOfTrace } from '../../lib/platform/rpc/client.ts';
import type { Logger } from '../../lib/platform/telemetry/logger.ts';
import { missingReference } from '../domain/agreement.ts';
import { type ClusterTables, isOpen, type MoveRow } from '../domain/cluster-tables.ts';
import { isFollowed } from '../domain/consumers.ts';
import {
  afterStep,
  decideMoves,
  type MoveSituation,
  type MoveStep,
  nextStep,
  type SlotPull,
  type StepOutcome,
} from '../domain/moves.ts';
import { leaderNode } from '../domain/placement.ts';
import type { ReferenceTables } from '../domain/reference-tables.ts';
import type { ClusterRegistry } from './cluster-registry.ts';
import type { ShardConnections, ShardTarget } from './shard-connections.ts';

const reasonCodec = enumCodec('ErrorReason', ErrorReason);

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 500;

export type MoverOptions = {
  readonly registry: ClusterRegistry;
  readonly reference: () => ReferenceTables;
  readonly connections: ShardConnections;
  readonly world: ClusterWorld;
  readonly log: Logger;
};

/** A step that a shard has answered. */
type Told = {
  readonly step: MoveStep;
  readonly outcome: StepOutcome;
  /** When it was sent the last time, in microseconds since the Unix epoch. */
  readonly sentUs: number;
  /** Attempts before that one. */
  readonly retries: number;
};

export class Mover {
  readonly #options: MoverOptions;
  readonly #busy = new Set<number>();
  readonly #abort = new AbortController();

  constructor(options: MoverOptions) {
    this.#options = options;
    const { registry } = options;
    registry.addDecision((tables) => decideMoves(tables, this.#situation(tables)));
    registry.listen((tables, changes) => {
      for (const change of changes) if (change.kind === 'move') this.#say(change.move);
      this.#lookSoon(tables);
    });
    registry.listenToNodes(() => this.#lookSoon(registry.tables));
  }

  stop(): void {
    this.#abort.abort();
  }

  #lookSoon(tables: ClusterTables): void {
    for (const move of tables.moves.values()) {
      if (!isOpen(move) || this.#busy.has(move.moveNumber)) continue;
      if (nextStep(move, this.#situation(tables)) === undefined) continue;
      this.#busy.add(move.moveNumber);
      void outsideOfTrace(() => this.#carryOn(move.moveNumber));
    }
  }

  /** Makes the steps of one move that are due, until none is. */
  async #carryOn(moveNumber: number): Promise<void> {
    const { registry, world, log } = this.#options;
    const { signal } = this.#abort;
    let pauseMs = FIRST_PAUSE_MS;
    let retries = 0;
    while (!signal.aborted) {
      const { tables } = registry;
      const move = tables.moves.get(moveNumber);
      const step = move && nextStep(move, this.#situation(tables));
      if (move === undefined || step === undefined) break;
      try {
        const sentUs = world.wallClockUs();
        const outcome = await this.#tell(tables, move, step);
        const told = { step, sentUs, retries };
        if (outcome !== undefined && (await this.#store(moveNumber, { ...told, outcome }))) {
          pauseMs = FIRST_PAUSE_MS;
          retries = 0;
          continue;
        }
      } catch (error) {
        if (signal.aborted) break;
        const fields = { move: moveNumber, shard_id: step.shardId, step: step.step, error };
        log.warn(fields, `${step.shardId} did not answer, trying again`);
      }
      retries += 1;
      await pause(world, pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
    this.#busy.delete(moveNumber);
  }

  /** Undefined when the shard has no leader now. */
  async #tell(
    tables: ClusterTables,
    move: MoveRow,
    { shardId, step, generation }: MoveStep,
  ): Promise<StepOutcome | undefined> {
    const target = findTarget(tables, shardId);
    if (target === undefined) return undefined;
    const identity = `move/${move.kind}/${move.slot}/${generation}/${step}`;
    const { connections } = this.#options;
    const named = { identity, slot: move.slot, generation, step };
    const { kind } = await connections.moveSlot(target, named, this.#abort.signal);
    if (kind.case === 'committed') return 'committed';
    if (kind.case === undefined) return undefined;
    return { refused: reasonCodec.findName(kind.value.reason) ?? 'INTERNAL' };
  }

  /** @returns false when nothing follows from the outcome: the step is tried again */
  async #store(moveNumber: number, { step, outcome, sentUs, retries }: Told): Promise<boolean> {
    let isChanged = false;
    await this.#options.registry.change((tables) => {
      const move = tables.moves.get(moveNumber);
      if (move === undefined || !isOpen(move)) return [];
      const counted = { ...move, retries: move.retries + retries };
      const present = this.#situation(tables);
      // The slot stands still from some moment after the export was sent: better too long a pause.
      const nowUs = step.step === 'export' ? sentUs : present.nowUs;
      const changes = afterStep(tables, counted, step, outcome, { ...present, nowUs });
      isChanged = changes.length > 0;
      return changes;
    });
    return isChanged;
  }

  #situation(tables: ClusterTables): MoveSituation {
    const { world } = this.#options;
    return {
      nowUs: world.wallClockUs(),
      pullOf: (move) => this.#pullOf(tables, move),
      serves: (shardId) => findTarget(tables, shardId) !== undefined,
      mayOwn: (shardId) => this.#mayOwn(tables, shardId),
    };
  }

  /** MOV-8; and an account shard knows whatever its accounts may have orders and money in. */
  #mayOwn(tables: ClusterTables, shardId: string): boolean {
    const { registry, reference } = this.#options;
    const shard = tables.shards.get(shardId);
    const holdings = registry.holdings.get(shardId);
    if (shard === undefined || holdings === undefined) return false;
    const members = registry.members();
    const following = (nodeId: string) => members.get(nodeId)?.followed ?? [];
    if (!isFollowed(tables, shardId, following)) return false;
    return missingReference(tables, reference(), shard, holdings).length === 0;
  }

  /** Only the word of the node that leads the target counts. */
  #pullOf(tables: ClusterTables, move: MoveRow): SlotPull | undefined {
    const shard = tables.shards.get(move.targetShardId);
    const node = shard && leaderNode(tables, shard);
    const member = node && this.#options.registry.members().get(node.nodeId);
    return member?.pulls.find(
      ({ shardId, slot, generation }) =>
        shardId === move.targetShardId && slot === move.slot && generation === move.generation,
    );
  }

  #say(move: MoveRow): void {
    const { moveNumber, slot, sourceShardId, targetShardId, state, rollBackReason } = move;
    const fields = { move: moveNumber, slot, source: sourceShardId, target: targetShardId, state };
    const why = rollBackReason === undefined ? '' : `: ${rollBackReason}`;
    this.#options.log.info(fields, `move ${moveNumber} of slot ${slot}: ${state}${why}`);
  }
}

function findTarget(tables: ClusterTables, shardId: string): ShardTarget | undefined {
  const shard = tables.shards.get(shardId);
  if (shard === undefined || shard.servingEpoch !== shard.epoch) return undefined;
  const node = leaderNode(tables, shard);
  if (node === undefined) return undefined;
  return { shardId, kind: shard.kind, address: node.address };
}

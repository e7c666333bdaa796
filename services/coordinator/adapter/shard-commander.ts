// Commands of operators and schedules to instruments: each goes to the leader of its shard under an
// identity of its own and is repeated until it is known what became of it (LOG-11).

import { trace } from '@opentelemetry/api';
import type { Event as MatchingEvent } from '../../../gen/bourse/matching/v1/event_pb.ts';
import { ErrorReason, type Refusal } from '../../../gen/bourse/type/v1/error_pb.ts';
import { type ClusterWorld, pause } from '../../lib/platform/cluster/cluster-world.ts';
import { enumCodec } from '../../lib/platform/codec/enum-codec.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import { type ErrorReasonName, retryAdviceOfReason } from '../../lib/platform/errors/reasons.ts';
import { outsideOfTrace } from '../../lib/platform/rpc/client.ts';
import type { Logger } from '../../lib/platform/telemetry/logger.ts';
import { ATTRIBUTES, SPANS } from '../../lib/platform/telemetry/names.ts';
import { withSpan } from '../../lib/platform/telemetry/spans.ts';
import { currentTraceparent } from '../../lib/platform/telemetry/trace-context.ts';
import { slotOf } from '../../lib/routing/slot.ts';
import type { ShardKind } from '../domain/cluster-tables.ts';
import type { ClusterRegistry } from './cluster-registry.ts';
import { type MatchingResult, type ShardConnections, VALIDITY_US } from './shard-connections.ts';
import type { MatchingCommandInit } from './shard-messages.ts';

const reasonCodec = enumCodec('ErrorReason', ErrorReason);

const RETRY_MS = 100;
/** Commands in one message. */
const BATCH_LIMIT = 500;

/** After such a refusal the command is proposed again, perhaps elsewhere: it says nothing final. */
function isPassing(reason: ErrorReasonName): boolean {
  const advice = retryAdviceOfReason(reason);
  return advice === 'safe' || advice === 'repeat';
}

/** A command to one instrument. */
export type InstrumentCommand = {
  readonly instrumentId: string;
  /** The same for every repeat; 1 to 128 bytes. */
  readonly identity: string;
  readonly command: MatchingCommandInit;
};

/** What became of a command. */
export type CommandOutcome =
  | {
      readonly kind: 'committed';
      /** True when an earlier attempt had done it. */
      readonly duplicate: boolean;
      readonly events: readonly MatchingEvent[];
    }
  | {
      readonly kind: 'refused';
      readonly reason: ErrorReasonName;
      readonly detail: Readonly<Record<string, string>>;
    };

type Leader = { readonly shardId: string; readonly address: string };

export type CommanderOptions = {
  readonly registry: ClusterRegistry;
  readonly connections: ShardConnections;
  readonly world: ClusterWorld;
  readonly log: Logger;
  /** Aborted when this coordinator is no longer the active one. */
  readonly ended: AbortSignal;
};

export class ShardCommander {
  readonly #options: CommanderOptions;

  constructor(options: CommanderOptions) {
    this.#options = options;
  }

  /**
   * Proposes commands until it is known what became of all of them.
   *
   * @returns the outcomes, in the order of the commands
   * @throws OperatingError SHARD_UNAVAILABLE when none can have been done by then,
   * OUTCOME_UNKNOWN when some may have been.
   */
  async execute(
    commands: readonly InstrumentCommand[],
    patienceMs: number,
  ): Promise<readonly CommandOutcome[]> {
    const { world, ended } = this.#options;
    const untilUs = world.monotonicUs() + patienceMs * 1_000;
    const outcomes = new Map<InstrumentCommand, CommandOutcome>();
    let mayBeDone = false;
    for (;;) {
      const open = commands.filter((command) => !outcomes.has(command));
      if (open.length === 0) break;
      const tried = await Promise.all(
        this.#batches(open).map((batch) => this.#propose(batch, outcomes)),
      );
      mayBeDone ||= tried.some((certain) => !certain);
      if (outcomes.size === commands.length) break;
      if (ended.aborted || world.monotonicUs() >= untilUs) {
        throw unfinished(mayBeDone || outcomes.size > 0);
      }
      await pause(world, RETRY_MS, ended);
    }
    return commands.map((command) => {
      const outcome = outcomes.get(command);
      if (outcome === undefined) throw unfinished(true);
      return outcome;
    });
  }

  /** Where the shard of an id is led now; undefined when nowhere. */
  findLeader(kind: ShardKind, id: string): Leader | undefined {
    const { tables } = this.#options.registry;
    const shardId = tables.slots[kind][slotOf(id)]?.shardId;
    const shard = shardId === undefined ? undefined : tables.shards.get(shardId);
    if (shard?.leader === undefined || shard.servingEpoch !== shard.epoch) return undefined;
    const node = tables.nodes.get(shard.leader.nodeId);
    return node === undefined ? undefined : { shardId: shard.shardId, address: node.address };
  }

  /** By shard, in messages of at most so many. */
  #batches(commands: readonly InstrumentCommand[]): readonly (readonly InstrumentCommand[])[] {
    const byShard = new Map<string, InstrumentCommand[]>();
    for (const command of commands) {
      const shardId = this.findLeader('matching', command.instrumentId)?.shardId ?? '';
      const batch = byShard.get(shardId) ?? [];
      batch.push(command);
      byShard.set(shardId, batch);
    }
    return [...byShard.values()].map((batch) => batch.slice(0, BATCH_LIMIT));
  }

  /** In a traced call under a span of its own, to which the shard's spans belong. */
  async #execute(
    leader: Leader,
    batch: readonly InstrumentCommand[],
  ): Promise<readonly MatchingResult[]> {
    const { connections, ended, world } = this.#options;
    const validUntilUs = world.wallClockUs() + VALIDITY_US;
    const execute = (traceContext: string) => {
      const named = batch.map(({ identity, command }) => {
        return { identity, command, traceContext, validUntilUs };
      });
      return outsideOfTrace(() => connections.execute(leader, named, ended));
    };
    if (trace.getActiveSpan()?.isRecording() !== true) return execute('');
    const attributes = { [ATTRIBUTES.shardId]: leader.shardId };
    return withSpan(SPANS.propose, { attributes }, () => execute(currentTraceparent()));
  }

  /** @returns false when some of the batch may have been done without an answer. */
  async #propose(
    batch: readonly InstrumentCommand[],
    outcomes: Map<InstrumentCommand, CommandOutcome>,
  ): Promise<boolean> {
    const { ended, log } = this.#options;
    const leader = this.findLeader('matching', batch[0]?.instrumentId ?? '');
    if (leader === undefined) return true;
    try {
      const results = await this.#execute(leader, batch);
      let isCertain = true;
      for (const [at, { duplicate, kind }] of results.entries()) {
        const command = batch[at] as InstrumentCommand;
        if (kind.case === 'committed') {
          outcomes.set(command, { kind: 'committed', duplicate, events: kind.value.events });
        } else if (kind.case === 'refusal') {
          const refusal = refusalOf(kind.value);
          if (!isPassing(refusal.reason)) outcomes.set(command, refusal);
          if (retryAdviceOfReason(refusal.reason) === 'repeat') isCertain = false;
        }
      }
      return isCertain;
    } catch (error) {
      if (ended.aborted) return false;
      const { shardId } = leader;
      log.warn({ shard_id: shardId, error }, `${shardId} did not answer, trying again`);
      // A node that refuses the whole stream says so, and has done nothing.
      return error instanceof OperatingError && error.retryAdvice === 'safe';
    }
  }
}

function refusalOf({ reason, detail }: Refusal): Extract<CommandOutcome, { kind: 'refused' }> {
  return { kind: 'refused', reason: reasonCodec.findName(reason) ?? 'INTERNAL', detail };
}

function unfinished(mayBeDone: boolean): OperatingError {
  if (mayBeDone) {
    const message = 'Not every shard has answered; some of it may be done. Repeat it.';
    return new OperatingError('OUTCOME_UNKNOWN', message);
  }
  const message = 'The shard of the instrument has no leader that can be reached now.';
  return new OperatingError('SHARD_UNAVAILABLE', message, { retryDelayMs: RETRY_MS });
}

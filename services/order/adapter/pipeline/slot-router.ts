// Gives every slot's commands to the pipeline of one shard. A slot changes its pipeline only when
// the old one hands all of its unanswered commands over, so their order survives a move (MOV-9).

import {
  type Command,
  type NumberedCommand,
  type PipelineSurroundings,
  ProposePipeline,
} from './propose-pipeline.ts';

/** What the router needs of its surroundings: those of its pipelines but the moves. */
export type RouterSurroundings<C, R> = Omit<PipelineSurroundings<C, R>, 'moveSlot'>;

/** The pipelines to all shards of one kind. */
export class SlotRouter<C, R> {
  readonly #surroundings: PipelineSurroundings<C, R>;
  readonly #pipelines = new Map<string, ProposePipeline<C, R>>();
  readonly #shardIdOfSlot = new Map<number, string>();
  #lastNumber = 0;
  #stopped = false;

  constructor(surroundings: RouterSurroundings<C, R>) {
    this.#surroundings = {
      world: surroundings.world,
      openLink: (shardId, listener, address) => surroundings.openLink(shardId, listener, address),
      leaderEpochOf: (shardId) => surroundings.leaderEpochOf(shardId),
      leaderAddressOf: (shardId) => surroundings.leaderAddressOf(shardId),
      onPlacementChange: (run) => surroundings.onPlacementChange(run),
      findShardId: (slot) => surroundings.findShardId(slot),
      moveSlot: (slot, shardId, commands) => this.#moveSlot(slot, shardId, commands),
    };
  }

  /** Sends a command behind all commands of its slot; false when nobody owns the slot yet. */
  send(slot: number, command: Omit<Command<C, R>, 'slot'>): boolean {
    const shardId = this.shardIdOf(slot);
    if (shardId === undefined || this.#stopped) return false;
    // A literal, so that all commands have one shape, whoever made them.
    this.#pipeline(shardId).push({
      slot,
      identity: command.identity,
      validUntilUs: command.validUntilUs,
      traceContext: command.traceContext,
      orderingGroup: command.orderingGroup ?? 0n,
      owner: command.owner,
      isUrgent: command.isUrgent ?? false,
      content: command.content,
      insists: command.insists,
      settle: command.settle,
      number: ++this.#lastNumber,
      sent: false,
    });
    return true;
  }

  /** The shard whose pipeline has the slot's commands. */
  shardIdOf(slot: number): string | undefined {
    const known = this.#shardIdOfSlot.get(slot);
    if (known !== undefined) return known;
    const shardId = this.#surroundings.findShardId(slot);
    if (shardId !== undefined) this.#shardIdOfSlot.set(slot, shardId);
    return shardId;
  }

  /** Opens the stream to a shard ahead of its first command. */
  connect(shardId: string): void {
    if (!this.#stopped) this.#pipeline(shardId).connect();
  }

  /** Commands that wait for an answer or to be sent, of all shards. */
  get depth(): number {
    let depth = 0;
    for (const pipeline of this.#pipelines.values()) depth += pipeline.depth;
    return depth;
  }

  /** Those of them whose shard has no leader: they wait and are no work. */
  get stuck(): number {
    let stuck = 0;
    for (const [shardId, { depth }] of this.#pipelines) {
      if (this.#surroundings.leaderEpochOf(shardId) === undefined) stuck += depth;
    }
    return stuck;
  }

  /** Ends all streams; what is unanswered settles as unknown. */
  stop(): void {
    this.#stopped = true;
    for (const pipeline of this.#pipelines.values()) pipeline.stop();
  }

  #pipeline(shardId: string): ProposePipeline<C, R> {
    let pipeline = this.#pipelines.get(shardId);
    if (pipeline === undefined) {
      pipeline = new ProposePipeline(shardId, this.#surroundings);
      this.#pipelines.set(shardId, pipeline);
    }
    return pipeline;
  }

  #moveSlot(slot: number, shardId: string, commands: readonly NumberedCommand<C, R>[]): void {
    this.#shardIdOfSlot.set(slot, shardId);
    const pipeline = this.#pipeline(shardId);
    for (const command of commands) pipeline.push(command);
  }
}

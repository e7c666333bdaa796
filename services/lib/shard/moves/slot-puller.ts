// Brings a slot to the shard that this node leads (MOV-2 to MOV-4): proposes what the copy sends as
// entries that no consumer sees, and imports the slot as soon as its source has exported it. May be
// begun anew at any time: the first chunk forgets what came before.

import type { SlotCommand, SlotStatus } from '../../routing/slot-command.ts';
import type { Proposal, ProposalResult } from '../proposal.ts';
import type { World } from '../world.ts';
import type { CopyMessage, CopyOrder } from './slot-copy.ts';

/** Where commands for the target go. */
export type PullTarget<C> = {
  readonly shardId: string;
  readonly propose: (proposal: Proposal<C>) => Promise<ProposalResult<unknown, unknown>>;
  /** What the target knows of the slot, committed; undefined when this node does not lead it. */
  readonly fetchStatus: (slot: number) => Promise<SlotStatus | undefined>;
};

/** A copy that is under way. */
export type CopyRun = { readonly ended: Promise<Error | undefined>; readonly stop: () => void };

/** Begins a copy; `send` resolves when the next message may come. */
export type StartCopy<C> = (
  order: CopyOrder,
  send: (message: CopyMessage<C>) => Promise<void>,
) => CopyRun;

/** How far it is. */
export type PullProgress = {
  readonly state: 'copying' | 'ready' | 'imported' | 'failed';
  readonly copiedBytes: number;
  readonly restBytes: number;
  readonly rounds: number;
  readonly fault?: string;
};

export type SlotPullerOptions<C> = {
  readonly world: World;
  readonly target: PullTarget<C>;
  readonly order: CopyOrder;
  readonly startCopy: StartCopy<C>;
  /** Makes the machine's command of a step. */
  readonly makeCommand: (move: SlotCommand<C>) => C;
  /** The coordinator should hear of it at once. */
  readonly onChange: () => void;
  /** This node does not lead the target any more: another one pulls. */
  readonly onLost: () => void;
};

/** How long a proposal stays valid. */
const VALID_US = 50_000_000;
const RETRY_MS = 20;
/** Attempts to copy before the coordinator is told that it failed. */
const MOST_ATTEMPTS = 5;
const ATTEMPT_PAUSE_MS = 200;

class Refused extends Error {}
class NotLeader extends Error {}

export class SlotPuller<C> {
  readonly #options: SlotPullerOptions<C>;
  /** Tells the proposals of this attempt from those of earlier ones. */
  #attempt = '';
  #progress: PullProgress = { state: 'copying', copiedBytes: 0, restBytes: 0, rounds: 0 };
  #chunks = 0;
  #failure: Error | undefined;
  #copy: CopyRun | undefined;
  #isStopped = false;

  constructor(options: SlotPullerOptions<C>) {
    this.#options = options;
    void this.#run();
  }

  get progress(): PullProgress {
    return this.#progress;
  }

  /** Copies no further. What the target has of the slot stays until it refuses or imports it. */
  stop(): void {
    this.#isStopped = true;
    this.#copy?.stop();
  }

  async #run(): Promise<void> {
    const { world, onLost } = this.#options;
    for (let attempt = 1; !this.#isStopped; attempt += 1) {
      try {
        await this.#attemptOnce();
        return;
      } catch (error) {
        if (this.#isStopped) return;
        if (error instanceof NotLeader) {
          this.stop();
          onLost();
          return;
        }
        if (error instanceof Refused || attempt === MOST_ATTEMPTS) {
          this.stop();
          this.#set({ state: 'failed', fault: (error as Error).message });
          return;
        }
        // The log was not reached, or the copy's process is gone: from the first chunk again.
        await new Promise<void>((resolve) => world.setTimer(ATTEMPT_PAUSE_MS, resolve));
      }
    }
  }

  /** @throws NotLeader, Refused: for good; everything else may be tried again */
  async #attemptOnce(): Promise<void> {
    const { world, order, startCopy, target } = this.#options;
    const status = await target.fetchStatus(order.slot);
    if (status === undefined) throw new NotLeader();
    if (status.ownership === 'OWNED' && status.generation >= order.generation) {
      this.#set({ state: 'imported' });
      return;
    }
    if (this.#isStopped) return;
    this.#attempt = Buffer.from(world.randomBytes(6)).toString('hex');
    this.#progress = { state: 'copying', copiedBytes: 0, restBytes: 0, rounds: 0 };
    this.#chunks = 0;
    this.#failure = undefined;
    this.#copy = startCopy(order, (message) => this.#take(message));
    const error = await this.#copy.ended;
    if (this.#isStopped) return;
    if (this.#failure !== undefined) throw this.#failure;
    if (error !== undefined) throw error;
    if (this.#progress.state !== 'imported') throw new Error('the copy ended before the import');
  }

  async #take(message: CopyMessage<C>): Promise<void> {
    try {
      await this.#handle(message);
    } catch (error) {
      this.#failure ??= error as Error;
      throw error;
    }
  }

  /** One step after the other: a chunk that has to be tried again is overtaken by none. */
  async #handle(message: CopyMessage<C>): Promise<void> {
    const { sourceShardId, slot, generation } = this.#options.order;
    const place = { slot, generation, sourceShardId };
    switch (message.kind) {
      case 'chunk': {
        const [chunk, content] = [this.#chunks, message.content];
        await this.#propose({ ...place, step: 'copy', chunk, content }, `copy/${chunk}`);
        this.#chunks += 1;
        const copiedBytes = this.#progress.copiedBytes + message.bytes;
        this.#progress = { ...this.#progress, copiedBytes };
        break;
      }
      case 'round': {
        await this.#beginCopy();
        const wasCopying = this.#progress.state === 'copying';
        const rounds = this.#progress.rounds + (wasCopying ? 1 : 0);
        this.#progress = { ...this.#progress, restBytes: message.bytes, rounds };
        if (message.isReady && wasCopying) this.#set({ state: 'ready' });
        break;
      }
      case 'exported': {
        await this.#beginCopy();
        const { exportSequence, stateChecksum, tail } = message;
        const exported = { exportSequence, stateChecksum, chunks: this.#chunks, tail };
        const { shardId: targetShardId } = this.#options.target;
        await this.#propose({ ...place, targetShardId, step: 'import', ...exported }, 'import');
        this.#set({ state: 'imported', restBytes: 0 });
      }
    }
  }

  /** A slot in which nothing is, nor has happened, has no chunk: its copy begins with an empty one. */
  async #beginCopy(): Promise<void> {
    if (this.#chunks > 0) return;
    await this.#handle({ kind: 'chunk', content: { kind: 'tail', tail: [] }, bytes: 0 });
  }

  /** Proposes until it is known what became of it: always the same command. */
  async #propose(move: SlotCommand<C>, name: string): Promise<void> {
    const { world, target, makeCommand } = this.#options;
    const { slot, generation } = move;
    const proposal: Proposal<C> = {
      identity: `move/${slot}/${generation}/${this.#attempt}/${name}`,
      validUntilUs: world.wallClockUs() + VALID_US,
      traceContext: '',
      commandClass: 'internal',
      orderingKey: `move/${slot}`,
      command: makeCommand(move),
    };
    for (;;) {
      if (this.#isStopped) throw new Refused('the copy was stopped');
      const result = await target.propose(proposal);
      if (result.kind === 'applied') {
        const { outcome } = result;
        if (outcome.kind === 'done') return;
        const { reason, detail } = outcome.refusal;
        throw new Refused(`${name} was refused: ${reason} ${JSON.stringify(detail ?? {})}`);
      }
      if (result.kind === 'notApplied') {
        if (result.reason === 'NOT_LEADER') throw new NotLeader();
        const isTransient =
          result.reason === 'LOG_UNAVAILABLE' || result.reason === 'SHARD_OVERLOADED';
        if (!isTransient) throw new Refused(`${name} was refused: ${result.reason}`);
      }
      await new Promise<void>((resolve) => world.setTimer(RETRY_MS, resolve));
    }
  }

  #set(change: Partial<PullProgress>): void {
    this.#progress = { ...this.#progress, ...change };
    this.#options.onChange();
  }
}

// Commands that are refused because a leader's process died of them (LOG-14): known by identity,
// recorded before the process exits, and looked up again when somebody asks for one that an
// operator may have lifted.

import type { LogUpkeep } from './log-upkeep.ts';
import type { World } from './world.ts';

/** `apply` threw on this command; the entry in work is undone by ending the replica. */
export class CommandDied extends Error {
  readonly identity: string;

  constructor(identity: string, cause: unknown) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    super(`command ${identity} is quarantined: ${problem}`, { cause });
    this.identity = identity;
  }
}

/** Least time between two looks at what is still quarantined. */
const LOOK_PAUSE_US = 1_000_000;
/** Tries to record a command before the process ends without. */
const RECORD_ATTEMPTS = 3;
/** Longest text that is kept of what went wrong. */
const PROBLEM_LENGTH = 2_000;

export class Quarantine {
  readonly #world: Pick<World, 'monotonicUs' | 'openUpkeep'>;
  readonly #upkeep: LogUpkeep;
  #identities: ReadonlySet<string> = new Set();
  #lookedUs = Number.NEGATIVE_INFINITY;
  #recording: Promise<void> | undefined;

  constructor(world: Pick<World, 'monotonicUs' | 'openUpkeep'>, shardId: string) {
    this.#world = world;
    this.#upkeep = world.openUpkeep(shardId);
  }

  /** To be called before a leadership begins. @throws LogUnreachable, LogNotDurable */
  async load(): Promise<void> {
    this.#identities = new Set(await this.#upkeep.fetchQuarantined());
    this.#lookedUs = this.#world.monotonicUs();
  }

  /** Whether a command is to be refused. A lifted one is not, from its next attempt but one. */
  holds(identity: string): boolean {
    if (this.#identities.size === 0 || !this.#identities.has(identity)) return false;
    if (this.#world.monotonicUs() - this.#lookedUs >= LOOK_PAUSE_US) {
      this.#lookedUs = this.#world.monotonicUs();
      this.load().catch(() => {}); // at the next attempt
    }
    return true;
  }

  /** Calls back once the command that a leadership failed of, if it was one, is recorded. */
  recorded(failure: Error, epoch: number, callback: () => void): void {
    if (failure instanceof CommandDied) {
      this.#recording = this.#record(failure, epoch).then(callback);
    } else {
      callback();
    }
  }

  /** Never throws: the process has to end in any case. */
  async #record({ identity, cause }: CommandDied, epoch: number): Promise<void> {
    const { stack, message } = cause instanceof Error ? cause : new Error(String(cause));
    const problem = (stack ?? message).slice(0, PROBLEM_LENGTH);
    for (let attempt = 1; attempt <= RECORD_ATTEMPTS; attempt += 1) {
      try {
        await this.#upkeep.quarantine({ identity, epoch, problem });
        return;
      } catch {
        // Without the record another leader will die of it, too, and write it then.
      }
    }
  }

  /** Ends what it has with the database, once what is being recorded is there. */
  async close(): Promise<void> {
    await this.#recording;
    await this.#upkeep.close();
  }
}

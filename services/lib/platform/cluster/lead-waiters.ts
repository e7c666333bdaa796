// Callers that were sent to a node by a leader that hands over, and come a moment before this node
// leads (REP-5): they wait here for that moment instead of being sent away.

import type { HostState } from '../../shard/host-state.ts';
import type { World } from '../../shard/world.ts';

/** Who has come for nothing is told so after this time. */
const PATIENCE_MS = 200;

export class LeadWaiters {
  readonly #world: Pick<World, 'setTimer'>;
  readonly #waiting = new Set<() => void>();

  constructor(world: Pick<World, 'setTimer'>) {
    this.#world = world;
  }

  /** Resolves when the host leads, or will not lead soon. */
  wait(host: LeadingHost, signal: AbortSignal): Promise<void> {
    if (!leadsSoon(host) || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        timer.cancel();
        signal.removeEventListener('abort', finish);
        this.#waiting.delete(finish);
        resolve();
      };
      const timer = this.#world.setTimer(PATIENCE_MS, finish);
      signal.addEventListener('abort', finish);
      this.#waiting.add(finish);
    });
  }

  /** The host is in another state. */
  changed({ kind }: HostState): void {
    if (kind !== 'leading' && kind !== 'stopped') return;
    for (const finish of [...this.#waiting]) finish();
  }
}

type LeadingHost = {
  readonly state: HostState;
  readonly standby: { readonly isWarm: boolean } | undefined;
};

/** Whether it may be told to lead any moment, or has been. */
function leadsSoon({ state, standby }: LeadingHost): boolean {
  if (state.kind === 'follower') return standby?.isWarm === true;
  return state.kind === 'loading' || state.kind === 'candidate';
}

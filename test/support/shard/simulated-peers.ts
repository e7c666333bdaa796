// The network between the hosts of a simulation: a standby's road to whoever leads (REP-1).

import type { ShardHost } from '../../../services/lib/shard/host.ts';
import {
  type EntryBatch,
  type FollowFrom,
  LeaderUnreachable,
} from '../../../services/lib/shard/world.ts';

type AnyHost = Pick<ShardHost<never, never, never>, 'shardId' | 'state' | 'streamEntries'>;

/** The world of a host, as far as the network between hosts goes. */
type PeerWorld = {
  readonly simulation: { sleep(delayUs: number): Promise<void>; random(): number };
  readonly killed: boolean;
  readonly cutOff: boolean;
};

const WAY_US = 200;
/** After this silence a stream counts as broken (CON-2). */
const SILENCE_US = 1_000_000;

/** Who hosts what; one for all worlds of a simulation. */
export class SimulatedPeers {
  readonly #hosts = new Map<AnyHost, PeerWorld>();

  add(host: AnyHost, world: PeerWorld): void {
    this.#hosts.set(host, world);
  }

  /** The latest leader that a world reaches, as a table of the cluster would name it. */
  #findLeader(shardId: string, from: PeerWorld): [AnyHost, PeerWorld] | undefined {
    let best: [AnyHost, PeerWorld] | undefined;
    let bestEpoch = 0;
    for (const [host, world] of this.#hosts) {
      const { state } = host;
      if (world === from || state.kind !== 'leading' || host.shardId !== shardId) continue;
      if (!reaches(from, world) || state.epoch <= bestEpoch) continue;
      best = [host, world];
      bestEpoch = state.epoch;
    }
    return best;
  }

  async *follow(
    { shardId, from }: { readonly shardId: string; readonly from: FollowFrom },
    reader: PeerWorld,
    signal: AbortSignal,
  ): AsyncGenerator<EntryBatch, void, void> {
    const { simulation } = reader;
    await simulation.sleep(WAY_US);
    const [host, world] = this.#findLeader(shardId, reader) ?? [];
    if (host === undefined || world === undefined) throw new LeaderUnreachable('nobody leads');
    const batches = host.streamEntries({ from, seenBy: 'a standby', signal });
    while (!signal.aborted) {
      const next = batches.next().catch(unreachable);
      const silence = simulation.sleep(SILENCE_US).then(() => undefined);
      const aborted = new Promise<undefined>((resolve) => {
        signal.addEventListener('abort', () => resolve(undefined), { once: true });
      });
      const result = await Promise.race([next, silence, aborted]);
      if (result instanceof LeaderUnreachable) throw result;
      if (!reaches(reader, world)) throw new LeaderUnreachable('the way there is cut');
      if (result === undefined || result.done === true) {
        throw new LeaderUnreachable('the leader fell silent');
      }
      await simulation.sleep(WAY_US * (0.5 + simulation.random()));
      yield result.value;
    }
  }
}

function reaches(one: PeerWorld, other: PeerWorld): boolean {
  return !one.killed && !other.killed && !one.cutOff && !other.cutOff;
}

function unreachable(error: Error): LeaderUnreachable {
  const reason = 'reason' in error ? error.reason : undefined;
  const isUnknownPoint = reason === 'LOG_FORKED' || reason === 'BEYOND_WINDOW';
  return new LeaderUnreachable(error.message, { cause: error, isUnknownPoint });
}

// The slots that this node brings to shards that it leads, as the coordinator orders (MOV-2).

import type { SlotCommand, SlotStatus } from '../../routing/slot-command.ts';
import type { ShardHost } from '../../shard/host.ts';
import { SlotPuller, type StartCopy } from '../../shard/moves/slot-puller.ts';
import type { World } from '../../shard/world.ts';
import type { PulledSlot, PullOrder, PullReport } from '../cluster/join-cluster.ts';

export type PulledSlotsOptions<C, E, A> = {
  readonly world: World;
  /** A shard's host on this node. */
  readonly findHost: (shardId: string) => ShardHost<C, E, A> | undefined;
  readonly startCopy: StartCopy<C>;
  readonly makeCommand: (move: SlotCommand<C>) => C;
  /** The coordinator should hear of it at once. */
  readonly onChange: () => void;
};

type Pull<C> = { readonly slot: PulledSlot; readonly puller: SlotPuller<C> };

export class PulledSlots<C, E, A> {
  readonly #options: PulledSlotsOptions<C, E, A>;
  readonly #pulls = new Map<string, Pull<C>>();

  constructor(options: PulledSlotsOptions<C, E, A>) {
    this.#options = options;
  }

  /** Brings a slot, unless it does so already. */
  readonly pull = (order: PullOrder): void => {
    const key = keyOf(order);
    if (this.#pulls.has(key)) return;
    const { world, findHost, startCopy, makeCommand, onChange } = this.#options;
    const host = findHost(order.shardId);
    if (host === undefined) return;
    // What an earlier move has left is of no use any more.
    for (const { slot } of this.#pulls.values()) {
      if (slot.shardId === order.shardId && slot.slot === order.slot) this.drop(slot);
    }
    const { shardId, slot, generation, sourceShardId } = order;
    const puller = new SlotPuller<C>({
      ...{ world, startCopy, makeCommand, onChange },
      order: { sourceShardId, slot, generation },
      target: {
        shardId,
        propose: (proposal) => new Promise((resolve) => host.submit(proposal, resolve)),
        fetchStatus: (wanted) => statusAt(host, wanted),
      },
      onLost: () => this.#pulls.delete(key),
    });
    this.#pulls.set(key, { slot: { shardId, slot, generation }, puller });
  };

  /** Brings a slot no longer. */
  readonly drop = (slot: PulledSlot): void => {
    const key = keyOf(slot);
    this.#pulls.get(key)?.puller.stop();
    this.#pulls.delete(key);
  };

  readonly reports = (): readonly PullReport[] =>
    Array.from(this.#pulls.values(), ({ slot, puller }) => ({ ...slot, ...puller.progress }));

  stop(): void {
    for (const { slot } of this.#pulls.values()) this.drop(slot);
  }
}

function keyOf({ shardId, slot, generation }: PulledSlot): string {
  return `${shardId}/${slot}/${generation}`;
}

async function statusAt<C, E, A>(
  host: ShardHost<C, E, A>,
  slot: number,
): Promise<SlotStatus | undefined> {
  const read = await host.read((machine) => machine.slots?.statusOf(slot));
  return read.kind === 'answered' ? read.value : undefined;
}

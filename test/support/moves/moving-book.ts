// Two matching shards with real hosts, and a book whose slot moves between them.

import { slotOf } from '../../../services/lib/routing/slot.ts';
import type { SlotCommand, SlotStatus } from '../../../services/lib/routing/slot-command.ts';
import { ShardHost } from '../../../services/lib/shard/host.ts';
import type { CopyOrder } from '../../../services/lib/shard/moves/slot-copy.ts';
import {
  type PullProgress,
  SlotPuller,
  type StartCopy,
} from '../../../services/lib/shard/moves/slot-puller.ts';
import type { ProposalResult } from '../../../services/lib/shard/proposal.ts';
import type { World } from '../../../services/lib/shard/world.ts';
import { matchingCodec } from '../../../services/matching/adapter/codec/matching-codec.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import { PLAIN_TERMS, WIDE_RULES } from '../matching/one-book.ts';
import { waitUntil } from '../wait.ts';

export type BookHost = ShardHost<MatchingCommand, MatchingEvent, never>;
export type BookResult = ProposalResult<MatchingEvent, never>;

export const SOURCE = 'matching-1';
export const TARGET = 'matching-2';
export const SLOT = slotOf(WIDE_RULES.instrumentId);

export const BOOK_REPLICA = {
  createMachine: () => new MatchingMachine(),
  codec: matchingCodec,
  maximumIdentities: 1_000_000,
};

export function createBookHost(world: World, shardId: string, nodeId = shardId): BookHost {
  return new ShardHost({ ...BOOK_REPLICA, world, shardId, nodeId });
}

/** Proposes one command; the identity is remembered. */
export function propose(
  host: BookHost,
  world: World,
  identity: string,
  command: MatchingCommand,
): Promise<BookResult> {
  const validUntilUs = world.wallClockUs() + 50_000_000;
  return new Promise((resolve) => {
    const proposal = { identity, validUntilUs, traceContext: '', command } as const;
    host.submit({ ...proposal, commandClass: 'internal', orderingKey: 'test' }, resolve);
  });
}

let steps = 0;

/** Makes a step of the move; the reason when it is refused, else undefined. */
export async function step(
  host: BookHost,
  world: World,
  move: SlotCommand<MatchingCommand>,
): Promise<string | undefined> {
  steps += 1;
  const result = await propose(host, world, `step ${steps}`, { kind: 'moveSlot', move });
  return reasonOf(result);
}

export function reasonOf(result: BookResult): string | undefined {
  if (result.kind === 'unknown') return 'UNKNOWN';
  if (result.kind === 'notApplied') return result.reason;
  return result.outcome.kind === 'refused' ? result.outcome.refusal.reason : undefined;
}

/** The source owns the slot and has the book; the target owns nothing. */
export async function openBookAt(host: BookHost, world: World): Promise<void> {
  const slots = { kind: 'acquireSlots', slots: [SLOT], generation: 1 } as const;
  await propose(host, world, 'slots', slots);
  const rules = { kind: 'setInstrument', rules: WIDE_RULES, initialState: 'CONTINUOUS' } as const;
  await propose(host, world, 'instrument', rules);
}

/** An order of account 7 that rests below, or above, everything else. */
export function resting(placement: number, side: 'BUY' | 'SELL' = 'BUY'): MatchingCommand {
  const priceUnits = side === 'BUY' ? 1 + (placement % 5_000) : 900_000 + (placement % 5_000);
  const terms = { ...PLAIN_TERMS, side, priceUnits, quantityUnits: 1 + (placement % 9) };
  return { kind: 'placeOrder', accountNumber: 7, placement, terms };
}

/** Brings the slot to the target. */
export function pullTo(
  host: BookHost,
  world: World,
  startCopy: StartCopy<MatchingCommand>,
  order: CopyOrder,
): { readonly progress: () => PullProgress; readonly stop: () => void; isLost: () => boolean } {
  let isLost = false;
  const puller = new SlotPuller<MatchingCommand>({
    world,
    startCopy,
    order,
    makeCommand: (move) => ({ kind: 'moveSlot', move }),
    onChange: () => {},
    onLost: () => {
      isLost = true;
    },
    target: {
      shardId: host.shardId,
      propose: (proposal) => new Promise((resolve) => host.submit(proposal, resolve)),
      fetchStatus: (slot) => statusAt(host, slot),
    },
  });
  return {
    progress: () => puller.progress,
    stop: () => puller.stop(),
    isLost: () => isLost,
  };
}

export async function statusAt(host: BookHost, slot: number): Promise<SlotStatus | undefined> {
  const read = await host.read((machine) => machine.slots?.statusOf(slot));
  return read.kind === 'answered' ? read.value : undefined;
}

export async function waitForState(
  pull: { readonly progress: () => PullProgress },
  state: PullProgress['state'],
): Promise<void> {
  await waitUntil(
    () => {
      const { state: present, fault } = pull.progress();
      if (present === 'failed' && state !== 'failed') throw new Error(fault);
      return present === state;
    },
    { what: `the copy to be ${state}`, deadlineMs: 60_000 },
  );
}

// Following a matching shard's events when its node misbehaves: a node that falls silent, events
// that come twice, a range that is refused.

import type { MessageInitShape } from '@bufbuild/protobuf';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  MatchingService,
  type StreamEventsRequest,
  type StreamEventsResponseSchema,
} from '../../../gen/bourse/matching/v1/service_pb.ts';
import { bookSource } from '../../../services/account/adapter/settlement/book-source.ts';
import type { SettledPlace } from '../../../services/account/adapter/settlement/event-source.ts';
import { MatchingNodes } from '../../../services/account/adapter/settlement/matching-nodes.ts';
import { SourceFollower } from '../../../services/account/adapter/settlement/source-follower.ts';
import type { Command, Settle } from '../../../services/account/domain/command.ts';
import type { ClusterTable } from '../../../services/lib/platform/cluster/cluster-table.ts';
import { loadDescriptors } from '../../../services/lib/platform/rpc/descriptors.ts';
import { createRpcServer } from '../../../services/lib/platform/rpc/server.ts';
import { createLogger } from '../../../services/lib/platform/telemetry/logger.ts';
import type { Proposal } from '../../../services/lib/shard/proposal.ts';
import { createRealWorldWithoutLogs } from '../../../services/lib/shard/real-world.ts';
import type { World } from '../../../services/lib/shard/world.ts';
import { waitUntil } from '../../support/wait.ts';

type ResponseInit = Exclude<
  MessageInitShape<typeof StreamEventsResponseSchema>,
  { $typeName: string }
>;
type Source = (request: StreamEventsRequest, signal: AbortSignal) => AsyncGenerator<ResponseInit>;

const closers: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** One message with accepted orders at these sequences. */
function message(sequences: readonly number[], through = sequences.at(-1) ?? 0): ResponseInit {
  const commands = sequences.map((sequence) => ({
    identity: `c${sequence}`,
    firstSequence: BigInt(sequence),
    events: [
      {
        instrumentNumber: 1,
        instrumentSequence: BigInt(sequence),
        kind: {
          case: 'orderAccepted' as const,
          value: { accountNumber: 4096, placement: BigInt(sequence) },
        },
      },
    ],
  }));
  const entries = [{ entryIndex: 1n, logTimeUs: 1n, commands }];
  return { entries, throughSequence: BigInt(through), committedEntryIndex: 1n };
}

/** An entry with the import of a slot that another book exported at its sequence 7. */
function importAt(sequence: number) {
  const imported = message([sequence]);
  const command = imported.entries?.[0]?.commands?.[0];
  const value = { sourceShardId: 'matching-2', exportSequence: 7n };
  const step = { case: 'imported' as const, value };
  const kind = { case: 'slotMoved' as const, value: { slot: 1, generation: 2n, step } };
  return { ...imported.entries?.[0], commands: [{ ...command, events: [{ kind }] }] };
}

/** A cluster table with one matching shard, led at one address. */
class TableUnderTest {
  readonly #address: string;
  readonly #listeners = new Set<(table: ClusterTable) => void>();
  #table: ClusterTable;

  constructor(address: string) {
    this.#address = address;
    this.#table = this.#make(1);
  }

  table(): ClusterTable {
    return this.#table;
  }

  onChange(listener: (table: ClusterTable) => void): () => void {
    this.#listeners.add(listener);
    listener(this.#table);
    return () => this.#listeners.delete(listener);
  }

  raise(epoch: number): void {
    this.#table = this.#make(epoch);
    for (const listener of [...this.#listeners]) listener(this.#table);
  }

  #make(epoch: number): ClusterTable {
    const leader = { nodeId: 'matching-1', address: this.#address };
    const shard = { shardId: 'matching-1', kind: 'matching', epoch, leader, replicaNodeIds: [] };
    const shards = new Map([['matching-1', shard]]);
    return { nodes: new Map(), shards } as unknown as ClusterTable;
  }
}

type Surroundings = {
  /** The shard owns nothing and has settled nothing. */
  readonly isNew?: boolean;
  /** The book is settled so far, but on one slot less far. */
  readonly late?: { readonly settled: number; readonly slot: { sequence: number } };
};

/** A matching node that sends what the test says, and a shard that remembers what it settled. */
async function follow(source: Source, more: Surroundings = {}) {
  const position = { sequence: 40n, entryIndex: 4n, chainChecksum: new Uint8Array(16) };
  const log = createLogger({ service: 'account', node: 'test', level: 'silent' as never });
  const server = createRpcServer({ logger: log, descriptors: loadDescriptors() });
  const unused = () => Promise.reject(new Error('not asked here'));
  server.add(MatchingService, {
    // biome-ignore lint/correctness/useYield: it refuses before it could yield
    async *propose() {
      await unused();
    },
    // biome-ignore lint/correctness/useYield: it refuses before it could yield
    async *streamEntries() {
      await unused();
    },
    streamEvents: (request, call) => source(request, call.signal),
    getBook: unused,
    getPosition: async () => position,
  });
  const port = await server.listen(0);
  closers.push(() => server.drain(500));
  const watch = new TableUnderTest(`127.0.0.1:${port}`);
  const nodes = new MatchingNodes(watch);
  closers.push(() => nodes.close());
  const settled: Settle[] = [];
  const begun = { sequence: 0 };
  const refuseOnce = { next: false };
  /** How far another source is settled. */
  const others = { settled: 0 };
  const owned = { slots: new Uint8Array(512), version: 1 };
  const follower = new SourceFollower({
    sourceShardId: 'matching-1',
    source: bookSource({
      sourceShardId: 'matching-1',
      nodes,
      world: createRealWorldWithoutLogs(),
      ownedSlots: () => owned.slots,
      slotsVersion: () => owned.version,
      isSettled: ({ sequence }) => others.settled >= sequence,
    }),
    world: createRealWorldWithoutLogs() as World,
    log,
    watch: nodes.watch,
    isNew: () => more.isNew === true && begun.sequence === 0,
    lateSlots: () => {
      const place = { ...more.late?.slot, entryIndex: 1, chainChecksum: '' };
      const isLate = more.late !== undefined && more.late.slot.sequence < more.late.settled;
      return isLate ? [{ slot: 5, place: place as SettledPlace }] : [];
    },
    nextBoundary: () => Number.POSITIVE_INFINITY,
    settledPlace: () => {
      const least = more.late?.settled ?? begun.sequence;
      const sequence = settled.at(-1)?.throughSequence ?? least;
      return { sequence, entryIndex: sequence === 0 ? 0 : 1, chainChecksum: '' };
    },
    propose: async ({ command }: Proposal<Command>) => {
      const place = { duplicate: false, logTimeUs: 2, entryIndex: 1, firstSequence: 1, events: [] };
      if (refuseOnce.next) {
        refuseOnce.next = false;
        const refusal = { reason: 'SETTLEMENT_GAP' };
        return { kind: 'applied', ...place, outcome: { kind: 'refused', refusal } };
      }
      if (command.kind === 'beginSource') begun.sequence = command.sequence;
      else if (command.kind === 'settleSlot' && more.late !== undefined) {
        more.late.slot.sequence = command.range.throughSequence;
      } else settled.push(command as Settle);
      return { kind: 'applied', ...place, outcome: { kind: 'done' } };
    },
  });
  closers.push(() => follower.stop());
  return { follower, settled, refuseOnce, owned, watch, others };
}

const placementsOf = (settled: readonly Settle[]) =>
  settled.flatMap(({ entries }) =>
    entries.flatMap(({ commands }) =>
      commands.flatMap(({ events }) => events.map(({ instrumentSequence }) => instrumentSequence)),
    ),
  );

async function* silence(signal: AbortSignal): AsyncGenerator<ResponseInit> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
}

describe('a source of events', () => {
  test('SET-1 ranges follow each other without a gap, and what comes twice is settled once', async () => {
    const { follower, settled } = await follow(async function* (_request, signal) {
      yield message([1, 2]);
      yield message([2, 3, 5], 7);
      yield message([8]);
      yield* silence(signal);
    });
    await follower.waitFor(8);
    await waitUntil(() => settled.at(-1)?.throughSequence === 8, { what: 'all to be settled' });
    expect(placementsOf(settled)).toEqual([1, 2, 3, 5, 8]);
    let next = 1;
    for (const { fromSequence, throughSequence } of settled) {
      expect(fromSequence).toBe(next);
      next = throughSequence + 1;
    }
  });

  test('CON-2 a node that falls silent is left and asked again', async () => {
    let streams = 0;
    const { follower, settled } = await follow(async function* (request, signal) {
      streams += 1;
      if (streams === 1) yield* silence(signal);
      yield message([Number(request.fromSequence)]);
      yield* silence(signal);
    });
    await follower.waitFor(1);
    expect(placementsOf(settled)).toEqual([1]);
    expect(streams).toBe(2);
  }, 15_000);

  test('SET-1 what was filtered by other slots than those owned now is read again', async () => {
    const filters: Uint8Array[] = [];
    const changed = { slots: new Uint8Array(512).fill(1) };
    const { follower, settled, owned } = await follow(async function* (request, signal) {
      filters.push(request.accountSlots);
      if (filters.length === 1) {
        yield message([1]);
        await waitUntil(() => settled.length > 0, { what: 'the first to be settled' });
        owned.slots = changed.slots;
        owned.version += 1;
        // Under the old filter, 2 was left out.
        yield message([], 3);
      } else {
        yield message([2, 3]);
      }
      yield* silence(signal);
    });
    await follower.waitFor(3);
    expect(placementsOf(settled)).toEqual([1, 2, 3]);
    expect(filters).toEqual([new Uint8Array(512), changed.slots]);
  });

  test('CON-2 a leader of a later epoch is followed at once, behind what is settled', async () => {
    const asked: bigint[] = [];
    const { follower, settled, watch } = await follow(async function* (request, signal) {
      asked.push(request.fromSequence);
      yield message([Number(request.fromSequence)]);
      // Signs of life: only the table can tell that another leads.
      while (!signal.aborted) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        yield message([], Number(request.fromSequence));
      }
    });
    await follower.waitFor(1);
    const sinceMs = performance.now();
    watch.raise(2);
    await follower.waitFor(2);
    expect(performance.now() - sinceMs).toBeLessThan(500);
    expect(asked).toEqual([1n, 2n]);
    expect(placementsOf(settled)).toEqual([1, 2]);
  });

  test('MOV-6 what is behind an import is settled when the slot’s source is, up to the export', async () => {
    const { follower, settled, others } = await follow(async function* (_request, signal) {
      const before = message([1]);
      const entries = [...(before.entries ?? []), importAt(2), ...(message([3]).entries ?? [])];
      yield { ...message([3]), entries } as ResponseInit;
      yield* silence(signal);
    });
    await waitUntil(() => settled.at(-1)?.throughSequence === 1, { what: 'what is before it' });
    expect(follower.settledSequence).toBe(1);
    others.settled = 7;
    await follower.waitFor(3);
    // The import stands in the range: the shard itself refuses it when it comes too early.
    expect(placementsOf(settled)).toEqual([1, 0, 3]);
  });

  test('MOV-6, MOV-7 a slot that lacks something gets it up to an import, and the rest later', async () => {
    const slot = { sequence: 1 };
    const late = { settled: 6, slot };
    const { follower, settled, others } = await follow(
      async function* (request, signal) {
        const from = Number(request.fromSequence);
        const all = [2, 3, 4, 5, 6, 7].filter((sequence) => sequence >= from);
        const entries = all.flatMap((sequence): unknown[] => {
          const [entry] = message([sequence]).entries ?? [];
          return sequence === 4 ? [importAt(4)] : [entry];
        });
        yield { ...message([7]), entries } as unknown as ResponseInit;
        yield* silence(signal);
      },
      { late },
    );
    // What it waits for may itself wait for what is before the import.
    await waitUntil(() => slot.sequence === 3, { what: 'what is before the import' });
    others.settled = 7;
    await follower.waitFor(7);
    expect(slot.sequence).toBe(6);
    expect(placementsOf(settled)).toEqual([7]);
  });

  test('MOV-8 a shard that owns nothing follows from where the book is', async () => {
    const asked: bigint[] = [];
    const { follower, settled } = await follow(
      async function* (request, signal) {
        asked.push(request.fromSequence);
        yield message([41, 42]);
        yield* silence(signal);
      },
      { isNew: true },
    );
    await follower.waitFor(42);
    expect(asked).toEqual([41n]);
    expect(placementsOf(settled)).toEqual([41, 42]);
  });

  test('SET-1 after a refused range it begins again at what the state says', async () => {
    const asked: bigint[] = [];
    const { follower, settled, refuseOnce } = await follow(async function* (request, signal) {
      asked.push(request.fromSequence);
      const from = Number(request.fromSequence);
      for (let sequence = from; sequence <= 4; sequence += 1) yield message([sequence]);
      yield* silence(signal);
    });
    refuseOnce.next = true;
    await follower.waitFor(4);
    await waitUntil(() => settled.at(-1)?.throughSequence === 4, { what: 'all to be settled' });
    expect(placementsOf(settled)).toEqual([1, 2, 3, 4]);
    expect(asked).toEqual([1n, 1n]);
  });
});

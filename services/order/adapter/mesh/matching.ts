// The matching shards as the flow of an order uses them: commands through ordered pipelines, room
// for them, and reads of a book.

import {
  type Committed,
  CommittedSchema,
  type GetBookResponse,
  type ProposeRequest,
  ProposeRequestSchema,
  type ProposeResponse,
} from '../../../../gen/bourse/matching/v1/service_pb.ts';
import { findShardOfSlot, shardsOfKind } from '../../../lib/platform/cluster/cluster-table.ts';
import { writeMessage } from '../../../lib/platform/codec/message-writer.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import { outsideOfTrace } from '../../../lib/platform/rpc/client.ts';
import { slotOf } from '../../../lib/routing/slot.ts';
import { encodeMatchingBatch, type MatchingContent } from '../codec/proposals.ts';
import { openProposeLink, readSettled } from '../pipeline/propose-link.ts';
import type { Command, Link, LinkListener, Settled } from '../pipeline/propose-pipeline.ts';
import { SlotRouter } from '../pipeline/slot-router.ts';
import type { MeshConnections } from './connections.ts';
import { ROOM_WANTED, ShardRoom } from './room.ts';

export type { MatchingContent } from '../codec/proposals.ts';

type Sent<R> = Omit<Command<MatchingContent, R>, 'slot'> & { readonly instrumentId: string };

export type MatchingCommand = Sent<Committed>;

export type MatchingSettled = Settled<Committed>;

/** Instruments whose slots are kept. */
const SLOTS_KEPT = 10_000;

/** All matching shards. */
export class MatchingShards {
  readonly #mesh: MeshConnections;
  readonly #router: SlotRouter<MatchingContent, Uint8Array>;
  readonly #rooms = new Map<string, ShardRoom>();
  readonly #slots = new Map<string, number>();
  readonly #unsubscribe: () => void;

  constructor(mesh: MeshConnections) {
    this.#mesh = mesh;
    this.#router = new SlotRouter({
      world: mesh.world,
      openLink: (shardId, listener, address) =>
        outsideOfTrace(() => this.#openLink(shardId, listener, address)),
      leaderEpochOf: (shardId) => mesh.leaderEpochOf(shardId),
      leaderAddressOf: (shardId) => mesh.leaderAddressOf(shardId),
      onPlacementChange: (run) => mesh.cluster.onChange(run),
      findShardId: (slot) => this.#findShardId(slot),
    });
    this.#unsubscribe = mesh.cluster.onChange((table) => {
      for (const shard of shardsOfKind(table, 'matching')) this.#router.connect(shard.shardId);
    });
  }

  /** Commands that wait for an answer or to be sent. */
  get depth(): number {
    return this.#router.depth;
  }

  /** Requests whose shard has no leader. */
  get stuck(): number {
    let { stuck } = this.#router;
    for (const room of this.#rooms.values()) stuck += room.stuck;
    return stuck;
  }

  /** Room at the shard of an instrument; undefined when nobody owns its slot yet. */
  roomOf(instrumentId: string): ShardRoom | undefined {
    const shardId = this.#router.shardIdOf(this.#slotOf(instrumentId));
    return shardId === undefined ? undefined : this.#room(shardId);
  }

  /** Sends a command behind all of its instrument; settles at once when nobody owns the slot. */
  send(command: MatchingCommand): void {
    const { settle } = command;
    const settleBytes = (settled: Settled<Uint8Array>) =>
      settle(readSettled(CommittedSchema, settled));
    this.sendForBytes({ ...command, settle: settleBytes });
  }

  /** As `send`; what was committed comes back as the bytes of Committed. */
  sendForBytes(command: Sent<Uint8Array>): void {
    const isSent = this.#router.send(this.#slotOf(command.instrumentId), command);
    if (!isSent) command.settle({ kind: 'unsent' });
  }

  /** A book with `depth` levels a side, read from its leader (READ-1). */
  getBook(
    instrument: { readonly instrumentId: string; readonly instrumentNumber: number },
    depth: number,
  ): Promise<GetBookResponse> {
    const { instrumentId, instrumentNumber } = instrument;
    const slot = slotOf(instrumentId);
    return this.#mesh.read(
      (table) => findShardOfSlot(table, 'matching', slot),
      ({ matching }, shardId, options) =>
        matching.getBook({ shardId, instrumentNumber, depth }, options),
    );
  }

  stop(): void {
    this.#unsubscribe();
    this.#router.stop();
  }

  /** Instruments are few and asked for twice an order. */
  #slotOf(instrumentId: string): number {
    let slot = this.#slots.get(instrumentId);
    if (slot === undefined) {
      slot = slotOf(instrumentId);
      if (this.#slots.size < SLOTS_KEPT) this.#slots.set(instrumentId, slot);
    }
    return slot;
  }

  #findShardId(slot: number): string | undefined {
    const table = this.#mesh.cluster.table();
    return table === undefined ? undefined : findShardOfSlot(table, 'matching', slot)?.shardId;
  }

  #room(shardId: string): ShardRoom {
    let room = this.#rooms.get(shardId);
    if (room === undefined) {
      room = new ShardRoom(shardId, this.#mesh.world);
      this.#rooms.set(shardId, room);
    }
    return room;
  }

  #openLink(
    shardId: string,
    listener: LinkListener<Uint8Array>,
    address = this.#mesh.leaderAddressOf(shardId),
  ): Link<MatchingContent, Uint8Array> | undefined {
    if (address === undefined) return undefined;
    const clients = this.#mesh.clientsOf(address);
    const room = this.#room(shardId);
    const link = openProposeLink<MatchingContent, ProposeResponse>(
      {
        // The bytes of a message pass for it.
        call: (requests, options) =>
          clients.matching.propose(requests as AsyncIterable<ProposeRequest>, options),
        opening: writeMessage(ProposeRequestSchema, { shardId, reserve: ROOM_WANTED }),
        encodeBatch: (batch) => encodeMatchingBatch(shardId, batch),
        committed: CommittedSchema,
        results(response) {
          // Room belongs to one leadership; without any the stream is opened anew and asks again.
          if (response.reserved === 0 && response.results.length === 0) {
            throw new OperatingError('NOT_LEADER', `${shardId} grants no room.`);
          }
          if (response.reserved > 0) room.setGranted(response.reserved);
          return response.results;
        },
      },
      {
        onResults: listener.onResults,
        onBroken(why) {
          room.setGranted(0);
          listener.onBroken(why);
        },
      },
    );
    return {
      send: link.send,
      close() {
        room.setGranted(0);
        link.close();
      },
    };
  }
}

// A snapshot of a matching shard's whole state (SNAP-1): its slots and their generations, and the
// pieces of every slot, those that are frozen or being copied included.
import { assert } from '../../lib/base/assert.ts';
import { crc32OfBytes } from '../../lib/base/crc32.ts';
import type { SlotOwner } from '../../lib/routing/slot-command.ts';
import { piecesOfSlot } from './slot-pieces.ts';
import type { SlotStates } from './slot-states.ts';
import { SnapshotWriter } from './snapshot-bytes.ts';

/** First word of a snapshot in one. */
export const SNAPSHOT_MARK = 0x424d5331;
/** Version of the format; another one is not read. */
export const SNAPSHOT_VERSION = 2;

/** What a piece holds that is not of a slot. */
export const SHARD_PIECE = { table: 1, slot: 2, copy: 3, end: 4 } as const;

/** Owners of slots by their numbers. */
export const SLOT_OWNERS: readonly SlotOwner[] = ['NONE', 'OWNED', 'FROZEN'];

/** Pieces of a state without unfinished work. */
export function* snapshotPieces<E>(states: SlotStates<E>): Generator<Uint8Array, void, void> {
  yield tableOf(states);
  for (const { slot, shard } of states.all()) {
    assert(!shard.hasUnfinishedWork, 'a snapshot is taken between commands (LOG-17)');
    const writer = new SnapshotWriter();
    writer.word(SHARD_PIECE.slot);
    writer.word(slot);
    yield writer.written();
    yield* piecesOfSlot(shard);
  }
  for (const copy of states.copiesBySlot()) {
    const writer = new SnapshotWriter();
    writer.word(SHARD_PIECE.copy);
    writer.word(copy.state.slot);
    writer.number(copy.generation);
    writer.text(copy.sourceShardId);
    writer.word(copy.chunks);
    yield writer.written();
    yield* piecesOfSlot(copy.state.shard, copy.restorer.placeless);
  }
  const writer = new SnapshotWriter();
  writer.word(SHARD_PIECE.end);
  writer.text(states.checksum());
  yield writer.written();
}

function tableOf<E>({ table }: SlotStates<E>): Uint8Array {
  const writer = new SnapshotWriter();
  writer.word(SHARD_PIECE.table);
  writer.word(SNAPSHOT_VERSION);
  const seen = table.seen();
  writer.word(seen.length);
  for (const slot of seen) {
    writer.word(slot * SLOT_OWNERS.length + SLOT_OWNERS.indexOf(table.ownerOf(slot)));
    writer.number(table.generationOf(slot));
  }
  return writer.written();
}

/** All pieces in one, with a checksum over it. */
export function takeSnapshot<E>(states: SlotStates<E>): Uint8Array {
  const writer = new SnapshotWriter();
  writer.word(SNAPSHOT_MARK);
  writer.word(SNAPSHOT_VERSION);
  for (const piece of snapshotPieces(states)) writer.bytes(piece);
  writer.word(crc32OfBytes(writer.written()));
  return writer.written();
}

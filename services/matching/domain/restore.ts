// Restoring a matching shard from a snapshot (SNAP-1): the same state, which does the same from
// there on. Whatever is wrong with the bytes is found before anybody gets the machine.
import { crc32OfBytes } from '../../lib/base/crc32.ts';
import { slotOf } from '../../lib/routing/slot.ts';
import { checkRules } from '../../lib/rules/check-rules.ts';
import { Book, type StateAfterAuction } from './book.ts';
import { restoreOrders } from './restore-orders.ts';
import type { InstrumentRules, InstrumentState } from './rules.ts';
import type { Shard } from './shard.ts';
import { SNAPSHOT_MARK, SNAPSHOT_VERSION } from './snapshot.ts';
import { readFields, SnapshotError, SnapshotReader } from './snapshot-bytes.ts';

const CHECKSUM_BYTES = 4;

/**
 * Fills a shard that has done nothing yet.
 *
 * @throws SnapshotError when the bytes are not a whole snapshot of this version; the shard is then
 *   of no use
 */
export function restoreSnapshot(shard: Shard, bytes: Uint8Array): void {
  try {
    restoreAll(shard, bytes);
  } catch (error) {
    if (error instanceof SnapshotError) throw error;
    throw new SnapshotError(`the snapshot is not of a state: ${(error as Error).message}`);
  }
}

function restoreAll(shard: Shard, bytes: Uint8Array): void {
  if (bytes.length < CHECKSUM_BYTES * 3) throw new SnapshotError('the snapshot is cut');
  const body = bytes.subarray(0, bytes.length - CHECKSUM_BYTES);
  const last = new SnapshotReader(bytes.subarray(body.length));
  const reader = new SnapshotReader(body);
  if (reader.word() !== SNAPSHOT_MARK) throw new SnapshotError('these bytes are no snapshot');
  const version = reader.word();
  if (version !== SNAPSHOT_VERSION) {
    throw new SnapshotError(`a snapshot of version ${version} is not read`);
  }
  if (last.word() >>> 0 !== crc32OfBytes(body)) {
    throw new SnapshotError(
      'the snapshot is cut or changed: its checksum is not that of its bytes',
    );
  }
  const checksum = reader.text();
  for (let left = reader.count(12); left > 0; left -= 1) {
    const slot = reader.word();
    shard.slots.acquire(slot, reader.number());
  }
  for (let left = reader.count(12); left > 0; left -= 1) {
    const key = reader.text();
    shard.forbids.remember(key, reader.number());
  }
  for (let left = reader.count(64); left > 0; left -= 1) restoreBook(reader, shard);
  reader.end();
  if (shard.checksum() !== checksum) {
    throw new SnapshotError('the snapshot does not lead to the state that it names');
  }
}

function restoreBook(reader: SnapshotReader, shard: Shard): void {
  const { life } = shard;
  const rules = readFields(reader) as unknown as InstrumentRules;
  const problem = checkRules(rules);
  if (problem !== undefined) throw new SnapshotError(`the snapshot has wrong ${problem.field}`);
  const state = reader.text() as InstrumentState;
  const place = { slot: slotOf(rules.instrumentId), bookNumber: shard.books.size };
  const book = new Book(rules, state, place, life.resting.stores);
  book.sequence = reader.number();
  book.arrivals = reader.number();
  book.lastPriceUnits = reader.number();
  book.checkedPriceUnits = reader.number();
  book.setStaticReference(reader.number());
  book.mayBeCrossed = reader.boolean();
  book.stateBefore = reader.text() as InstrumentState;
  book.auctionEndTimeUs = reader.number();
  book.stateAfterAuction = reader.text() as StateAfterAuction;
  shard.books.set(rules.instrumentNumber, book);
  life.books.push(book);
  shard.auctions.note(book);

  restoreOrders(reader, life, book);
}

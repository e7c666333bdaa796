// A replica as the rows of a snapshot (SNAP-1): its place in the log, the memory of identities
// (LOG-11) and the state of its machine, in pieces that no row cuts.

import { createHash } from 'node:crypto';
import { StateDamaged, StateReader, StateWriter } from '../base/state-bytes.ts';
import type { UnfinishedCommand } from './entry-builder.ts';
import { CHAIN_CHECKSUM_BYTES } from './log-entry.ts';
import { Replica, type ReplicaOptions, type ReplicaPlace } from './replica.ts';
import type { StateRestorer } from './state-machine.ts';
import { useVersion } from './versions.ts';
import { MOST_ROW_BYTES } from './world.ts';

/** Version of the format of the rows; a machine's own format has the machine's version. */
export const SNAPSHOT_VERSION = 2;

/** What a piece holds. */
const PIECE = { place: 1, identities: 2, machine: 3, end: 4 } as const;
/** Kind and length of a piece come before it. */
const HEADER_BYTES = 1 + 4;

/** The rows of a replica's snapshot. The replica must stand still until the last one is read. */
export function* snapshotRows<C, E, A>(
  replica: Replica<C, E, A>,
  shardId: string,
): Generator<Uint8Array, void, void> {
  const row = new StateWriter();
  for (const [kind, piece] of piecesOf(replica, shardId)) {
    if (row.length + HEADER_BYTES + piece.length > MOST_ROW_BYTES) yield row.take();
    row.byte(kind);
    row.bytes(piece);
  }
  yield row.take();
}

function* piecesOf<C, E, A>(
  replica: Replica<C, E, A>,
  shardId: string,
): Generator<readonly [kind: number, piece: Uint8Array], void, void> {
  const { machine } = replica;
  if (machine.snapshotPieces === undefined) throw new Error('this machine writes no snapshots');
  yield [PIECE.place, encodePlace(replica.place, shardId, machine.formatVersion)];
  for (const piece of replica.identities.snapshot()) yield [PIECE.identities, piece];
  for (const piece of machine.snapshotPieces()) yield [PIECE.machine, piece];
  yield [PIECE.end, new Uint8Array(0)];
}

function encodePlace(place: ReplicaPlace, shardId: string, formatVersion: number): Uint8Array {
  const { point, unfinished } = place;
  const writer = new StateWriter();
  writer.whole(SNAPSHOT_VERSION);
  writer.text(shardId);
  writer.whole(formatVersion);
  writer.whole(point.entryIndex);
  writer.text(point.chainChecksum);
  writer.whole(place.epoch);
  writer.whole(place.logTimeUs);
  writer.whole(place.nextSequence);
  writer.bytes(place.identityKey);
  writer.boolean(unfinished !== undefined);
  if (unfinished !== undefined) {
    writer.whole(unfinished.entryIndex);
    writer.whole(unfinished.record);
    writer.text(unfinished.identity);
    writer.text(unfinished.traceContext);
  }
  return writer.take();
}

/** Takes a replica over from the rows of its snapshot. */
export class ReplicaRestorer<C, E, A> {
  readonly #shardId: string;
  readonly #replica: Replica<C, E, A>;
  readonly #machine: StateRestorer;
  #identities: Generator<void, void, Uint8Array> | undefined;
  /** Kind of the last piece; kinds never go back. */
  #kind = 0;

  /** @throws Error when the machine takes no snapshots over. */
  constructor(options: ReplicaOptions<C, E, A>) {
    this.#shardId = options.shardId;
    this.#replica = new Replica(options);
    const machine = this.#replica.machine.beginRestore?.();
    if (machine === undefined) throw new Error('this machine takes no snapshots over');
    this.#machine = machine;
  }

  /**
   * @throws Error when the row is not the next one of a snapshot of this version,
   * VersionUnsupported when its state has a version that this program lacks.
   */
  take(row: Uint8Array): void {
    const reader = new StateReader(row);
    while (!reader.done) {
      const kind = reader.byte();
      const isInPlace = kind > this.#kind || (kind === this.#kind && kind !== PIECE.place);
      if (!isInPlace || this.#kind === PIECE.end || (this.#kind === 0 && kind !== PIECE.place)) {
        throw new StateDamaged('a piece stands in the wrong place');
      }
      this.#kind = kind;
      this.#takePiece(kind, reader.bytes());
    }
  }

  #takePiece(kind: number, piece: Uint8Array): void {
    switch (kind) {
      case PIECE.place:
        this.#replica.moveTo(this.#decodePlace(piece));
        this.#identities = this.#replica.identities.restore();
        this.#identities.next();
        break;
      case PIECE.identities:
        this.#identities?.next(piece);
        break;
      case PIECE.machine:
        this.#machine.take(piece);
        break;
      case PIECE.end:
        this.#machine.end();
        break;
      default:
        throw new StateDamaged(`there are no pieces of kind ${kind}`);
    }
  }

  #decodePlace(piece: Uint8Array): ReplicaPlace {
    const reader = new StateReader(piece);
    const version = reader.whole();
    if (version !== SNAPSHOT_VERSION) throw new StateDamaged(`it has version ${version}`);
    const shardId = reader.text();
    if (shardId !== this.#shardId) throw new StateDamaged(`it is of shard ${shardId}`);
    useVersion(this.#replica.machine, reader.whole());
    const place = {
      point: { entryIndex: reader.whole(), chainChecksum: reader.text() },
      epoch: reader.whole(),
      logTimeUs: reader.whole(),
      nextSequence: reader.whole(),
      identityKey: Uint8Array.from(reader.bytes()),
      unfinished: reader.boolean() ? readUnfinished(reader) : undefined,
    };
    if (!reader.done) throw new StateDamaged('something follows the place');
    return place;
  }

  /** @throws Error when rows are missing. */
  end(): Replica<C, E, A> {
    if (this.#kind !== PIECE.end) throw new StateDamaged('its end is missing');
    return this.#replica;
  }
}

function readUnfinished(reader: StateReader): UnfinishedCommand {
  return {
    entryIndex: reader.whole(),
    record: reader.whole(),
    identity: reader.text(),
    traceContext: reader.text(),
  };
}

/** The checksum of a snapshot's rows. */
export class ContentChecksum {
  readonly #hash = createHash('sha256');

  add(row: Uint8Array): void {
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32LE(row.length);
    this.#hash.update(length).update(row);
  }

  /** 32 hexadecimal digits; to be asked once. */
  toText(): string {
    return this.#hash.digest('hex').slice(0, CHAIN_CHECKSUM_BYTES * 2);
  }
}

// What one row of a shard's log holds, and the checksum that chains the rows (LOG-6, LOG-12).

import { createHash } from 'node:crypto';

/** One entry as it is stored. */
export type LogEntry = {
  /** Dense place of the entry in its shard's log, from 1. */
  readonly entryIndex: number;
  readonly epoch: number;
  readonly logTimeUs: number;
  readonly formatVersion: number;
  /** Sequence of the first event; of the next event when the entry has none. */
  readonly firstSequence: number;
  readonly eventCount: number;
  readonly commandCount: number;
  /** Encoded bourse.log.v1.CommandBatch. */
  readonly commands: Uint8Array;
  /** Encoded bourse.log.v1.OutcomeBatch. */
  readonly outcomes: Uint8Array;
  /** Checksum of this entry and of all before it: 32 hexadecimal digits. */
  readonly chainChecksum: string;
};

/** A place in a log together with the checksum of everything up to it (LOG-12). */
export type LogPoint = {
  /** 0 names the empty log. */
  readonly entryIndex: number;
  readonly chainChecksum: string;
};

/** A point that somebody has seen and that the log must have (LOG-12). */
export type SeenPoint = LogPoint & { readonly seenBy: string };

/** Length of a chain checksum in bytes. */
export const CHAIN_CHECKSUM_BYTES = 16;

/** Digits of a chain checksum. */
const CHECKSUM_DIGITS = CHAIN_CHECKSUM_BYTES * 2;

/** The chain checksum before a shard's first entry. */
export function genesisChecksum(shardId: string): string {
  return createHash('sha256')
    .update(`bourse log of ${shardId}`)
    .digest('hex')
    .slice(0, CHECKSUM_DIGITS);
}

/** The point before a shard's first entry. */
export function genesisPoint(shardId: string): LogPoint {
  return { entryIndex: 0, chainChecksum: genesisChecksum(shardId) };
}

/** The chain checksum that an entry has when it follows `previousChecksum`. */
export function chainChecksum(
  previousChecksum: string,
  entry: Omit<LogEntry, 'chainChecksum'>,
): string {
  const head = Buffer.allocUnsafe(CHAIN_CHECKSUM_BYTES + 52);
  head.write(previousChecksum, 0, 'hex');
  let at = CHAIN_CHECKSUM_BYTES;
  at = head.writeBigUInt64LE(BigInt(entry.entryIndex), at);
  at = head.writeBigUInt64LE(BigInt(entry.epoch), at);
  at = head.writeBigUInt64LE(BigInt(entry.logTimeUs), at);
  at = head.writeBigUInt64LE(BigInt(entry.firstSequence), at);
  at = head.writeUInt32LE(entry.formatVersion, at);
  at = head.writeUInt32LE(entry.eventCount, at);
  at = head.writeUInt32LE(entry.commandCount, at);
  at = head.writeUInt32LE(entry.commands.length, at);
  head.writeUInt32LE(entry.outcomes.length, at);
  return createHash('sha256')
    .update(head)
    .update(entry.commands)
    .update(entry.outcomes)
    .digest('hex')
    .slice(0, CHECKSUM_DIGITS);
}

// Entries of a log as lines of text, to keep a copy outside of the database and to put entries back
// that it has lost (LOG-12).

import { chainChecksum, type LogEntry } from './log-entry.ts';

/** One line. */
export function encodeDumped(shardId: string, { commands, outcomes, ...rest }: LogEntry): string {
  const bytes = {
    commands: Buffer.from(commands).toString('base64'),
    outcomes: Buffer.from(outcomes).toString('base64'),
  };
  return `${JSON.stringify({ shardId, ...rest, ...bytes })}\n`;
}

/** @throws Error when the line is not an entry of the shard, as `encodeDumped` writes it */
export function decodeDumped(shardId: string, line: string): LogEntry {
  const parsed = JSON.parse(line) as Record<string, unknown>;
  const whole = (name: string): number => {
    const value = parsed[name];
    if (!Number.isSafeInteger(value)) throw new Error(`${name} is no whole number`);
    return value as number;
  };
  const text = (name: string): string => {
    const value = parsed[name];
    if (typeof value !== 'string') throw new Error(`${name} is no text`);
    return value;
  };
  if (text('shardId') !== shardId) throw new Error(`it is of shard ${text('shardId')}`);
  return {
    entryIndex: whole('entryIndex'),
    epoch: whole('epoch'),
    logTimeUs: whole('logTimeUs'),
    formatVersion: whole('formatVersion'),
    firstSequence: whole('firstSequence'),
    eventCount: whole('eventCount'),
    commandCount: whole('commandCount'),
    commands: Buffer.from(text('commands'), 'base64'),
    outcomes: Buffer.from(text('outcomes'), 'base64'),
    chainChecksum: text('chainChecksum'),
  };
}

/** @throws Error when an entry does not stand right behind another one. */
export function checkFollows(entry: LogEntry, previous: LogEntry): void {
  const follows =
    entry.entryIndex === previous.entryIndex + 1 &&
    entry.epoch >= previous.epoch &&
    chainChecksum(previous.chainChecksum, entry) === entry.chainChecksum;
  if (!follows) {
    throw new Error(`entry ${entry.entryIndex} does not follow entry ${previous.entryIndex}`);
  }
}

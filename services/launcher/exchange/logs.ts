// The log files of the processes, and their bound.

import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

/** A longer log is moved to `<name>.log.1`, which replaces the one before. */
const LONGEST_LOG_BYTES = 64 * 1024 * 1024;
const LOOK_EVERY_MS = 60_000;
const SHOWN_REASON_LENGTH = 300;

export type LogFolder = {
  fileOf(nodeId: string): string;
  /** What a process said last, for a message to a person; empty when it said nothing. */
  lastLineOf(nodeId: string): string;
  /** Ends the watch over the sizes. */
  close(): void;
};

/** Makes the folder and keeps its files bounded: processes append, so a file can be cut in place. */
export function openLogFolder(dataFolder: string, nodeIds: readonly string[]): LogFolder {
  const folder = join(dataFolder, 'logs');
  mkdirSync(folder, { recursive: true });
  const fileOf = (nodeId: string) => join(folder, `${nodeId}.log`);
  const boundAll = () => {
    for (const nodeId of nodeIds) boundLog(fileOf(nodeId));
  };
  boundAll();
  const timer = setInterval(boundAll, LOOK_EVERY_MS);
  timer.unref();
  return {
    fileOf,
    lastLineOf: (nodeId) => lastLine(fileOf(nodeId)),
    close: () => clearInterval(timer),
  };
}

function boundLog(file: string): void {
  if (!existsSync(file) || statSync(file).size < LONGEST_LOG_BYTES) return;
  copyFileSync(file, `${file}.1`);
  truncateSync(file);
}

function lastLine(file: string): string {
  return existsSync(file) ? lastReason(readFileSync(file, 'utf8')) : '';
}

/** The last line that says why: a sentence of ours, an error's first line, not its stack. */
export function lastReason(text: string): string {
  const lines = text.split('\n');
  const reason = lines.findLast((line) => /^\S/.test(line) && /\.$|Error\b.*:/.test(line));
  const last = reason ?? lines.findLast((line) => line !== '') ?? '';
  return sentenceOf(last).slice(0, SHOWN_REASON_LENGTH);
}

/** What a line of the log says to a person: of a line of JSON its error, else its message. */
function sentenceOf(line: string): string {
  if (!line.startsWith('{')) return line;
  try {
    const { error, message } = JSON.parse(line) as { error?: Error; message?: string };
    return error?.message ?? message ?? line;
  } catch {
    return line;
  }
}

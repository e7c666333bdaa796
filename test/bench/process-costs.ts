// What processes cost: memory over time, and processor time.

import { readdirSync, readFileSync } from 'node:fs';

const BYTES_PER_KB = 1_024;
const BYTES_PER_MB = 1_000_000;
/** The unit of Linux for processor time. */
const MS_PER_TICK = 10;
/** Fields of /proc/PID/stat behind the name: the parent, then own times, then ended children's. */
const PARENT_FIELD = 1;
const USER_TIME_FIELD = 11;
const TIME_FIELDS = 2;
const TIME_FIELDS_WITH_CHILDREN = 4;

/** Resident memory of a process, in megabytes; undefined when it does not run. */
export function residentMb(processId: number | undefined): number | undefined {
  const status = readOr(`/proc/${processId}/status`, '');
  const kb = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kb === undefined ? undefined : (Number(kb) * BYTES_PER_KB) / BYTES_PER_MB;
}

/** Processor time that a process has used, in milliseconds; 0 when it does not run. */
export function processorMs(processId: number | undefined): number {
  return timeIn(statOf(processId), TIME_FIELDS);
}

/** Processor time of the PostgreSQL that listens on a port, all of its processes; 0 without one. */
export function postgresMs(port: number): number {
  const processIds = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  const server = processIds.find((processId) => {
    const words = readOr(`/proc/${processId}/cmdline`, '').split('\0');
    return words[0]?.endsWith('postgres') === true && words.includes(`port=${port}`);
  });
  if (server === undefined) return 0;
  const workers = processIds
    .map(statOf)
    .filter((fields) => Number(fields[PARENT_FIELD]) === server);
  const own = timeIn(statOf(server), TIME_FIELDS_WITH_CHILDREN);
  return workers.reduce((sum, fields) => sum + timeIn(fields, TIME_FIELDS), own);
}

function timeIn(stat: readonly string[], fields: number): number {
  const times = stat.slice(USER_TIME_FIELD, USER_TIME_FIELD + fields);
  return times.reduce((sum, ticks) => sum + Number(ticks), 0) * MS_PER_TICK;
}

/** The fields behind the name of the program, which may hold anything, in brackets. */
function statOf(processId: number | undefined): readonly string[] {
  const stat = readOr(`/proc/${processId}/stat`, '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}

/** Slope of the straight line nearest to the points; 0 for fewer than two. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const count = points.length;
  if (count < 2) return 0;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / count;
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const together = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return spread === 0 ? 0 : together / spread;
}

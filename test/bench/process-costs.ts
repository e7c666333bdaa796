// What processes cost: memory over time, and processor time.

import { readFileSync } from 'node:fs';

const BYTES_PER_KB = 1_024;
const BYTES_PER_MB = 1_000_000;
/** The unit of Linux for processor time. */
const MS_PER_TICK = 10;
const USER_TIME_FIELD = 11;

/** Resident memory of a process, in megabytes; undefined when it does not run. */
export function residentMb(processId: number | undefined): number | undefined {
  try {
    const status = readFileSync(`/proc/${processId}/status`, 'utf8');
    const kb = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
    return kb === undefined ? undefined : (Number(kb) * BYTES_PER_KB) / BYTES_PER_MB;
  } catch {
    return undefined;
  }
}

/** Processor time that a process has used, in milliseconds; 0 when it does not run. */
export function processorMs(processId: number | undefined): number {
  try {
    const stat = readFileSync(`/proc/${processId}/stat`, 'utf8');
    // The name of the program, in brackets, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [user, system] = fields.slice(USER_TIME_FIELD, USER_TIME_FIELD + 2);
    return (Number(user) + Number(system)) * MS_PER_TICK;
  } catch {
    return 0;
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

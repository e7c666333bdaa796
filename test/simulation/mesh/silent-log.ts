// A logger of a simulated process: its lines go into the history of the run, without their fields.

import type { Logger } from '../../../services/lib/platform/telemetry/logger.ts';

export type LogLine = {
  readonly level: string;
  readonly message: string;
  readonly fields: unknown;
};

/** What the services use of a logger. */
export function simulatedLog(onLine: (line: LogLine) => void): Logger {
  const write =
    (level: string) =>
    (first: unknown, second?: unknown): void => {
      const message = typeof first === 'string' ? first : String(second ?? '');
      onLine({ level, message, fields: typeof first === 'string' ? undefined : first });
    };
  const log = {
    trace: () => {},
    debug: () => {},
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    fatal: write('fatal'),
    isLevelEnabled: () => false,
  };
  return log as unknown as Logger;
}

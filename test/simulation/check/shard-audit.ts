// What the checks know of every shard: its own repetition of the shard's log.

import type { LogEntry, LogPoint } from '../../../services/lib/shard/log-entry.ts';
import type { MovableSlots } from '../../../services/lib/shard/state-machine.ts';

/** A shard's audit, whatever its machine. */
export type ShardAudit = {
  readonly replica: {
    readonly machine: {
      stateChecksum(): string;
      readonly slots?: Pick<MovableSlots<never>, 'statusOf'>;
    };
    readonly point: LogPoint;
  };
  take(entry: LogEntry): void;
  checksumFrom(rows: readonly Uint8Array[], entries: readonly LogEntry[]): string;
};

/** By shard id. */
export type Audits = ReadonlyMap<string, ShardAudit>;

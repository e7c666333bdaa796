// Looks at every entry at the moment in which it is durable: one chain, epochs that only grow, one
// writer for each of them, no identity twice; and repeats it on a replica of its own, which must
// come to the same (LOG-1, LOG-2, LOG-7, LOG-11, LOG-15).

import type { CommittedEntry } from '../../../services/lib/shard/committed-entry.ts';
import { decodeEntry } from '../../../services/lib/shard/committed-entry.ts';
import { decodeCommandBatch } from '../../../services/lib/shard/entry-codec.ts';
import {
  chainChecksum,
  genesisChecksum,
  type LogEntry,
} from '../../../services/lib/shard/log-entry.ts';
import { ANSWER_WINDOW_US, type ShardCodec } from '../../../services/lib/shard/proposal.ts';
import { Replica } from '../../../services/lib/shard/replica.ts';
import { ReplicaRestorer } from '../../../services/lib/shard/replica-snapshot.ts';
import type { StateMachine } from '../../../services/lib/shard/state-machine.ts';
import type { Findings } from './findings.ts';

/** Refusals that no shard remembers: the command goes to another shard, or comes again. */
const PASSED_ON: ReadonlySet<string> = new Set(['WRONG_SHARD', 'SLOT_MOVING', 'SETTLEMENT_LAG']);
const MOST_IDENTITIES = 20_000;

export type LogAuditOptions<C, E, A> = {
  readonly shardId: string;
  readonly createMachine: () => StateMachine<C, E, A>;
  readonly codec: ShardCodec<C, E, A>;
  readonly findings: Findings;
  /** Log time until which an identity is remembered: of all shards between which slots move. */
  readonly identities: Map<string, number>;
  /** Whether a command belongs to a slot, with which its identity moves. */
  readonly isOfSlot: (command: C) => boolean;
  /** Told about every entry once it has been repeated. */
  readonly onEntry: (entry: CommittedEntry<E, A>) => void;
  /** In whose name the present statement was sent. */
  readonly writer: () => string;
};

export class LogAudit<C, E, A> {
  readonly replica: Replica<C, E, A>;
  readonly #options: LogAuditOptions<C, E, A>;
  readonly #writerOfEpoch = new Map<number, string>();
  #last: LogEntry | undefined;
  #isBroken = false;

  constructor(options: LogAuditOptions<C, E, A>) {
    this.#options = options;
    const { shardId, createMachine, codec } = options;
    this.replica = new Replica({
      ...{ shardId, createMachine, codec, maximumIdentities: MOST_IDENTITIES },
    });
  }

  take(entry: LogEntry): void {
    if (this.#isBroken) return;
    this.#checkPlace(entry);
    this.#last = entry;
    try {
      const decoded = decodeEntry(entry, this.#options.codec);
      this.#checkIdentities(entry, decoded);
      this.replica.repeat(entry, 0);
      this.#options.onEntry(decoded);
    } catch (error) {
      this.#find('LOG-7', `entry ${entry.entryIndex}: ${(error as Error).message}`);
    }
  }

  /** SNAP-1: checksum of the state that a snapshot and the entries behind it come to. */
  checksumFrom(rows: readonly Uint8Array[], entries: readonly LogEntry[]): string {
    const { shardId, createMachine, codec } = this.#options;
    const options = { shardId, createMachine, codec, maximumIdentities: MOST_IDENTITIES };
    const restorer = new ReplicaRestorer<C, E, A>(options);
    for (const row of rows) restorer.take(row);
    const replica = restorer.end();
    for (const entry of entries.slice(replica.point.entryIndex)) replica.repeat(entry, 0);
    return replica.machine.stateChecksum();
  }

  #find(rule: string, message: string): void {
    this.#isBroken = true;
    this.#options.findings.add(rule, `${this.#options.shardId}: ${message}`);
  }

  #checkPlace(entry: LogEntry): void {
    const last = this.#last;
    const { entryIndex, epoch } = entry;
    const before = last?.chainChecksum ?? genesisChecksum(this.#options.shardId);
    if (entryIndex !== (last?.entryIndex ?? 0) + 1) {
      this.#find('LOG-1', `entry ${entryIndex} was written behind entry ${last?.entryIndex ?? 0}`);
    } else if (chainChecksum(before, entry) !== entry.chainChecksum) {
      this.#find('LOG-1', `entry ${entryIndex} does not continue the chain`);
    }
    const lastEpoch = last?.epoch ?? 0;
    if (epoch < lastEpoch) this.#find('LOG-2', `epoch ${epoch} after ${lastEpoch}`);
    const startsEpoch = decodeCommandBatch(entry.commands)[0]?.epochStarted !== undefined;
    if (startsEpoch !== epoch > lastEpoch) {
      this.#find('LOG-2', `entry ${entryIndex} of epoch ${epoch} does not begin its epoch`);
    }
    const writer = this.#options.writer();
    const known = this.#writerOfEpoch.get(epoch);
    this.#writerOfEpoch.set(epoch, writer);
    if (known !== undefined && known !== writer) {
      this.#find('LOG-1', `epoch ${epoch} was written by ${known} and by ${writer}`);
    }
  }

  /** A command has one effect, in whatever shard its slot is by then (LOG-11, MOV-3). */
  #checkIdentities(entry: LogEntry, { commands }: CommittedEntry<E, A>): void {
    const { identities, shardId, codec } = this.#options;
    const records = decodeCommandBatch(entry.commands);
    for (const [at, record] of records.entries()) {
      const { identity, validUntilUs } = record;
      const outcome = commands[at]?.outcome;
      const isPassedOn = outcome?.kind === 'refused' && PASSED_ON.has(outcome.refusal.reason);
      if (identity === '' || isPassedOn) continue;
      // What is no slot's may have the same name elsewhere.
      const key = this.#options.isOfSlot(codec.decodeCommand(record.command))
        ? identity
        : `${shardId} ${identity}`;
      const until = identities.get(key);
      if (until !== undefined && until >= entry.logTimeUs) {
        this.#find('LOG-11', `${identity} was applied twice, again in entry ${entry.entryIndex}`);
      }
      identities.set(key, validUntilUs + ANSWER_WINDOW_US);
    }
  }
}

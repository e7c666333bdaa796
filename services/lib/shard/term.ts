// One leadership of a host with what accompanies it: snapshots (SNAP-2, LOG-7), the check that the
// database keeps its promise (LOG-9), and that this host still leads (REP-7).

import type { LogTrouble } from './appender.ts';
import type { CandidacyEnd } from './candidacy.ts';
import type { ShardHostOptions } from './host-options.ts';
import { Leadership } from './leadership.ts';
import type { LeadershipEnd } from './leadership-options.ts';
import type { HostObserver } from './observer.ts';
import { OwnSnapshot } from './own-snapshot.ts';
import { DEFAULT_QUEUE_LIMITS } from './proposal-queue.ts';
import type { Quarantine } from './quarantine.ts';
import { keepSnapshots } from './snapshot-keeper.ts';
import { LogNotDurable, type LogStore, type Timer } from './world.ts';

/** The replica that was elected. */
export type Elected<C, E, A> = Extract<CandidacyEnd<C, E, A>, { readonly kind: 'elected' }>;

export type TermOptions<C, E, A> = {
  readonly host: ShardHostOptions<C, E, A>;
  readonly log: LogStore;
  readonly observer: HostObserver<E, A>;
  readonly quarantine: Pick<Quarantine, 'holds'>;
  readonly epoch: number;
  readonly elected: Elected<C, E, A>;
  readonly onTrouble: (trouble: LogTrouble | undefined) => void;
  readonly onEnded: (leadership: Leadership<C, E, A>, end: LeadershipEnd) => void;
};

const DEFAULT_STATE_CHECKSUM_INTERVAL = 100_000;
const DURABILITY_CHECK_MS = 60_000;
/** A leader for whom nothing is committed looks this often whether it leads (REP-7). */
const IDLE_PROOF_MS = 1_000;

/** Begins to lead; whatever accompanies the leadership ends with it. */
export function beginTerm<C, E, A>(options: TermOptions<C, E, A>): Leadership<C, E, A> {
  const { host, log, observer, quarantine, epoch, elected, onTrouble, onEnded } = options;
  const { world, shardId, codec, snapshots: plan } = host;
  const { replica, hasStateChecksum } = elected;
  const { onSnapshotEnd: onEnd } = observer;
  const ownSnapshot = new OwnSnapshot({
    ...{ world, shardId, epoch },
    wantChecksum: () => leadership.wantChecksum(),
    onEnd: (end) => onEnd?.(end),
  });
  const leadership: Leadership<C, E, A> = new Leadership({
    ...{ world, log, shardId, epoch, replica, hasStateChecksum, codec, observer, ownSnapshot },
    queueLimits: host.queueLimits ?? DEFAULT_QUEUE_LIMITS,
    findBar: ({ identity, command, raisesVersionTo }) => {
      if (quarantine.holds(identity)) return 'COMMAND_QUARANTINED';
      return raisesVersionTo === undefined ? host.refuses?.(command) : undefined;
    },
    stateChecksumInterval: host.stateChecksumInterval ?? DEFAULT_STATE_CHECKSUM_INTERVAL,
    onTrouble,
    onEntry: (point, commandCount, hasChecksum) => {
      keeper?.committed(point, commandCount, hasChecksum);
      if (hasChecksum) ownSnapshot.committed(point);
    },
    onEnded: (end) => {
      keeper?.stop();
      durability.timer.cancel();
      proof.timer.cancel();
      onEnded(leadership, end);
    },
  });
  const keeper = keepSnapshots(replica, {
    ...{ world, shardId, plan, onEnd, hasStateChecksum },
    epoch: () => epoch,
    isWrittenElsewhere: () => leadership.standbys.count > 0,
  });
  const durability = watchDurability(options, leadership);
  const proof = proveWhileIdle(options, leadership);
  return leadership;
}

/** Who was paused and has nothing to commit would not notice that another leads. */
function proveWhileIdle<C, E, A>(
  { host: { world } }: TermOptions<C, E, A>,
  leadership: Leadership<C, E, A>,
): { timer: Timer } {
  let seenIndex = 0;
  const prove = (): void => {
    const { entryIndex } = leadership.committed.end;
    // Who is no leader ends by the proof itself (READ-1).
    if (entryIndex === seenIndex) leadership.waitForProof(nothing, nothing);
    seenIndex = entryIndex;
    if (!leadership.ended) proof.timer = world.setTimer(IDLE_PROOF_MS, prove);
  };
  const proof = { timer: world.setTimer(IDLE_PROOF_MS, prove) };
  return proof;
}

function nothing(): void {}

function watchDurability<C, E, A>(
  { host, log }: TermOptions<C, E, A>,
  leadership: Leadership<C, E, A>,
): { timer: Timer } {
  const check = (): void => {
    log.checkDurability().catch((error: unknown) => {
      if (!(error instanceof LogNotDurable)) return; // unreachable: the next append will tell
      leadership.endBecause({ kind: 'deposed', reason: error.message });
    });
    if (!leadership.ended) watch.timer = host.world.setTimer(DURABILITY_CHECK_MS, check);
  };
  const watch = { timer: host.world.setTimer(DURABILITY_CHECK_MS, check) };
  return watch;
}

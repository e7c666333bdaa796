// Bugs that the simulator must find, planted from outside into the code that runs: nothing of this
// is a switch in the services. Each returns what takes it out again.

import { Settlement } from '../../../services/account/adapter/settlement/settlement.ts';
import { AccountMachine } from '../../../services/account/domain/account-machine.ts';
import { SlotWatermarks } from '../../../services/account/domain/slot-watermarks.ts';
import { ShardConnections } from '../../../services/coordinator/adapter/shard-connections.ts';
import { Identities } from '../../../services/lib/shard/identities.ts';
import { SlotPuller } from '../../../services/lib/shard/moves/slot-puller.ts';
import { ReadGate } from '../../../services/lib/shard/read-gate.ts';
import { CandleSeries } from '../../../services/marketdata/domain/candles.ts';
import { SimulatedUpkeep } from '../../support/shard/simulated-upkeep.ts';
import type { FaultKind } from '../faults.ts';
import { ProcessWorld } from '../kernel/process.ts';
import type { SimulatedMesh } from '../mesh/mesh.ts';

export type PlantedBug = {
  readonly name: string;
  /** Rules of which one must be named by what the simulator finds. */
  readonly rules: readonly string[];
  readonly plant: (mesh: SimulatedMesh) => () => void;
  /** Only these faults, where others would only be in the way. */
  readonly faults?: readonly FaultKind[];
};

export const PLANTED_BUGS: readonly PlantedBug[] = [
  { name: 'an answer before the commit', rules: ['LOG-5'], plant: answerBeforeCommit },
  { name: 'a skipped fence', rules: ['LOG-1', 'LOG-2'], plant: skipFence },
  { name: 'an identity forgotten too early', rules: ['LOG-11'], plant: forgetIdentities },
  {
    name: "a hold released without the matching shard's word",
    rules: ['HLD-3', 'HLD-5', 'HLD-8'],
    plant: releaseHolds,
  },
  {
    name: 'a roll-back without RefuseImport',
    rules: ['MOV-5'],
    plant: skipRefuseImport,
    faults: ['move'],
  },
  {
    name: 'an account slot without its watermarks',
    rules: ['MOV-7', 'HLD-5'],
    plant: forgetWatermarks,
    faults: ['move'],
  },
  {
    name: 'a read that does not wait for settlement',
    rules: ['LINEARIZABLE'],
    plant: readUnsettled,
    faults: ['log', 'pause'],
  },
  { name: 'a read from a deposed leader', rules: ['READ-1'], plant: readWithoutProof },
  {
    name: 'a consumer that confirms what it has not settled',
    rules: ['SNAP-4'],
    plant: confirmUnsettled,
    faults: ['pause', 'cut', 'network'],
  },
  {
    name: 'market data that forgets the candles it had begun',
    rules: ['CON-1'],
    plant: forgetOpenCandles,
    faults: ['crash'],
  },
];

/** Replaces a method of a class until the returned function is called. */
function replaceMethod<T extends object, K extends keyof T>(
  owner: T,
  name: K,
  make: (original: T[K]) => T[K],
): () => void {
  const original = owner[name];
  owner[name] = make(original);
  return () => {
    owner[name] = original;
  };
}

/** The log says "committed" as soon as an entry is sent. */
function answerBeforeCommit(): () => void {
  return replaceMethod(
    ProcessWorld.prototype,
    'openLog',
    (open) =>
      function openHasty(this: ProcessWorld, shardId: string) {
        const log = open.call(this, shardId);
        const append = log.append.bind(log);
        log.append = async (entry, fence) => {
          append(entry, fence).catch(() => {});
          return 'committed';
        };
        return log;
      },
  );
}

/** The database takes an entry wherever it wants to stand, whoever sends it. */
function skipFence({ database }: SimulatedMesh): () => void {
  database.plantedAppend = (shardId, entry) => {
    database.entriesOf(shardId)[entry.entryIndex - 1] = entry;
    return 'committed';
  };
  return () => {
    database.plantedAppend = undefined;
  };
}

function forgetIdentities(): () => void {
  const restoreFind = replaceMethod(Identities.prototype, 'find', () => () => undefined);
  const restoreRemember = replaceMethod(
    Identities.prototype,
    'remember',
    (remember) =>
      function rememberFirst(this: Identities, command) {
        try {
          remember.call(this, command);
        } catch {
          // It was there already: that is the bug.
        }
      },
  );
  return () => {
    restoreFind();
    restoreRemember();
  };
}

/** A hold that is still only placed after a while is given back by the account shard itself. */
function releaseHolds(): () => void {
  const PATIENCE_US = 20_000;
  return replaceMethod(
    AccountMachine.prototype,
    'advance',
    (advance) =>
      function advanceAndRelease(this: AccountMachine, logTimeUs, emit) {
        advance.call(this, logTimeUs, emit);
        const { state } = this;
        for (const account of state.accountsByNumber.values()) {
          for (const order of account.liveOrders.values()) {
            if (order.holdState !== 'PLACED' || order.placedTimeUs + PATIENCE_US > logTimeUs)
              continue;
            state.ledger.release(account.balance(order.holdAssetNumber), order.heldUnits);
            order.heldUnits = 0n;
            state.digest.mark(order);
          }
        }
      },
  );
}

/** A slot that comes is taken to stand where its new shard stands, for every source. */
function forgetWatermarks(): () => void {
  return replaceMethod(SlotWatermarks.prototype, 'set', () => () => {});
}

/** What is read of an order is what the account shard has settled so far. */
function readUnsettled(): () => void {
  return replaceMethod(Settlement.prototype, 'waitFor', () => () => Promise.resolve(true));
}

/** Whoever believes to lead answers from what it has. */
function readWithoutProof(): () => void {
  return replaceMethod(
    ReadGate.prototype,
    'wait',
    () =>
      ({ release }) =>
        release(),
  );
}

/** Settlement says that it is further than it is. */
function confirmUnsettled(): () => void {
  const AHEAD = 1_000;
  return replaceMethod(
    SimulatedUpkeep.prototype,
    'confirmConsumed',
    (confirm) =>
      function confirmAhead(this: SimulatedUpkeep, consumer, { entryIndex, sequence }) {
        const place = { entryIndex: entryIndex + AHEAD, sequence: sequence + AHEAD };
        return confirm.call(this, consumer, place);
      },
  );
}

/** What was not closed when it was stored does not come back. */
function forgetOpenCandles(): () => void {
  return replaceMethod(
    CandleSeries.prototype,
    'restore',
    (restore) =>
      function restoreClosed(this: CandleSeries, stored) {
        restore.call(this, { ...stored, open: undefined });
      },
  );
}

/**
 * The coordinator goes on as if the target had refused the import, without asking it; the order to
 * copy no further comes late, as it may.
 */
function skipRefuseImport(): () => void {
  const restoreStop = replaceMethod(SlotPuller.prototype, 'stop', () => () => {});
  const restoreMove = replaceMethod(
    ShardConnections.prototype,
    'moveSlot',
    (moveSlot) =>
      function moveWithoutRefusal(this: ShardConnections, target, named, signal) {
        if (named.step !== 'refuseImport') return moveSlot.call(this, target, named, signal);
        const kind = { case: 'committed', value: { events: [] } } as const;
        return Promise.resolve({ number: 1n, duplicate: false, kind });
      },
  );
  return () => {
    restoreStop();
    restoreMove();
  };
}

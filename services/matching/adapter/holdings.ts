// What a matching shard holds of what the coordinator hands out (CRD-5).

import { assert } from '../../lib/base/assert.ts';
import type { ShardHoldings } from '../../lib/platform/cluster/join-cluster.ts';
import type { StateMachine } from '../../lib/shard/state-machine.ts';
import type { MatchingCommand } from '../domain/command.ts';
import type { MatchingEvent } from '../domain/event.ts';
import { MatchingMachine } from '../domain/machine.ts';

type Machine = StateMachine<MatchingCommand, MatchingEvent, never>;

/** The machine as what it is, for reads. */
export function asMatching(machine: Machine): MatchingMachine {
  assert(machine instanceof MatchingMachine, 'a matching shard has a matching machine');
  return machine;
}

export function holdingsOf(machine: Machine): ShardHoldings {
  const matching = asMatching(machine);
  const instruments = matching.instruments().map(({ instrumentNumber, version }) => {
    const state = matching.viewBook(instrumentNumber, 0)?.state;
    return [instrumentNumber, { version, state }] as const;
  });
  return {
    slots: matching.slotGenerations(),
    assets: new Map(),
    instruments: new Map(instruments),
  };
}

const CHANGING: ReadonlySet<MatchingEvent['kind']> = new Set([
  'slotsAcquired',
  'slotMoved',
  'instrumentSet',
  'instrumentStateChanged',
]);

export function changesHoldings(event: MatchingEvent): boolean {
  return CHANGING.has(event.kind);
}

/** Slot of the instrument that an event is about, for the load by slot. */
export function slotOfEvent(machine: Machine, event: MatchingEvent): number | undefined {
  return asMatching(machine).slotOfInstrument(event.instrumentNumber);
}

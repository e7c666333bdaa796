// Runs of random commands: the engine against the naive book (every event, every order, every
// level, after every command), and the engine against itself in steps of another length (events
// and checksums). A failure is told as a scenario that can be pasted into a golden file.

import { slotOf } from '../../../services/lib/routing/slot.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import { MatchingMachine } from '../../../services/matching/domain/machine.ts';
import { describeEvent } from '../../golden/matching/describe.ts';
import { Floor } from '../../golden/matching/floor.ts';
import { ByteVenue, bytesOf } from '../../support/matching/byte-venue.ts';
import { EngineVenue } from '../../support/matching/engine-venue.ts';
import { STEP_ENDS, type Told, type Venue } from '../../support/matching/venue.ts';
import type { Known } from './known.ts';
import { NaiveVenue } from './naive-venue.ts';
import { isSame } from './same.ts';
import { scenarioOf } from './scenario-writer.ts';
import { type Settings, settingsOf } from './settings.ts';
import { type Step, stepOf } from './steps.ts';

/** What a run has met, for the proof that runs meet everything. */
export type Met = Map<string, number>;

/** A run that went wrong, as a scenario. */
export class Disagreement extends Error {
  constructor(run: Run, what: string) {
    const scenario = scenarioOf(run.settings, run.steps);
    super(`${what}\n\n${['# the engine and the naive book disagree', ...scenario].join('\n')}\n`);
    this.name = 'Disagreement';
  }
}

type Run = { readonly settings: Settings; readonly steps: Step[] };

/** About one step in so many the engine is taken down and brought up from a snapshot. */
const STEPS_PER_RESTORE = 60;
/** One run in so many has a machine that writes bytes, too. */
const RUNS_PER_BYTES = 4;

/** Runs one list of steps, each of which a seed stands for. */
export function compareRun(settingsSeed: number, seeds: readonly number[], met?: Met): void {
  const settings = settingsOf(settingsSeed);
  const run: Run = { settings, steps: [] };
  const { eventsPerStep = 4_000, ...limits } = settings.limits;
  const naive = new NaiveVenue(limits);
  const engine = new EngineVenue(settings.limits);
  let inOneStep = new EngineVenue(limits);
  for (const venue of [naive, engine, inOneStep]) venue.open(settings.rules, settings.state);
  const bytes = settingsSeed % RUNS_PER_BYTES === 0 ? openBytes(settings) : undefined;
  const known: Known = {
    settings,
    book: naive.book,
    firstPlacement: 1,
    placed: [],
    coming: undefined,
  };
  for (const seed of seeds) {
    const step = stepOf(seed, known);
    run.steps.push(step);
    const { nowUs } = known.book;
    const wanted = doStep(naive, step, nowUs);
    const told = doOrExplain(run, engine, step, nowUs);
    compare(run, wanted, told, 'in steps');
    compare(run, wanted, doOrExplain(run, inOneStep, step, nowUs), 'in one step');
    assertStepsBounded(run, told, eventsPerStep);
    if (!isSame(naive.show(), engine.show())) {
      const shown = JSON.stringify([naive.show(), engine.show()], undefined, 1);
      throw new Disagreement(run, `the books differ, the naive one first:\n${shown}`);
    }
    if (engine.machine.stateChecksum() !== inOneStep.machine.stateChecksum()) {
      throw new Disagreement(run, 'the checksum depends on the length of steps (LOG-17)');
    }
    if (bytes !== undefined) compareBytes(run, bytes, step, nowUs, wanted);
    if (seed % STEPS_PER_RESTORE === 0) inOneStep = restored(run, engine, inOneStep);
    if (met !== undefined) meet(met, wanted);
  }
  // Nobody has looked into this machine on the way, so that what it puts off was put off.
  if (bytes !== undefined && bytes.stateChecksum() !== engine.machine.stateChecksum()) {
    throw new Disagreement(run, 'the checksum depends on who has looked before');
  }
}

function openBytes({ limits, rules, state }: Settings): ByteVenue {
  const venue = new ByteVenue(limits);
  venue.apply({ kind: 'acquireSlots', slots: [slotOf(rules.instrumentId)], generation: 1 }, 0);
  venue.apply({ kind: 'setInstrument', rules, initialState: state }, 0);
  return venue;
}

/** The same events, as bytes (LOG-8). */
function compareBytes(run: Run, venue: ByteVenue, step: Step, nowUs: number, wanted: Told): void {
  const bytes = step.kind === 'time' ? venue.advance(step.nowUs) : venue.apply(step, nowUs);
  const events = wanted.filter((event) => typeof event !== 'string');
  if (bytes.equals(bytesOf(events))) return;
  throw new Disagreement(run, 'the bytes are not those of the events (LOG-8)');
}

/** A machine from a snapshot goes on as the one that the snapshot was taken of (SNAP-1). */
function restored(run: Run, engine: EngineVenue, inOneStep: EngineVenue): EngineVenue {
  const snapshot = engine.machine.snapshot();
  if (Buffer.compare(snapshot, inOneStep.machine.snapshot()) !== 0) {
    throw new Disagreement(run, 'equal states have snapshots of different bytes (SNAP-1)');
  }
  const { eventsPerStep: _, ...limits } = run.settings.limits;
  const machine = MatchingMachine.restore(snapshot, limits);
  machine.assertSound();
  if (Buffer.compare(snapshot, machine.snapshot()) !== 0) {
    throw new Disagreement(run, 'a restored machine has another snapshot (SNAP-1)');
  }
  return new EngineVenue(limits, machine);
}

/** Events that belong together may end a step a little late. */
const STEP_SLACK = 8;

/** Effects are bounded per entry (LOG-17). */
function assertStepsBounded(run: Run, told: Told, eventsPerStep: number): void {
  let count = 0;
  for (const note of told) {
    count = note === STEP_ENDS ? 0 : count + 1;
    if (count > eventsPerStep + STEP_SLACK) {
      throw new Disagreement(run, `a step has ${count} events, the bound is ${eventsPerStep}`);
    }
  }
}

/** A broken invariant stops the engine (MAT-5); the run that leads to it is told. */
function doOrExplain(run: Run, venue: Venue, step: Step, nowUs: number): Told {
  try {
    return doStep(venue, step, nowUs);
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Disagreement(run, `the engine stopped: ${what}`);
  }
}

function doStep(venue: Venue, step: Step, nowUs: number): Told {
  return step.kind === 'time' ? venue.advance(step.nowUs) : venue.apply(step, nowUs);
}

/** Events of all steps together; that it was refused, whatever the reason. */
function withoutNotes(notes: Told): (MatchingEvent | string)[] {
  return notes
    .filter((note) => note !== STEP_ENDS)
    .map((note) => (typeof note === 'string' ? 'refused' : note));
}

function compare(run: Run, wanted: Told, actual: Told, how: string): void {
  const seen = withoutNotes(actual);
  if (isSame(wanted, seen)) return;
  const floor = new Floor(new NaiveVenue());
  const tell = (events: Told) => events.map((event) => `  ${describeEvent(floor, event)}`);
  const lines = ['expected', ...tell(wanted), `engine, ${how}`, ...tell(seen)];
  const at = wanted.findIndex((event, index) => !isSame(event, seen[index]));
  const first = JSON.stringify([wanted[at], seen[at]], (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
  throw new Disagreement(run, `the last command:\n${lines.join('\n')}\n${first}`);
}

function meet(met: Met, events: Told): void {
  const count = (what: string) => met.set(what, (met.get(what) ?? 0) + 1);
  for (const event of events) {
    if (typeof event === 'string') count(event);
    else if ('reason' in event) count(`${event.kind} ${event.reason}`);
    else if (event.kind === 'traded' && event.aggressorSide === undefined) count('auction trade');
    else if (event.kind === 'orderAccepted') {
      const { type, timeInForce } = event.terms;
      count(`accepted ${type}`);
      count(`accepted ${timeInForce}`);
    } else if (event.kind === 'matchPrevented') count(`${event.kind} ${event.mode}`);
    else if (event.kind === 'instrumentStateChanged') count(`state ${event.state}`);
    else count(event.kind);
  }
}

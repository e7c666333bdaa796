// A hold that the balance does not cover may wait for money that earlier requests of its account
// are about to leave (SET-4); and while a book's leader changes, settlement may be a moment behind.

import type { Flow } from '../../domain/lanes.ts';
import type { FlowWorld, Settled } from '../pipeline/propose-pipeline.ts';

/** For how long a hold that settlement is too late for is asked for again, and how often. */
const LAG_LIMIT_MS = 2_000;
const LAG_PAUSE_MS = 50;

type Around = { readonly world: FlowWorld; readonly flow: Flow };

/** A first answer, and whether it was said that a hold that is short is to be refused. */
type First<R> = { readonly settled: Settled<R>; readonly isEarly: boolean };

/**
 * Asks for a hold; where money lacks, again when earlier requests have ended.
 *
 * @param around gives the time that settlement is waited for
 * @param mayWait false for what takes no money: it is asked for once
 * @param propose is told whether a hold that is short is to be refused instead of declined
 */
export async function holdInTurn<R>(
  around: Around,
  mayWait: boolean,
  propose: (refuseWhenShort: boolean) => Promise<Settled<R>>,
): Promise<Settled<R>> {
  const isEarly = mayWait && around.flow.hasEarlier();
  const settled = await propose(isEarly);
  if (settled.kind !== 'refused') return settled;
  return await holdAgain(around, { settled, isEarly }, propose);
}

/** What comes after a first answer that was a refusal; as `holdInTurn`. */
export async function holdAgain<R>(
  { world, flow }: Around,
  first: First<R>,
  propose: (refuseWhenShort: boolean) => Promise<Settled<R>>,
): Promise<Settled<R>> {
  const { isEarly } = first;
  const settled = await whileBehind(world, first.settled, () => propose(isEarly));
  const isShort = settled.kind === 'refused' && settled.reason === 'INSUFFICIENT_FUNDS';
  if (!isEarly || !isShort) return settled;
  await new Promise<void>((resume) => flow.whenEarlierEnded(resume));
  return await whileBehind(world, await propose(false), () => propose(false));
}

/** Asks again while settlement is behind: nothing was done, and a leader may just change. */
async function whileBehind<R>(
  world: FlowWorld,
  first: Settled<R>,
  propose: () => Promise<Settled<R>>,
): Promise<Settled<R>> {
  const limitUs = world.wallClockUs() + LAG_LIMIT_MS * 1_000;
  for (let settled = first; ; settled = await propose()) {
    const isBehind = settled.kind === 'refused' && settled.reason === 'SETTLEMENT_LAG';
    if (!isBehind || world.wallClockUs() > limitUs) return settled;
    await new Promise<void>((resolve) => world.setTimer(LAG_PAUSE_MS, resolve));
  }
}

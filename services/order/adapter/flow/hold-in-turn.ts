// A hold that the balance does not cover may wait for money that earlier requests of its account
// are about to leave (SET-4).

import type { Flow } from '../../domain/lanes.ts';
import type { LedgerSettled } from '../mesh/ledger.ts';

/**
 * Asks for a hold; where money lacks, again when earlier requests have ended.
 *
 * @param mayWait false for what takes no money: it is asked for once
 * @param propose is told whether a hold that is short is to be refused instead of declined
 */
export async function holdInTurn(
  flow: Flow,
  mayWait: boolean,
  propose: (refuseWhenShort: boolean) => Promise<LedgerSettled>,
): Promise<LedgerSettled> {
  const refuseWhenShort = mayWait && flow.hasEarlier();
  const settled = await propose(refuseWhenShort);
  const isShort = settled.kind === 'refused' && settled.reason === 'INSUFFICIENT_FUNDS';
  if (!refuseWhenShort || !isShort) return settled;
  await new Promise<void>((resume) => flow.whenEarlierEnded(resume));
  return await propose(false);
}

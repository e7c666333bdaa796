// The gate before a shard's queue, in front of a real state machine that applies what is proposed
// when the test says so.
import { type GateCommand, HoldGate } from '../../../services/account/adapter/shard/hold-gate.ts';
import { AccountMachine } from '../../../services/account/domain/account-machine.ts';
import type {
  Command,
  PlaceGroupHold,
  PlaceHold,
  PlacementTerms,
} from '../../../services/account/domain/command.ts';
import type { Answer, Event } from '../../../services/account/domain/event.ts';
import type { ProposalResult } from '../../../services/lib/shard/proposal.ts';
import { PLAIN_INSTRUMENT, PLAIN_ORDER } from '../../support/plain.ts';
import {
  SimulatedDatabase,
  SimulatedWorld,
  Simulation,
} from '../../support/shard/simulated-world.ts';

type Result = ProposalResult<Event, Answer>;

/** A shard that applies what is proposed when the test lets it. */
export class Shard {
  readonly machine = new AccountMachine();
  readonly waits: string[][] = [];
  readonly queue: (() => void)[] = [];
  settles: (isSettled: boolean) => void = () => {};
  isTooFarBehind = false;
  readonly simulation = new Simulation(1);
  readonly gate: HoldGate;
  #logTimeUs = 1;

  constructor() {
    const settlement = {
      isTooFarBehind: () => this.isTooFarBehind,
      waitFor: (instrumentIds: readonly string[]) => {
        this.waits.push([...instrumentIds]);
        return new Promise<boolean>((resolve) => {
          this.settles = resolve;
        });
      },
    };
    this.gate = new HoldGate({
      host: {
        submit: ({ command }, settle) => {
          this.queue.push(() => settle(this.apply(command)));
        },
        reserve: () => undefined,
      },
      machine: () => this.machine,
      world: new SimulatedWorld(new SimulatedDatabase(this.simulation)),
      settlement: () => settlement,
    });
    const slots = Array.from({ length: 4096 }, (_, slot) => slot);
    this.apply({ kind: 'acquireSlots', slots, generation: 1 });
    this.apply({ kind: 'setAsset', assetNumber: 1, assetId: 'USD', scale: 2, version: 1 });
    this.apply({ kind: 'setInstrument', rules: PLAIN_INSTRUMENT });
    const account = { accountId: 'alice', defaultSelfTradePrevention: 'NONE' } as const;
    this.apply({ kind: 'createAccount', ...account });
    const transfer = { accountId: 'alice', assetNumber: 1, clientTransferId: 't' };
    this.apply({ kind: 'deposit', ...transfer, amountUnits: 100n });
  }

  apply(command: Command): Result {
    this.#logTimeUs += 1;
    const place = { entryIndex: 1, logTimeUs: this.#logTimeUs, firstSequence: 1 };
    const events: Event[] = [];
    const context = { logTimeUs: this.#logTimeUs, identity: 'i', validUntilUs: 1e9 };
    const outcome = this.machine.apply(command, context, (event) => events.push(event));
    if (outcome.kind === 'unfinished') throw new Error('never unfinished');
    return { kind: 'applied', duplicate: false, ...place, events, outcome };
  }

  /** Proposes; the answer is filled in when it comes. */
  propose(command: GateCommand): { answer: string } {
    const box = { answer: 'none' };
    const proposal = { identity: 'i', validUntilUs: 1e9, traceContext: '', command };
    this.gate.submit({ ...proposal, commandClass: 'rest' }, (result) => {
      if (result.kind !== 'applied') box.answer = result.kind;
      else if (result.outcome.kind === 'refused') box.answer = result.outcome.refusal.reason;
      else box.answer = result.events[0]?.kind ?? 'repeat';
    });
    return box;
  }

  /** Lets everything that is queued be applied, and what follows from it happen. */
  async work(): Promise<void> {
    for (const apply of this.queue.splice(0)) apply();
    await Promise.resolve();
    await Promise.resolve();
  }
}

/** A hold for a buy of one at an amount. */
export const hold = (clientOrderId: string, amount: number, change = {}): PlaceHold => ({
  kind: 'placeHold',
  accountId: 'alice',
  clientOrderId,
  terms: { ...PLAIN_ORDER, priceUnits: amount, selfTradePrevention: undefined },
  bodyHash: '00112233445566778899aabbccddeeff',
  assetNumber: 1,
  amountUnits: BigInt(amount),
  validUntilUs: 1_000,
  declineReason: 'NONE',
  refuseWhenShort: false,
  ...change,
});

/** A bracket that sells first: what it lacks is the quote asset for its exits. */
export function bracket(clientOrderId: string, loss: number, change = {}): PlaceGroupHold {
  const leg = (name: string, terms: Partial<PlacementTerms>) => ({
    clientOrderId: `${clientOrderId}-${name}`,
    terms: { ...hold('', 10).terms, ...terms },
    declineReason: 'NONE' as const,
  });
  const exit = (priceUnits: number) => ({ quantityUnits: 0, priceUnits, stopPriceUnits: 1 });
  return {
    kind: 'placeGroupHold',
    accountId: 'alice',
    groupType: 'BRACKET',
    legs: [
      leg('entry', { side: 'SELL' }),
      leg('profit', { type: 'TAKE_PROFIT_LIMIT', ...exit(5) }),
      leg('loss', { type: 'STOP_LIMIT', ...exit(10 + loss) }),
    ],
    bodyHash: '00112233445566778899aabbccddeeff',
    entryUnits: 1n,
    // What fees round up to on either side stands on top (HLD-6).
    groupUnits: BigInt(loss) + 2n,
    validUntilUs: 1_000,
    refuseWhenShort: false,
    ...change,
  };
}

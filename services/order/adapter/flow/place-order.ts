// Places an order: checks, room, hold, proposal, answer. Nothing has an effect before the hold;
// from the hold on the flow runs to its end, whatever the caller does (HLD-7). The usual way is
// made of callbacks, one after the other, because a promise at each step of each order costs more
// than the step; what is rare turns aside into `place-aside.ts` and comes back, or ends there.

import { type Context, context, trace } from '@opentelemetry/api';
import { SelfTradePrevention } from '../../../../gen/bourse/type/v1/order_pb.ts';
import { passStep } from '../../../lib/platform/steps.ts';
import { ATTRIBUTES, SPANS } from '../../../lib/platform/telemetry/names.ts';
import { placementCost } from '../../../lib/rules/cost.ts';
import type { OrderTerms, RejectReason } from '../../../lib/rules/terms.ts';
import type { TradedInstrument } from '../../domain/instrument.ts';
import type { Flow, Place } from '../../domain/lanes.ts';
import { formatOrderId } from '../../domain/order-id.ts';
import {
  checkPlacementForm,
  type PlacementForm,
  type ReadPlacement,
  readPlacement,
} from '../../domain/placement.ts';
import { encodePlacement, type PlacementOutcome } from '../codec/answer-writer.ts';
import { readNewHold } from '../codec/hold-reader.ts';
import { shardUnavailable } from '../mesh/connections.ts';
import type { ShardRoom } from '../mesh/room.ts';
import type { Settled } from '../pipeline/command.ts';
import { formError, notCommitted, rulesError } from '../problems.ts';
import { countOrder } from './count-order.ts';
import { deliverAgain, type HeldOrder, readDelivered, sendOrder } from './deliver.ts';
import { holdAgain } from './hold-in-turn.ts';
import type { BegunOrder } from './known-orders.ts';
import type { OpenRequest } from './open-request.ts';
import {
  FILL_LIMIT,
  type FlowParts,
  type OpenStep,
  openStep,
  UNTRACED,
  uniqueText,
  VALIDITY_US,
} from './parts.ts';
import {
  type AnsweredAside,
  answerOtherHold,
  answerRepeat,
  awaitInstrument,
  fixAndCheck,
  validUntilOf,
} from './place-aside.ts';
import type { StageTimes } from './stage-times.ts';
import { needsWorstPrice } from './worst-price.ts';

/** Who asked; told once, either what became of the order or why there is none. */
export interface Asker {
  /** @param answer the bytes of PlaceOrderResponse */
  onAnswer(answer: Uint8Array): void;
  onError(error: unknown): void;
}

/**
 * Places an order. Its place in the lane of its account and instrument is taken before this
 * returns, so calls keep their order (MOV-9).
 */
export function placeOrder(parts: FlowParts, form: PlacementForm, asker: Asker): void {
  const violations = checkPlacementForm(form);
  if (violations.length > 0) asker.onError(formError(violations));
  else new Placement(parts, form, asker).begin();
}

/** What its hold is asked for with. */
type Hold = {
  readonly terms: OrderTerms;
  readonly amountUnits: bigint;
  /** The venue declines the order: it is recorded as REJECTED and nothing is held (HLD-1). */
  readonly declineReason: RejectReason | undefined;
};

/** One request from its arrival to its answer; the steps stand in the order in which they come. */
class Placement implements OpenRequest {
  readonly #parts: FlowParts;
  readonly #form: PlacementForm;
  readonly #asker: Asker;
  readonly #flow: Flow;
  readonly #nowUs: number;
  readonly #clientOrderId: string;
  /** Tells cancels that come behind what the client order id stands for. */
  readonly #begun: BegunOrder | undefined;
  /** In which the request came; what answers it comes in another one. */
  readonly #within: Context;
  readonly #isTraced: boolean;
  readonly #times: StageTimes | undefined;
  #place: Place | undefined;
  #room: ShardRoom | undefined;
  #isEnded = false;
  #waiting: (() => void)[] | undefined;

  constructor(parts: FlowParts, form: PlacementForm, asker: Asker) {
    const { accountId, clientOrderId } = form;
    this.#times = parts.stages.begin();
    const isNamed = clientOrderId !== '';
    this.#parts = parts;
    this.#form = form;
    this.#asker = asker;
    this.#flow = parts.flows.begin(accountId);
    this.#nowUs = parts.world.wallClockUs();
    this.#clientOrderId = isNamed ? clientOrderId : uniqueText(parts.world);
    // Without a client order id nobody else can name it.
    this.#begun = isNamed ? parts.knownOrders.begin(accountId, clientOrderId, this) : undefined;
    this.#within = context.active();
    this.#isTraced = trace.getSpan(this.#within)?.isRecording() === true;
  }

  begin(): void {
    this.#attempt(() => {
      const { instrumentId } = this.#form;
      const instrument = this.#parts.instruments.find(instrumentId);
      if (instrument !== undefined) this.#enter(instrument);
      else this.#turnAside(() => awaitInstrument(this.#parts, this.#form), this.#onNewcomer);
    });
  }

  readonly #onNewcomer = (found: TradedInstrument | AnsweredAside): void => {
    if ('bytes' in found) this.#answerAside(found);
    else this.#enter(found);
  };

  /** Takes the order's place, then checks all that the instrument says. */
  #enter(instrument: TradedInstrument): void {
    this.#place = this.#flow.takePlace(instrument.instrumentNumber);
    const read = readPlacement(this.#form, instrument, this.#nowUs);
    if (read.problem !== undefined || !needsWorstPrice(read.terms)) {
      this.#decide(instrument, read);
      return;
    }
    const fix = () => fixAndCheck(this.#parts, instrument, read.terms);
    this.#turnAside(fix, (fixed) => this.#decide(instrument, fixed));
  }

  #decide(instrument: TradedInstrument, { terms, problem }: ReadPlacement): void {
    if (problem === undefined) {
      this.#takeRoom(instrument, terms);
    } else if (problem.kind === 'error') {
      const error = rulesError(problem.reason, problem.field, instrument);
      this.#endAside(() => answerRepeat(this.#parts, this.#form, error));
    } else {
      const { reason: declineReason } = problem;
      this.#hold(instrument, { terms, amountUnits: 0n, declineReason });
    }
  }

  /** Reserved before the hold, so that an order whose money is held is not turned away (LOG-10). */
  #takeRoom(instrument: TradedInstrument, terms: OrderTerms): void {
    const room = this.#parts.matching.roomOf(instrument.instrumentId);
    if (room === undefined) throw shardUnavailable(undefined);
    if (room.tryTake()) this.#onRoom(room, instrument, terms);
    else
      this.#turnAside(
        () => room.take(),
        () => this.#onRoom(room, instrument, terms),
      );
  }

  #onRoom(room: ShardRoom, instrument: TradedInstrument, terms: OrderTerms): void {
    this.#room = room;
    passStep('room', instrument.instrumentId);
    const amountUnits = placementCost(instrument.rules, terms);
    this.#hold(instrument, { terms, amountUnits, declineReason: undefined });
  }

  /** Asks for the hold; where money lacks, again when earlier requests have ended (SET-4). */
  #hold(instrument: TradedInstrument, hold: Hold): void {
    const isEarly = hold.declineReason === undefined && this.#flow.hasEarlier();
    this.#times?.pass('edge');
    this.#sendHold(instrument, { ...hold, refuseWhenShort: isEarly }, (settled) => {
      if (settled.kind !== 'refused') {
        this.#attempt(() => this.#onHeld(instrument, settled));
        return;
      }
      const ask = (refuseWhenShort: boolean) =>
        new Promise<Settled<Uint8Array>>((settle) => {
          this.#sendHold(instrument, { ...hold, refuseWhenShort }, settle);
        });
      const around = { world: this.#parts.world, flow: this.#flow };
      this.#turnAside(
        () => holdAgain(around, { settled, isEarly }, ask),
        (last) => this.#onHeld(instrument, last),
      );
    });
  }

  #sendHold(
    { rules }: TradedInstrument,
    hold: Hold & { readonly refuseWhenShort: boolean },
    settle: (settled: Settled<Uint8Array>) => void,
  ): void {
    const { accountId } = this.#form;
    const { terms, amountUnits, declineReason, refuseWhenShort } = hold;
    const nowUs = this.#parts.world.wallClockUs();
    const step = this.#isTraced ? this.#openHold() : UNTRACED;
    const value = {
      accountId,
      clientOrderId: this.#clientOrderId,
      terms,
      selfTradePrevention: preventionOf(this.#form),
      body: this.#form,
      assetNumber: terms.side === 'BUY' ? rules.quoteAssetNumber : rules.baseAssetNumber,
      amountUnits,
      validUntilUs: validUntilOf(this.#form, nowUs),
      declineReason,
      refuseWhenShort,
    };
    this.#parts.accounts.send({
      accountId,
      identity: `h/${uniqueText(this.#parts.world)}`,
      validUntilUs: nowUs + VALIDITY_US,
      traceContext: step.traceContext,
      content: { case: 'placeHold', value },
      insists: false,
      settle: step.settling(settle),
    });
  }

  #openHold(): OpenStep {
    return openStep(this.#within, SPANS.hold, {
      [ATTRIBUTES.accountId]: this.#form.accountId,
      [ATTRIBUTES.clientOrderId]: this.#clientOrderId,
    });
  }

  #onHeld(instrument: TradedInstrument, settled: Settled<Uint8Array>): void {
    if (settled.kind !== 'committed') throw notCommitted(settled);
    this.#times?.pass('hold');
    const { committed } = settled;
    const hold = readNewHold(committed);
    const place = this.#place;
    if (hold === undefined || place === undefined) {
      const found = { instrument, place, committed };
      this.#endAside(() => answerOtherHold(this.#parts, found));
      return;
    }
    const { record, recordBytes, termsBytes } = hold;
    this.#begun?.tell(recordBytes);
    this.#parts.accountNumbers.learn(record.accountId, record.accountNumber);
    this.#deliver({ instrument, record, termsBytes }, place);
  }

  /** Proposes the order in its place. */
  #deliver(held: HeldOrder, place: Place): void {
    const step = this.#isTraced ? this.#openProposal(held) : UNTRACED;
    const { traceContext } = step;
    const settle = step.settling((settled: Settled<Uint8Array>) => {
      this.#attempt(() => this.#onDelivered(held, settled));
    });
    place.send((orderingGroup) => {
      sendOrder(this.#parts, held, { orderingGroup, traceContext, settle });
    });
  }

  #openProposal({ record, instrument }: HeldOrder): OpenStep {
    return openStep(this.#within, SPANS.propose, {
      [ATTRIBUTES.orderId]: formatOrderId(record),
      [ATTRIBUTES.instrumentId]: instrument.instrumentId,
    });
  }

  #onDelivered(held: HeldOrder, settled: Settled<Uint8Array>): void {
    const { instrument } = held;
    const delivered = readDelivered(held, settled);
    if (delivered?.isWhole === true) {
      this.#times?.pass('propose');
      this.#answer(instrument, { ...delivered, duplicate: false });
      return;
    }
    this.#turnAside(
      () => deliverAgain(this.#parts, held, settled),
      (resolved) => this.#answer(instrument, { ...resolved, duplicate: false }),
    );
  }

  #answer(instrument: TradedInstrument, outcome: PlacementOutcome): void {
    const { record, fills, duplicate } = outcome;
    const told =
      fills.length <= FILL_LIMIT ? outcome : { ...outcome, fills: fills.slice(0, FILL_LIMIT) };
    const bytes = encodePlacement(instrument, told);
    if (!duplicate) countOrder(record);
    this.#end();
    this.#asker.onAnswer(bytes);
    this.#times?.pass('answer');
  }

  #answerAside({ bytes, counted }: AnsweredAside): void {
    if (counted !== undefined) countOrder(counted);
    this.#end();
    this.#asker.onAnswer(bytes);
  }

  #fail(error: unknown): void {
    this.#end();
    this.#asker.onError(error);
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#room?.give();
    this.#place?.leave();
    if (this.#begun !== undefined) {
      this.#begun.tell(undefined);
      this.#begun.request = undefined;
    }
    this.#flow.end();
    for (const run of this.#waiting ?? []) run();
  }

  whenEnded(run: () => void): void {
    if (this.#isEnded) {
      run();
      return;
    }
    this.#waiting ??= [];
    this.#waiting.push(run);
  }

  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Waits for what is rare, and goes on with what it gives; in the request's own trace. */
  #turnAside<T>(wait: () => Promise<T>, goOn: (value: T) => void): void {
    void context.with(this.#within, () =>
      wait().then(
        (value) => this.#attempt(() => goOn(value)),
        (error: unknown) => this.#fail(error),
      ),
    );
  }

  #endAside(wait: () => Promise<AnsweredAside>): void {
    this.#turnAside(wait, (answered) => this.#answerAside(answered));
  }
}

/** Unspecified stays so: the account shard puts in the account's setting. */
function preventionOf({ selfTradePrevention: sent }: PlacementForm): SelfTradePrevention {
  return sent === 'UNKNOWN' ? SelfTradePrevention.UNSPECIFIED : SelfTradePrevention[sent];
}

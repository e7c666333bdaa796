// Cancels all open orders of an account: one command to each instrument in which the account shard
// shows a hold that is not closed (CXL-1, MOV-1).

import type { MessageInitShape } from '@bufbuild/protobuf';
import { Side } from '../../../../gen/bourse/type/v1/order_pb.ts';
import type { StatusSchema } from '../../../../gen/google/rpc/status_pb.ts';
import { toOperatingError } from '../../../lib/platform/rpc/error-mapping.ts';
import { ATTRIBUTES, SPANS } from '../../../lib/platform/telemetry/names.ts';
import { massCancelIdentity } from '../../domain/identity.ts';
import type { TradedInstrument } from '../../domain/instrument.ts';
import type { Flow } from '../../domain/lanes.ts';
import { type CancelAllForm, checkCancelAllForm } from '../../domain/requests.ts';
import { encodeStatus } from '../codec/status-codec.ts';
import type { MatchingSettled } from '../mesh/matching.ts';
import { formError, instrumentUnknown, notCommitted, requestIdTaken } from '../problems.ts';
import { checkAccount } from './cancel-order.ts';
import { type FlowParts, traced, uniqueText, VALIDITY_US } from './parts.ts';

/** Records read at a time while looking for the instruments concerned. */
const PAGE_LIMIT = 1000;

export type InstrumentCanceled = {
  readonly instrumentId: string;
  readonly canceledCount: number;
  readonly sequence: bigint;
  readonly error?: MessageInitShape<typeof StatusSchema>;
};

/** The answer to a mass cancel, as the contract has it. */
export type CancelAllAnswer = {
  readonly results: InstrumentCanceled[];
  readonly canceledCount: number;
  readonly clientRequestId: string;
  readonly duplicate: boolean;
};

type Request = {
  readonly form: CancelAllForm;
  readonly clientRequestId: string;
  readonly flow: Flow;
};

/** What the account shard shows: the account's number, and where it may have open orders. */
type Concerned = {
  accountNumber: number;
  readonly open: Set<number>;
  readonly lately: Set<number>;
};

export async function cancelAllOrders(
  parts: FlowParts,
  form: CancelAllForm,
): Promise<CancelAllAnswer> {
  const violations = checkCancelAllForm(form);
  if (violations.length > 0) throw formError(violations);
  const flow = parts.flows.begin(form.accountId);
  const clientRequestId =
    form.clientRequestId === '' ? uniqueText(parts.world) : form.clientRequestId;
  try {
    return await cancelConcerned(parts, { form, clientRequestId, flow });
  } finally {
    flow.end();
  }
}

async function cancelConcerned(parts: FlowParts, request: Request): Promise<CancelAllAnswer> {
  const { form, clientRequestId } = request;
  const concerned = await findConcerned(parts, form);
  const numbers = [...new Set([...concerned.open, ...concerned.lately])];
  numbers.sort((one, other) => one - other);
  const done = await Promise.all(
    numbers.map(async (number) => {
      const instrument = parts.instruments.findByNumber(number);
      if (instrument === undefined) return undefined;
      return await cancelInInstrument(parts, request, { instrument, concerned });
    }),
  );
  const results = done.filter((result) => result !== undefined);
  // An instrument that only had final orders counts when this request had emptied it before.
  const shown = results.filter(
    ({ result, number }) => concerned.open.has(number) || result.canceledCount > 0,
  );
  return {
    results: shown.map(({ result }) => result),
    canceledCount: shown.reduce((sum, { result }) => sum + result.canceledCount, 0),
    clientRequestId,
    duplicate: shown.length > 0 && shown.every(({ duplicate }) => duplicate),
  };
}

/** Instruments in which the account has a hold that is not closed. */
async function findConcerned(parts: FlowParts, form: CancelAllForm): Promise<Concerned> {
  const { accountId } = form;
  const instrumentNumber = await instrumentNumberOf(parts, form);
  const concerned: Concerned = { accountNumber: 0, open: new Set(), lately: new Set() };
  const filter = { accountId, instrumentNumber, settled: false };
  let beforePlacement = 0n;
  for (;;) {
    const limit = instrumentNumber === 0 ? PAGE_LIMIT : 1;
    const page = { ...filter, openOnly: true, beforePlacement, limit };
    const { records, more } = await parts.accounts.listOrders(page);
    for (const { accountNumber, terms, placement } of records) {
      concerned.accountNumber = accountNumber;
      if (terms !== undefined) concerned.open.add(terms.instrumentNumber);
      beforePlacement = placement;
    }
    if (!more || instrumentNumber !== 0 || records.length === 0) break;
  }
  if (form.clientRequestId !== '') {
    // A repeat finds closed what the first attempt canceled; the book has the first answer.
    const page = { ...filter, openOnly: false, beforePlacement: 0n, limit: PAGE_LIMIT };
    const { records } = await parts.accounts.listOrders(page);
    for (const { accountNumber, terms } of records) {
      concerned.accountNumber = accountNumber;
      if (terms !== undefined) concerned.lately.add(terms.instrumentNumber);
    }
  }
  return concerned;
}

async function instrumentNumberOf(parts: FlowParts, form: CancelAllForm): Promise<number> {
  if (form.instrumentId === '') return 0;
  const instrument = parts.instruments.find(form.instrumentId);
  if (instrument !== undefined) return instrument.instrumentNumber;
  await checkAccount(parts, form.accountId);
  throw instrumentUnknown(form.instrumentId);
}

type Target = { readonly instrument: TradedInstrument; readonly concerned: Concerned };
type Done = {
  readonly number: number;
  readonly result: InstrumentCanceled;
  readonly duplicate: boolean;
};

async function cancelInInstrument(
  parts: FlowParts,
  request: Request,
  { instrument, concerned }: Target,
): Promise<Done> {
  const { instrumentId, instrumentNumber: number } = instrument;
  try {
    const settled = await propose(parts, request, { instrument, concerned });
    if (settled.kind !== 'committed') throw notCommitted(settled);
    const { events } = settled.committed;
    const last = events.find(({ kind }) => kind.case === 'ordersCanceled');
    if (last?.kind.case !== 'ordersCanceled') throw requestIdTaken(request.clientRequestId);
    const { canceledCount } = last.kind.value;
    const result = { instrumentId, canceledCount, sequence: last.instrumentSequence };
    return { number, result, duplicate: settled.duplicate };
  } catch (thrown) {
    const error = toOperatingError(thrown, '');
    if (error.reason === 'CLIENT_REQUEST_ID_ALREADY_EXISTS') throw error;
    const status = encodeStatus(error);
    const result = { instrumentId, canceledCount: 0, sequence: 0n, error: status };
    return { number, result, duplicate: false };
  }
}

function propose(
  parts: FlowParts,
  { form, clientRequestId, flow }: Request,
  { instrument, concerned }: Target,
): Promise<MatchingSettled> {
  const { instrumentNumber, instrumentId } = instrument;
  const { accountNumber } = concerned;
  const side = form.side === 'BUY' ? Side.BUY : form.side === 'SELL' ? Side.SELL : Side.UNSPECIFIED;
  const attributes = () => ({ [ATTRIBUTES.instrumentId]: instrumentId });
  return traced(SPANS.propose, attributes, (traceContext) => {
    return new Promise<MatchingSettled>((settle) => {
      flow.takePlace(instrumentNumber).send((orderingGroup) =>
        parts.matching.send({
          instrumentId,
          identity: massCancelIdentity(accountNumber, clientRequestId, instrumentNumber),
          validUntilUs: parts.world.wallClockUs() + VALIDITY_US,
          traceContext,
          orderingGroup,
          owner: accountNumber,
          isUrgent: true,
          content: { case: 'cancelAllOrders', value: { instrumentNumber, accountNumber, side } },
          insists: true,
          settle,
        }),
      );
    });
  });
}

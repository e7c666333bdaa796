// Changes of rules and state of an instrument, idempotent by client request id.

import { randomUUID } from 'node:crypto';
import type {
  SetInstrumentStateRequest,
  UpdateInstrumentRequest,
} from '../../../gen/bourse/reference/v1/admin_service_pb.ts';
import { InstrumentState as StateNumber } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import { instrumentStateCodec } from '../../lib/platform/codec/terms-codec.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { RpcContext } from '../../lib/platform/rpc/call-context.ts';
import { assertForm } from '../../lib/platform/rpc/form-error.ts';
import {
  draftFrame,
  draftRules,
  type RulesDraft,
  rulesDraftOf,
} from '../domain/instrument-draft.ts';
import {
  findInstrumentById,
  type InstrumentRow,
  type InstrumentTerms,
  type ReferenceTables,
} from '../domain/reference-tables.ts';
import type { ActiveCoordinator } from './active-coordinator.ts';
import {
  accepted,
  checkShardsServe,
  hashOfBody,
  seesTerms,
  waitUntilSeen,
} from './change-support.ts';
import { RequestCheck } from './form.ts';
import { instrumentUnknown } from './reference-handlers.ts';
import {
  assetsOf,
  type InstrumentInit,
  instrumentMessage,
  microsecondsOf,
  unitsOf,
} from './reference-messages.ts';
import { findRequest } from './reference-store.ts';

const COMMENT_LIMIT = 256;

type ChangeResponse = { instrument: InstrumentInit; clientRequestId: string; duplicate: boolean };

export async function updateInstrument(
  active: ActiveCoordinator,
  request: UpdateInstrumentRequest,
  call: RpcContext,
): Promise<ChangeResponse> {
  const asked = checkUpdateForm(request);
  const { expectedVersion } = request;
  const bodyHash = hashOfBody([
    'update',
    request.instrumentId,
    expectedVersion,
    ...Object.entries(asked).flat(),
  ]);
  return change(active, call, { ...request, bodyHash }, (tables, row) => {
    const { wish } = row;
    if (expectedVersion !== undefined && expectedVersion !== BigInt(wish.rules.version)) {
      const message = `${row.instrumentId} has version ${wish.rules.version}.`;
      const metadata = { version: String(wish.rules.version) };
      throw new OperatingError('VERSION_MISMATCH', message, { metadata });
    }
    const { baseAsset, quoteAsset } = assetsOf(tables, row);
    const frame = accepted(draftFrame({ ...row, baseAsset, quoteAsset }));
    const draft = rulesDraftOf(wish.rules, { ...unitsOf(row), quoteScale: quoteAsset.scale });
    const rules = accepted(draftRules(frame, wish.rules.version + 1, { ...draft, ...asked }));
    return { ...wish, rules, updateTimeUs: active.world.wallClockUs() };
  });
}

export async function setInstrumentState(
  active: ActiveCoordinator,
  request: SetInstrumentStateRequest,
  call: RpcContext,
): Promise<ChangeResponse> {
  const { instrumentId, comment } = request;
  const check = new RequestCheck();
  check.requiredId('instrument_id', instrumentId);
  check.optionalId('client_request_id', request.clientRequestId);
  const state = instrumentStateCodec.findName(request.state);
  const isUnspecified = request.state === StateNumber.UNSPECIFIED;
  check.requiredEnum('state', state ?? (isUnspecified ? 'UNSPECIFIED' : 'UNKNOWN'));
  check.text('comment', comment, COMMENT_LIMIT);
  assertForm(check);
  if (state === undefined) throw new Error('the check lets no unknown state through');
  const bodyHash = hashOfBody(['state', instrumentId, state, comment]);
  return change(active, call, { ...request, bodyHash }, (_tables, { wish }) => {
    if (wish.state === state) return wish;
    const stateVersion = wish.stateVersion + 1;
    const updateTimeUs = active.world.wallClockUs();
    return { ...wish, state, stateVersion, stateComment: comment, updateTimeUs };
  });
}

type Change = {
  readonly instrumentId: string;
  readonly clientRequestId: string;
  readonly bodyHash: string;
};

/** Stores what `decide` makes of the instrument, once per client request id, and waits for it. */
async function change(
  active: ActiveCoordinator,
  call: RpcContext,
  { instrumentId, bodyHash, clientRequestId: givenId }: Change,
  decide: (tables: ReferenceTables, row: InstrumentRow) => InstrumentTerms,
): Promise<ChangeResponse> {
  const clientRequestId = givenId === '' ? randomUUID() : givenId;
  const made = await active.reference.change(async (tables) => {
    const earlier = givenId === '' ? undefined : await findRequest(active.pool, givenId);
    if (earlier !== undefined) {
      const earlierRow = tables.instruments.get(earlier.instrumentNumber);
      if (earlier.bodyHash !== bodyHash || earlierRow === undefined) throw requestExists();
      return { result: { row: earlierRow, terms: earlier.answer, duplicate: true } };
    }
    const row = findInstrumentById(tables, instrumentId);
    if (row?.published === undefined) throw instrumentUnknown(instrumentId);
    const terms = decide(tables, row);
    checkShardsServe(active.registry.tables, instrumentId);

    const { instrumentNumber } = row;
    return {
      write: {
        instruments: [{ ...row, wish: terms }],
        request: { clientRequestId, bodyHash, instrumentNumber, answer: terms },
      },
      result: { row, terms, duplicate: false },
    };
  });
  const { row, terms, duplicate } = made;
  await waitUntilSeen(active, call, (tables) => seesTerms(tables, row.instrumentNumber, terms));
  const instrument = instrumentMessage(active.reference.tables, row, terms);
  return { instrument, clientRequestId, duplicate };
}

/** The rules that are present in the request. */
function checkUpdateForm(request: UpdateInstrumentRequest): Partial<RulesDraft> {
  const check = new RequestCheck();
  check.requiredId('instrument_id', request.instrumentId);
  check.optionalId('client_request_id', request.clientRequestId);
  const decimals = {
    tickSize: request.tickSize,
    lotSize: request.lotSize,
    minimumQuantity: request.minimumQuantity,
    maximumQuantity: request.maximumQuantity,
    maximumPrice: request.maximumPrice,
    minimumNotional: request.minimumNotional,
    makerFeeBps: request.makerFeeBps,
    takerFeeBps: request.takerFeeBps,
    auctionFeeBps: request.auctionFeeBps,
    referencePrice: request.referencePrice,
  };
  for (const [name, text] of Object.entries(decimals)) {
    const field = fieldNameOf(name);
    if (text === '') check.add(field, 'FIELD_REQUIRED', 'is present but empty');
    check.decimals({ [field]: text });
  }
  if (request.expectedVersion !== undefined && request.expectedVersion < 1n) {
    check.add('expected_version', 'NUMBER_OUT_OF_RANGE', 'must be from 1');
  }
  const { collarBps, maximumOpenOrders, staticBandBps, farBandBps, dynamicBandBps } = request;
  const asked = {
    ...decimals,
    ...{ collarBps, maximumOpenOrders, staticBandBps, farBandBps, dynamicBandBps },
    volatilityAuctionUs: microsecondsOf(request.volatilityAuctionDuration),
  };
  const present = Object.entries(asked).filter(([, value]) => value !== undefined);
  if (present.length === 0) {
    check.add('tick_size', 'FIELD_REQUIRED', 'or another rule must be present');
  }
  assertForm(check);
  return Object.fromEntries(present) as Partial<RulesDraft>;
}

function fieldNameOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function requestExists(): OperatingError {
  const message = 'This client_request_id was used for another change.';
  const metadata = { field: 'client_request_id' };
  return new OperatingError('CLIENT_REQUEST_ID_ALREADY_EXISTS', message, { metadata });
}

// Changes of an instrument's rules and sessions, idempotent by client request id.

import { randomUUID } from 'node:crypto';
import type { UpdateInstrumentRequest } from '../../../gen/bourse/reference/v1/admin_service_pb.ts';
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
import { endsDays, type SessionSchedule } from '../domain/sessions.ts';
import type { ActiveCoordinator } from './active-coordinator.ts';
import {
  accepted,
  checkShardsServe,
  findEarlier,
  hashOfBody,
  requestExists,
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
import type { StoredAnswer } from './reference-store.ts';
import { hashableSessions, readSessions } from './session-codec.ts';

type ChangeResponse = { instrument: InstrumentInit; clientRequestId: string; duplicate: boolean };

export async function updateInstrument(
  active: ActiveCoordinator,
  request: UpdateInstrumentRequest,
  call: RpcContext,
): Promise<ChangeResponse> {
  const { asked, sessions } = checkUpdateForm(request);
  const { expectedVersion } = request;
  const bodyHash = hashOfBody([
    'update',
    request.instrumentId,
    expectedVersion,
    ...Object.entries(asked).flat(),
    ...(request.sessions === undefined ? [] : [hashableSessions(request.sessions)]),
  ]);
  return change(active, call, { ...request, bodyHash }, (tables, row) => {
    const { wish } = row;
    if (row.published?.state === 'RETIRED') {
      const metadata = { state: 'RETIRED' };
      const message = `${row.instrumentId} is retired.`;
      throw new OperatingError('INSTRUMENT_STATE', message, { metadata });
    }
    if (expectedVersion !== undefined && expectedVersion !== BigInt(wish.rules.version)) {
      const message = `${row.instrumentId} has version ${wish.rules.version}.`;
      const metadata = { version: String(wish.rules.version) };
      throw new OperatingError('VERSION_MISMATCH', message, { metadata });
    }
    const { baseAsset, quoteAsset } = assetsOf(tables, row);
    const frame = accepted(draftFrame({ ...row, baseAsset, quoteAsset }));
    const draft = rulesDraftOf(wish.rules, { ...unitsOf(row), quoteScale: quoteAsset.scale });
    const isNewSchedule = request.sessions !== undefined;
    const wanted = isNewSchedule ? sessions : wish.sessions;
    const hasSessions = endsDays(wanted);
    const rules = accepted(
      draftRules(frame, wish.rules.version + 1, { ...draft, ...asked, hasSessions }),
    );
    return {
      ...{ ...wish, rules, sessions: wanted, updateTimeUs: active.world.wallClockUs() },
      sessionsVersion: isNewSchedule ? rules.version : wish.sessionsVersion,
    };
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
    const earlier = await findEarlier(active, givenId);
    if (earlier !== undefined) {
      const earlierRow = tables.instruments.get(earlier.instrumentNumber ?? 0);
      const { answer } = earlier;
      if (earlier.bodyHash !== bodyHash || earlierRow === undefined) throw requestExists();
      if (answer.kind !== 'terms') throw requestExists();
      return { result: { row: earlierRow, terms: answer.terms, duplicate: true } };
    }
    const row = findInstrumentById(tables, instrumentId);
    if (row?.published === undefined) throw instrumentUnknown(instrumentId);
    const terms = decide(tables, row);
    checkShardsServe(active.registry.tables, instrumentId);

    const { instrumentNumber } = row;
    const answer: StoredAnswer = { kind: 'terms', terms };
    return {
      write: {
        instruments: [{ ...row, wish: terms }],
        request: { clientRequestId, bodyHash, instrumentNumber, answer },
      },
      result: { row, terms, duplicate: false },
    };
  });
  const { row, terms, duplicate } = made;
  await waitUntilSeen(active, call, (tables) => seesTerms(tables, row.instrumentNumber, terms));
  const { tables } = active.reference;
  const state = tables.instruments.get(row.instrumentNumber)?.published?.state ?? terms.state;
  const instrument = instrumentMessage(tables, row, { ...terms, state });
  return { instrument, clientRequestId, duplicate };
}

/** The rules that are present in the request, and the sessions when they are. */
function checkUpdateForm(request: UpdateInstrumentRequest): {
  readonly asked: Partial<Omit<RulesDraft, 'hasSessions'>>;
  readonly sessions: SessionSchedule | undefined;
} {
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
  const rules = {
    ...decimals,
    ...{ collarBps, maximumOpenOrders, staticBandBps, farBandBps, dynamicBandBps },
    volatilityAuctionUs: microsecondsOf(request.volatilityAuctionDuration),
  };
  const present = Object.entries(rules).filter(([, value]) => value !== undefined);
  if (present.length === 0 && request.sessions === undefined) {
    check.add('tick_size', 'FIELD_REQUIRED', 'or another rule must be present');
  }
  const sessions = readSessions(check, request.sessions);
  assertForm(check);
  const asked = Object.fromEntries(present) as Partial<Omit<RulesDraft, 'hasSessions'>>;
  return { asked, sessions };
}

function fieldNameOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

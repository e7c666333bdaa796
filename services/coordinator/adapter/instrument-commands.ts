// Operators' commands to instruments: changes of state, retirement, cancels. Each is remembered
// before it is proposed and its outcome afterwards, once per client request id, so that a repeat
// has the same identities in the shards' logs and the first answer.

import { randomUUID } from 'node:crypto';
import type {
  CancelOrdersRequest,
  RetireInstrumentRequest,
  SetInstrumentStateRequest,
} from '../../../gen/bourse/reference/v1/admin_service_pb.ts';
import { InstrumentState as StateNumber } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import { CancelReason, Side } from '../../../gen/bourse/type/v1/order_pb.ts';
import { instrumentStateCodec, sideCodec } from '../../lib/platform/codec/terms-codec.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { RpcContext } from '../../lib/platform/rpc/call-context.ts';
import { assertForm } from '../../lib/platform/rpc/form-error.ts';
import type { InstrumentState } from '../../lib/rules/terms.ts';
import {
  findInstrumentById,
  type InstrumentRow,
  type ReferenceTables,
} from '../domain/reference-tables.ts';
import { fetchOpenInstruments } from './account-orders.ts';
import type { ActiveCoordinator } from './active-coordinator.ts';
import { findEarlier, hashOfBody, patienceOf, requestExists } from './change-support.ts';
import { RequestCheck } from './form.ts';
import { instrumentUnknown } from './reference-handlers.ts';
import { type InstrumentInit, instrumentMessage } from './reference-messages.ts';
import type { StoredAnswer } from './reference-store.ts';
import type { CommandOutcome, InstrumentCommand } from './shard-commander.ts';
import type { MatchingCommandInit } from './shard-messages.ts';

const COMMENT_LIMIT = 256;
/** How long an answer waits until reads show what it says. */
const SEEN_MS = 1_000;

type StateResponse = { instrument: InstrumentInit; clientRequestId: string; duplicate: boolean };

/** A command, and the instruments that it goes to. */
type Wanted = {
  readonly clientRequestId: string;
  readonly bodyHash: string;
  /** Undefined when it may concern several. */
  readonly instrumentId: string | undefined;
  readonly targets: (tables: ReferenceTables) => Promise<readonly Target[]>;
};
type Target = { readonly row: InstrumentRow; readonly command: MatchingCommandInit };

type Done = {
  readonly clientRequestId: string;
  readonly duplicate: boolean;
  /** Orders canceled by instrument number. */
  readonly canceled: readonly (readonly [number, number])[];
};

export async function setInstrumentState(
  active: ActiveCoordinator,
  request: SetInstrumentStateRequest,
  call: RpcContext,
): Promise<StateResponse> {
  const { instrumentId, comment } = request;
  const { state, auctionEndTimeUs, stateAfterAuction } = checkStateForm(request);
  const bodyHash = hashOfBody([
    ...['state', instrumentId, state, comment],
    // Requests of before there were auctions keep their hashes.
    ...(state === 'AUCTION' ? [auctionEndTimeUs, stateAfterAuction] : []),
  ]);
  const done = await carryOut(active, call, {
    ...{ clientRequestId: request.clientRequestId, bodyHash, instrumentId },
    targets: async (tables) => {
      const row = knownInstrument(tables, instrumentId);
      const value = {
        ...{ instrumentNumber: row.instrumentNumber, comment },
        state: instrumentStateCodec.toNumber(state),
        auctionEndTimeUs: BigInt(auctionEndTimeUs),
        stateAfterAuction: instrumentStateCodec.toNumber(stateAfterAuction),
      };
      return [{ row, command: { kind: { case: 'setInstrumentState', value } } }];
    },
  });
  return answerWithState(active, instrumentId, state, done);
}

export async function retireInstrument(
  active: ActiveCoordinator,
  request: RetireInstrumentRequest,
  call: RpcContext,
): Promise<StateResponse> {
  const { instrumentId, comment, clientRequestId } = request;
  const check = new RequestCheck();
  check.requiredId('instrument_id', instrumentId);
  check.optionalId('client_request_id', clientRequestId);
  check.text('comment', comment, COMMENT_LIMIT);
  assertForm(check);
  const done = await carryOut(active, call, {
    ...{ clientRequestId, instrumentId },
    bodyHash: hashOfBody(['retire', instrumentId, comment]),
    targets: async (tables) => {
      const row = knownInstrument(tables, instrumentId);
      const value = { instrumentNumber: row.instrumentNumber, comment };
      return [{ row, command: { kind: { case: 'retireInstrument', value } } }];
    },
  });
  return answerWithState(active, instrumentId, 'RETIRED', done);
}

export async function cancelOrders(
  active: ActiveCoordinator,
  request: CancelOrdersRequest,
  call: RpcContext,
) {
  const { instrumentId, accountId, side, comment, clientRequestId } = request;
  checkCancelForm(request);
  const done = await carryOut(active, call, {
    clientRequestId,
    bodyHash: hashOfBody(['cancel', instrumentId, accountId, side, comment]),
    instrumentId: instrumentId === '' ? undefined : instrumentId,
    targets: async (tables) => {
      const only = instrumentId === '' ? undefined : knownInstrument(tables, instrumentId);
      const { accountNumber, instrumentNumbers } =
        accountId === ''
          ? { accountNumber: 0, instrumentNumbers: new Set<number>() }
          : await fetchOpenInstruments(active, call, accountId);
      const rows = [...tables.instruments.values()].filter(({ instrumentNumber }) => {
        if (only !== undefined && only.instrumentNumber !== instrumentNumber) return false;
        return accountId === '' || instrumentNumbers.has(instrumentNumber);
      });
      return rows.map((row) => {
        const { instrumentNumber } = row;
        const reason = CancelReason.OPERATOR;
        const value = { instrumentNumber, accountNumber, side, reason, comment };
        return { row, command: { kind: { case: 'cancelAllOrders' as const, value } } };
      });
    },
  });
  const { tables } = active.reference;
  const instruments = done.canceled
    .filter(([, canceledCount]) => canceledCount > 0)
    .map(([instrumentNumber, canceledCount]) => {
      const instrumentId = tables.instruments.get(instrumentNumber)?.instrumentId ?? '';
      return { instrumentId, canceledCount };
    });
  return { instruments, clientRequestId: done.clientRequestId, duplicate: done.duplicate };
}

/** Remembers the request, has the shards do it, remembers what became of it. */
async function carryOut(
  active: ActiveCoordinator,
  call: RpcContext,
  { clientRequestId: givenId, bodyHash, instrumentId, targets }: Wanted,
): Promise<Done> {
  const clientRequestId = givenId === '' ? randomUUID() : givenId;
  const earlier = await active.reference.change(async (tables) => {
    const found = await findEarlier(active, givenId);
    if (found !== undefined && found.bodyHash !== bodyHash) throw requestExists();
    if (found !== undefined) return { result: found.answer };
    const row = instrumentId === undefined ? undefined : knownInstrument(tables, instrumentId);
    const answer: StoredAnswer = { kind: 'pending' };
    const instrumentNumber = row?.instrumentNumber;
    return {
      write: { request: { clientRequestId, bodyHash, instrumentNumber, answer } },
      result: undefined,
    };
  });
  if (earlier?.kind === 'done') {
    return { clientRequestId, duplicate: true, canceled: earlier.canceled };
  }
  if (earlier?.kind === 'refused') throw refusedBy(earlier);

  const wanted = await targets(active.reference.tables);
  const commands = wanted.map(({ row, command }): InstrumentCommand => {
    const identity = `operator/${clientRequestId}/${row.instrumentNumber}`;
    return { instrumentId: row.instrumentId, identity, command };
  });
  const outcomes = await active.commander.execute(commands, patienceOf(active, call));
  const answer = answerOf(wanted, outcomes);
  const instrumentNumber = instrumentId === undefined ? undefined : wanted[0]?.row.instrumentNumber;
  await active.reference.change(async () => ({
    write: { request: { clientRequestId, bodyHash, instrumentNumber, answer } },
    result: undefined,
  }));
  if (answer.kind === 'refused') throw refusedBy(answer);
  const duplicate = earlier !== undefined && outcomes.some((one) => isDuplicate(one));
  return { clientRequestId, duplicate, canceled: answer.canceled };
}

function answerOf(
  wanted: readonly Target[],
  outcomes: readonly CommandOutcome[],
): Extract<StoredAnswer, { kind: 'done' | 'refused' }> {
  const canceled: (readonly [number, number])[] = [];
  for (const [at, outcome] of outcomes.entries()) {
    if (outcome.kind === 'refused') {
      const state = wanted[at]?.row.published?.state ?? '';
      return { kind: 'refused', reason: outcome.reason, state };
    }
    const last = outcome.events.at(-1)?.kind;
    if (last?.case !== 'ordersCanceled') continue;
    canceled.push([wanted[at]?.row.instrumentNumber ?? 0, last.value.canceledCount]);
  }
  return { kind: 'done', canceled };
}

function isDuplicate(outcome: CommandOutcome): boolean {
  return outcome.kind === 'committed' && outcome.duplicate;
}

/** The instrument as it is once reads show the state, or soon will. */
async function answerWithState(
  active: ActiveCoordinator,
  instrumentId: string,
  state: InstrumentState,
  { clientRequestId, duplicate }: Done,
): Promise<StateResponse> {
  const { instrumentNumber } = knownInstrument(active.reference.tables, instrumentId);
  if (!duplicate) {
    const isSeen = (tables: ReferenceTables) =>
      tables.instruments.get(instrumentNumber)?.published?.state === state;
    // It is done; that reads show it a moment later is no reason to fail.
    await active.reference.waitUntil(isSeen, SEEN_MS).catch(() => {});
  }
  const { tables } = active.reference;
  const row = knownInstrument(tables, instrumentId);
  const terms = row.published ?? row.wish;
  const instrument = instrumentMessage(tables, row, { ...terms, state });
  return { instrument, clientRequestId, duplicate };
}

function checkStateForm(request: SetInstrumentStateRequest) {
  const check = new RequestCheck();
  check.requiredId('instrument_id', request.instrumentId);
  check.optionalId('client_request_id', request.clientRequestId);
  const state = instrumentStateCodec.findName(request.state);
  const isUnspecified = request.state === StateNumber.UNSPECIFIED;
  check.requiredEnum('state', state ?? (isUnspecified ? 'UNSPECIFIED' : 'UNKNOWN'));
  if (state === 'RETIRED') check.add('state', 'FIELDS_CONFLICT', 'is set by RetireInstrument');
  check.text('comment', request.comment, COMMENT_LIMIT);
  const { auctionEndTime: end } = request;
  if (end !== undefined) check.timestamp('auction_end_time', end.seconds, end.nanos);
  if (state === 'AUCTION' && end === undefined) {
    check.add('auction_end_time', 'FIELD_REQUIRED', 'is required for AUCTION');
  }
  if (state !== 'AUCTION' && end !== undefined) {
    check.add('auction_end_time', 'FIELDS_CONFLICT', 'is for AUCTION only');
  }
  const stateAfterAuction = checkStateAfter(check, request.stateAfterAuction, state);
  assertForm(check);
  if (state === undefined) throw new Error('the check lets no unknown state through');
  const auctionEndTimeUs =
    end === undefined ? 0 : Number(end.seconds) * 1_000_000 + Math.floor(end.nanos / 1_000);
  return { state, auctionEndTimeUs, stateAfterAuction };
}

function checkStateAfter(
  check: RequestCheck,
  number: StateNumber,
  state: InstrumentState | undefined,
): 'CONTINUOUS' | 'POST_ONLY' | 'CLOSED' {
  if (number === StateNumber.UNSPECIFIED) return 'CONTINUOUS';
  const after = instrumentStateCodec.findName(number);
  if (after === undefined) check.optionalEnum('state_after_auction', 'UNKNOWN');
  else if (state !== 'AUCTION') {
    check.add('state_after_auction', 'FIELDS_CONFLICT', 'is for AUCTION only');
  } else if (after === 'CONTINUOUS' || after === 'POST_ONLY' || after === 'CLOSED') return after;
  else check.add('state_after_auction', 'FIELDS_CONFLICT', 'cannot follow an auction');
  return 'CONTINUOUS';
}

function checkCancelForm(request: CancelOrdersRequest): void {
  const check = new RequestCheck();
  const { side } = request;
  check.optionalId('instrument_id', request.instrumentId);
  check.optionalId('account_id', request.accountId);
  if (request.instrumentId === '' && request.accountId === '') {
    check.add('instrument_id', 'FIELD_REQUIRED', 'or account_id is required');
  }
  const isKnownSide = side === Side.UNSPECIFIED || sideCodec.findName(side) !== undefined;
  if (!isKnownSide) check.optionalEnum('side', 'UNKNOWN');
  check.text('comment', request.comment, COMMENT_LIMIT);
  check.optionalId('client_request_id', request.clientRequestId);
  assertForm(check);
}

function knownInstrument(tables: ReferenceTables, instrumentId: string): InstrumentRow {
  const row = findInstrumentById(tables, instrumentId);
  if (row?.published === undefined) throw instrumentUnknown(instrumentId);
  return row;
}

function refusedBy({ reason, state }: Extract<StoredAnswer, { kind: 'refused' }>): OperatingError {
  const metadata = state === '' ? {} : { state };
  const message =
    reason === 'INSTRUMENT_STATE'
      ? `The instrument cannot go there from ${state === '' ? 'its present state' : state}.`
      : 'The shard of the instrument refuses it.';
  return new OperatingError(reason, message, { metadata });
}

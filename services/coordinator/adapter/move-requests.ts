// What operators ask of moves: MoveSlots, ListMoves, CancelMove (MOV-2).

import type {
  CancelMoveRequest,
  ListMovesRequest,
  MoveSlotsRequest,
} from '../../../gen/bourse/coordinator/v1/admin_service_pb.ts';
import { MoveState as StateNumber } from '../../../gen/bourse/coordinator/v1/move_pb.ts';
import { encodeShardKind } from '../../lib/platform/cluster/cluster-codec.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import { assertForm } from '../../lib/platform/rpc/form-error.ts';
import { SLOT_COUNT, slotOf } from '../../lib/routing/slot.ts';
import {
  type ClusterTables,
  isOpen,
  type MoveRow,
  type MoveState,
  type ShardKind,
} from '../domain/cluster-tables.ts';
import { movingSlots, newMoves } from '../domain/moves.ts';
import { findInstrumentById } from '../domain/reference-tables.ts';
import type { ActiveCoordinator } from './active-coordinator.ts';
import { requestExists } from './change-support.ts';
import { checkId, fieldError, pageOf, RequestCheck } from './form.ts';
import { findKind, knownShard } from './known-shards.ts';
import { instrumentUnknown } from './reference-handlers.ts';
import { timestampOfUs } from './reference-messages.ts';

const STATES: Readonly<Record<MoveState, StateNumber>> = {
  pending: StateNumber.PENDING,
  copying: StateNumber.COPYING,
  exported: StateNumber.EXPORTED,
  imported: StateNumber.IMPORTED,
  done: StateNumber.DONE,
  rolledBack: StateNumber.ROLLED_BACK,
};

type Wish = {
  readonly kind: ShardKind;
  readonly slots: readonly number[];
  readonly targetShardId: string;
};

export async function moveSlots(active: ActiveCoordinator, request: MoveSlotsRequest) {
  const wish = readWish(active, request);
  const { registry, world } = active;
  const clientRequestId =
    request.clientRequestId || `move-${Buffer.from(world.randomBytes(12)).toString('hex')}`;
  let duplicate = false;
  await registry.change((tables) => {
    const earlier = movesOf(tables, clientRequestId);
    duplicate = earlier.length > 0;
    if (duplicate) {
      if (!earlier.every((move) => isWished(move, wish))) throw requestExists();
      return [];
    }
    checkTarget(tables, wish);
    const moves = newMoves(tables, { ...wish, clientRequestId, nowUs: world.wallClockUs() });
    return moves.map((move) => ({ kind: 'move', move }));
  });
  const moves = movesOf(registry.tables, clientRequestId);
  return { moves: moves.map(moveMessage), clientRequestId, duplicate };
}

function readWish(active: ActiveCoordinator, request: MoveSlotsRequest): Wish {
  const { clientRequestId, slots, instrumentId, targetShardId } = request;
  const kind = findKind(request.kind);
  const check = new RequestCheck();
  check.optionalId('client_request_id', clientRequestId);
  check.optionalId('instrument_id', instrumentId);
  check.requiredId('target_shard_id', targetShardId);
  if (slots.length > SLOT_COUNT) {
    check.add('slots', 'TOO_MANY_ITEMS', `must be at most ${SLOT_COUNT}`);
  }
  const isBeyond = slots.findIndex((slot) => slot >= SLOT_COUNT);
  if (isBeyond >= 0) {
    check.add(`slots[${isBeyond}]`, 'NUMBER_OUT_OF_RANGE', `must be below ${SLOT_COUNT}`);
  }
  const isNamed = instrumentId !== '';
  if (slots.length === 0 && !isNamed)
    check.add('slots', 'FIELD_REQUIRED', 'slots or an instrument');
  if (slots.length > 0 && isNamed) check.add('slots', 'FIELDS_CONFLICT', 'or an instrument');
  const sent = kind ?? (request.kind === 0 ? 'UNSPECIFIED' : 'UNKNOWN');
  if (slots.length > 0) check.requiredEnum('kind', sent);
  else check.optionalEnum('kind', sent);
  assertForm(check);
  const named = isNamed ? 'matching' : kind;
  if (named === undefined || (kind !== undefined && kind !== named)) {
    throw fieldError('FIELDS_CONFLICT', 'kind', 'The kind is not that of what is named.');
  }
  if (
    instrumentId !== '' &&
    findInstrumentById(active.reference.tables, instrumentId) === undefined
  ) {
    throw instrumentUnknown(instrumentId);
  }
  const wished = isNamed ? [slotOf(instrumentId)] : [...new Set(slots)];
  return { kind: named, slots: wished, targetShardId };
}

function checkTarget(tables: ClusterTables, { kind, slots, targetShardId }: Wish): void {
  if (knownShard(tables, targetShardId).kind !== kind) {
    const message = `${targetShardId} is a shard of another kind.`;
    throw fieldError('FIELDS_CONFLICT', 'target_shard_id', message);
  }
  const moving = movingSlots(tables, kind);
  const busy = slots.find((slot) => moving.has(slot));
  if (busy === undefined) return;
  const metadata = { slot: String(busy) };
  throw new OperatingError('SLOT_MOVING', `Slot ${busy} is in a move already.`, { metadata });
}

function isWished(move: MoveRow, { kind, slots, targetShardId }: Wish): boolean {
  return move.kind === kind && move.targetShardId === targetShardId && slots.includes(move.slot);
}

function movesOf(tables: ClusterTables, clientRequestId: string): readonly MoveRow[] {
  return [...tables.moves.values()].filter((move) => move.clientRequestId === clientRequestId);
}

export function listMoves({ registry }: ActiveCoordinator, request: ListMovesRequest) {
  const { openOnly, clientRequestId } = request;
  const check = new RequestCheck();
  check.optionalId('client_request_id', clientRequestId);
  assertForm(check);
  const moves = [...registry.tables.moves.values()].filter(
    (move) =>
      (!openOnly || isOpen(move)) &&
      (clientRequestId === '' || move.clientRequestId === clientRequestId),
  );
  const filter = Buffer.from(clientRequestId).toString('hex');
  const kind = `moves-${openOnly ? 'open' : 'all'}-${filter}`;
  const page = pageOf(kind, moves, (move) => move.moveNumber, request);
  return { moves: page.rows.map(moveMessage), nextPageToken: page.nextPageToken };
}

export async function cancelMove({ registry }: ActiveCoordinator, { moveId }: CancelMoveRequest) {
  checkId('move_id', moveId);
  const number = /^\d{1,15}$/.test(moveId) ? Number(moveId) : 0;
  await registry.change((tables) => {
    const move = tables.moves.get(number);
    if (move === undefined) throw moveUnknown(moveId);
    if (move.rollBackReason !== undefined || move.state === 'rolledBack') return [];
    if (move.state !== 'pending' && move.state !== 'copying') throw notCancelable(move);
    const rollBackReason = 'An operator has taken it back.';
    return [{ kind: 'move', move: { ...move, rollBackReason } }];
  });
  const move = registry.tables.moves.get(number);
  if (move === undefined) throw moveUnknown(moveId);
  return { move: moveMessage(move) };
}

function moveUnknown(moveId: string): OperatingError {
  const metadata = { move_id: moveId };
  return new OperatingError('MOVE_UNKNOWN', `There is no move ${moveId}.`, { metadata });
}

function notCancelable({ moveNumber, state }: MoveRow): OperatingError {
  const metadata = { move_id: String(moveNumber), state };
  const message = `Move ${moveNumber} has exported its slot, or has ended.`;
  return new OperatingError('MOVE_NOT_CANCELABLE', message, { metadata });
}

function moveMessage(move: MoveRow) {
  const { kind, slot, sourceShardId, targetShardId, clientRequestId, rounds, retries } = move;
  const timeOf = (timeUs: number | undefined) =>
    timeUs === undefined ? undefined : timestampOfUs(timeUs);
  const times = {
    copyTime: timeOf(move.copyTimeUs),
    exportTime: timeOf(move.exportTimeUs),
    importTime: timeOf(move.importTimeUs),
    endTime: timeOf(move.endTimeUs),
  };
  return {
    moveId: String(move.moveNumber),
    kind: encodeShardKind(kind),
    ...{ slot, sourceShardId, targetShardId, clientRequestId, rounds, retries },
    generation: BigInt(move.generation),
    state: STATES[move.state],
    rollBackReason: move.rollBackReason ?? '',
    createTime: timestampOfUs(move.createTimeUs),
    ...Object.fromEntries(Object.entries(times).filter(([, time]) => time !== undefined)),
    copiedBytes: BigInt(move.copiedBytes),
    restBytes: BigInt(move.restBytes),
    ...(move.pauseUs === undefined ? {} : { pauseUs: BigInt(move.pauseUs) }),
  };
}

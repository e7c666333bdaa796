// Waiting for the moves of slots that a test has asked for.

import type { Move } from '../../gen/bourse/coordinator/v1/move_pb.ts';
import { MoveState } from '../../gen/bourse/coordinator/v1/move_pb.ts';
import type { PublicServices } from '../../services/lib/client/public-services.ts';
import { waitUntil } from './wait.ts';

/**
 * Waits until a move is done.
 *
 * @throws Error when it is not in time; its cause says why when it was rolled back
 */
export async function untilMoved(
  cluster: Pick<PublicServices['cluster'], 'listMoves'>,
  moveId: string,
  deadlineMs = 60_000,
): Promise<Move> {
  const findDone = async () => {
    const { moves } = await cluster.listMoves({});
    const move = moves.find((one) => one.moveId === moveId);
    if (move?.state === MoveState.ROLLED_BACK) throw new Error(move.rollBackReason);
    return move?.state === MoveState.DONE ? move : undefined;
  };
  return await waitUntil(findDone, { what: 'the move', deadlineMs });
}

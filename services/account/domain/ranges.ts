// Ranges of another shard's events, as they are taken in: exactly once and in order (SET-1).
import type { Outcome } from '../../lib/shard/state-machine.ts';
import type { Settle, SettleTransfers } from './command.ts';
import { refused } from './command-checks.ts';
import type { Answer, Emit } from './event.ts';
import { type LedgerState, Watermark } from './state.ts';

type Range = Settle | SettleTransfers;

/** Why a range cannot be taken in: it leaves a gap, repeats something, or ends before it begins. */
export function checkRange(state: LedgerState, range: Range): Outcome<Answer> | undefined {
  const { sourceShardId, fromSequence, throughSequence } = range;
  const settled = state.watermarks.get(sourceShardId)?.sequence ?? 0;
  if (fromSequence !== settled + 1) {
    const detail = { source_shard_id: sourceShardId, watermark: `${settled}` };
    return refused('SETTLEMENT_GAP', detail);
  }
  return throughSequence < settled ? refused('MESSAGE_MALFORMED') : undefined;
}

/** Notes how far the source is taken in. */
export function advanceWatermark(state: LedgerState, range: Range): void {
  const { sourceShardId } = range;
  const watermark = state.watermarks.get(sourceShardId) ?? new Watermark(sourceShardId);
  state.watermarks.set(sourceShardId, watermark);
  watermark.sequence = range.throughSequence;
  watermark.entryIndex = range.sourceEntryIndex;
  watermark.chainChecksum = range.sourceChainChecksum;
  state.digest.mark(watermark);
}

/** Says so, behind everything that the range has done. */
export function emitRangeSettled({ sourceShardId, throughSequence }: Range, emit: Emit): void {
  const body = { kind: 'rangeSettled', sourceShardId, throughSequence } as const;
  emit({ accountNumber: 0, accountSequence: 0, balances: [], ...body });
}

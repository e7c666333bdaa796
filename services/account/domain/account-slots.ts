// What the host has to know of an account shard's slots to let them move (MOV-3).
import { slotOf, slotOfAccountNumber } from '../../lib/routing/slot.ts';
import type { SlotCommand, SlotStatus } from '../../lib/routing/slot-command.ts';
import type { MovableSlots } from '../../lib/shard/state-machine.ts';
import type { Command } from './command.ts';
import type { SlotRecords } from './slot-copies.ts';
import { checksumOfRecords, piecesOfChanges, recordsOf } from './slot-records.ts';
import { statusOfSlot } from './slot-steps.ts';
import type { LedgerState } from './state.ts';

const NOTHING: SlotRecords = new Map();

export class AccountSlots implements MovableSlots<Command> {
  readonly #state: LedgerState;
  /** What the last pieces of a slot came to; not part of the state. */
  readonly #sent = new Map<number, SlotRecords>();

  constructor(state: LedgerState) {
    this.#state = state;
  }

  statusOf(slot: number): SlotStatus {
    return statusOfSlot(this.#state, slot);
  }

  slotOf(command: Command): number | undefined {
    if (command.kind === 'setFeeSchedule') {
      return command.scope.accountId === '' ? undefined : slotOf(command.scope.accountId);
    }
    if ('accountId' in command) return slotOf(command.accountId);
    return 'accountNumber' in command ? slotOfAccountNumber(command.accountNumber) : undefined;
  }

  concerns(command: Command, slot: number): boolean {
    return this.#state.ownsSlot(slot) && this.slotOf(command) === slot;
  }

  stepOf(command: Command): SlotCommand<Command> | undefined {
    return command.kind === 'moveSlot' ? command.move : undefined;
  }

  /** What happens by itself is in the changes. */
  dueStepsOf(): number {
    return 0;
  }

  piecesOf(slot: number): Iterable<Uint8Array> {
    this.#sent.clear(); // one slot at a time is copied
    return this.changesOf(slot);
  }

  changesOf(slot: number): Iterable<Uint8Array> {
    const before = this.#sent.get(slot) ?? NOTHING;
    const after = recordsOf(this.#state, slot);
    this.#sent.set(slot, after);
    return piecesOfChanges(before, after);
  }

  checksumOf(slot: number): string {
    return checksumOfRecords(recordsOf(this.#state, slot));
  }
}

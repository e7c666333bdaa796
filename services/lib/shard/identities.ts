// The identities that a shard remembers (LOG-11): those of commands that it has applied itself, and
// those that came with slots from other shards, whose answers stand in the logs of those.

import { StateDamaged, StateReader, StateWriter } from '../base/state-bytes.ts';
import type { SlotCommand, SlotTail } from '../routing/slot-command.ts';
import { type AnswerPosition, IdentityTable } from './identity-table.ts';
import type { Outcome } from './state-machine.ts';

/** Where the first answer to an identity lies; the shard when it is not this one. */
export type KnownAnswer = AnswerPosition & { readonly shardId?: string };

/** A command that was applied, as far as its identity goes. */
export type AppliedCommand = {
  readonly identity: string;
  readonly validUntilUs: number;
  readonly position: AnswerPosition;
  /** Undefined when it belongs to none, or to several. */
  readonly slot: number | undefined;
  /** The step of a slot's move that it was. */
  readonly step: SlotCommand<unknown> | undefined;
};

/** Identities that came with a slot and whose answers stand in one log. */
type Imported = {
  readonly answerShardId: string;
  readonly key: Uint8Array;
  readonly table: IdentityTable;
};

/** Identities of one table of imported ones; more of them take another one. */
const IMPORTED_TABLE = 1 << 17;

/** What a piece of a snapshot holds. */
const PIECE = { own: 1, imported: 2, more: 3 } as const;

/**
 * Refusals after which the same command may come again, to be carried out here: it did nothing,
 * and the slot may come back, or what it lacks may be settled (MOV-2, MOV-7).
 */
const FORGOTTEN_REFUSALS: ReadonlySet<string> = new Set([
  'WRONG_SHARD',
  'SLOT_MOVING',
  'SETTLEMENT_LAG',
]);

/** Whether the identity of a command is remembered that ended so. */
export function isRemembered(outcome: Outcome<unknown>): boolean {
  return outcome.kind !== 'refused' || !FORGOTTEN_REFUSALS.has(outcome.refusal.reason);
}

export class Identities {
  readonly #shardId: string;
  readonly #key: Uint8Array;
  readonly #limit: number;
  readonly #own: IdentityTable;
  readonly #imported = new Map<number, Imported[]>();
  #logTimeUs = 0;

  constructor(options: {
    readonly shardId: string;
    readonly key: Uint8Array;
    readonly limit: number;
  }) {
    this.#shardId = options.shardId;
    this.#key = options.key;
    this.#limit = options.limit;
    this.#own = new IdentityTable(options);
  }

  /** Identities that take room now. */
  get count(): number {
    let { count } = this.#own;
    for (const tables of this.#imported.values()) {
      for (const { table } of tables) count += table.count;
    }
    return count;
  }

  /** True when no further identity may be taken in. */
  get full(): boolean {
    return this.#imported.size === 0 ? this.#own.full : this.count >= this.#limit;
  }

  /** The position of the first answer, or undefined when the identity is unknown. */
  find(identity: string): KnownAnswer | undefined {
    const own = this.#own.find(identity);
    if (own !== undefined || this.#imported.size === 0) return own;
    for (const tables of this.#imported.values()) {
      for (const { table, answerShardId } of tables) {
        const position = table.find(identity);
        if (position === undefined) continue;
        return answerShardId === this.#shardId ? position : { ...position, shardId: answerShardId };
      }
    }
    return undefined;
  }

  /** Remembers a command that was applied, and what came with a step of a move. */
  remember({ identity, position, validUntilUs, slot, step }: AppliedCommand): void {
    this.#own.add(identity, position, validUntilUs, slot);
    if (step !== undefined) this.#rememberStep(step);
  }

  #rememberStep(step: SlotCommand<unknown>): void {
    switch (step.step) {
      case 'copy': {
        const { slot, content, sourceShardId } = step;
        if (step.chunk === 0) this.#imported.delete(slot);
        if (content.kind === 'tail') this.#rememberTail(slot, sourceShardId, content.tail);
        if (content.kind !== 'identities') return;
        const { key, answerShardId, identities } = content;
        this.#tableOf(slot, answerShardId, key).take(identities, slot);
        return;
      }
      case 'import':
        this.#rememberTail(step.slot, step.sourceShardId, step.tail);
        return;
      case 'refuseImport':
        this.#imported.delete(step.slot);
        return;
      default:
    }
  }

  #rememberTail(slot: number, sourceShardId: string, tail: SlotTail<unknown>): void {
    for (const { entryIndex, commands } of tail) {
      for (const { identity, validUntilUs, record } of commands) {
        const table = this.#tableOf(slot, sourceShardId, this.#key);
        if (table.find(identity) !== undefined) continue;
        table.add(identity, { entryIndex, record }, validUntilUs, slot);
      }
    }
  }

  /** The table that takes identities of a slot with a key, whose answers are in one log. */
  #tableOf(slot: number, answerShardId: string, key: Uint8Array): IdentityTable {
    const tables = this.#imported.get(slot) ?? [];
    this.#imported.set(slot, tables);
    const found = tables.find(
      (one) => one.answerShardId === answerShardId && isEqual(one.key, key) && !one.table.full,
    );
    if (found !== undefined) return found.table;
    const table = new IdentityTable({ key, limit: IMPORTED_TABLE });
    table.forgetBefore(this.#logTimeUs);
    tables.push({ answerShardId, key: Uint8Array.from(key), table });
    return table;
  }

  /** Forgets what log time has left behind; the room is given back little by little. */
  forgetBefore(logTimeUs: number): void {
    this.#logTimeUs = logTimeUs;
    this.#own.forgetBefore(logTimeUs);
    if (this.#imported.size === 0) return;
    for (const [slot, tables] of this.#imported) {
      for (const { table } of tables) table.forgetBefore(logTimeUs);
      const left = tables.filter(({ table }) => table.count > 0);
      if (left.length === 0) this.#imported.delete(slot);
      else if (left.length < tables.length) this.#imported.set(slot, left);
    }
  }

  /** The identities of a slot's commands, for its target (MOV-3). */
  *ofSlot(slot: number): Generator<SlotIdentities, void, void> {
    const [key, answerShardId] = [this.#key, this.#shardId];
    for (const identities of this.#own.piecesOf(slot)) yield { key, answerShardId, identities };
    for (const imported of this.#imported.get(slot) ?? []) {
      const { key: keyOfThese, answerShardId: answered, table } = imported;
      for (const identities of table.piecesOf(slot)) {
        yield { key: keyOfThese, answerShardId: answered, identities };
      }
    }
  }

  /** What is remembered; equal for equal memories (SNAP-1). */
  *snapshot(): Generator<Uint8Array, void, void> {
    const writer = new StateWriter();
    for (const piece of this.#own.snapshot()) {
      writer.byte(PIECE.own);
      writer.bytes(piece);
      yield writer.take();
    }
    const slots = [...this.#imported.keys()].sort((one, other) => one - other);
    for (const slot of slots) {
      for (const { key, answerShardId, table } of this.#imported.get(slot) ?? []) {
        writer.byte(PIECE.imported);
        writer.whole(slot);
        writer.text(answerShardId);
        writer.bytes(key);
        yield writer.take();
        for (const piece of table.piecesOf(slot)) {
          writer.byte(PIECE.more);
          writer.bytes(piece);
          yield writer.take();
        }
      }
    }
  }

  /**
   * Takes over pieces of a snapshot, on an empty memory with the same key.
   *
   * @throws StateDamaged
   */
  *restore(): Generator<void, void, Uint8Array> {
    const own = this.#own.restore();
    own.next();
    let slot = 0;
    let table: IdentityTable | undefined;
    for (;;) {
      const reader = new StateReader(yield);
      const kind = reader.byte();
      if (kind === PIECE.own) own.next(reader.bytes());
      else if (kind === PIECE.imported) {
        slot = reader.whole();
        table = this.#tableOf(slot, reader.text(), reader.bytes());
      } else if (kind === PIECE.more && table !== undefined) table.take(reader.bytes(), slot);
      else throw new StateDamaged('a piece of identities stands in the wrong place');
    }
  }
}

/** What `CopySlot` takes of identities. */
export type SlotIdentities = {
  readonly key: Uint8Array;
  readonly answerShardId: string;
  readonly identities: Uint8Array;
};

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

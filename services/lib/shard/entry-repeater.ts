// Repeats entries of the log on a state machine and writes down what they did as it is recorded,
// so that both can be compared byte by byte (LOG-7). Does what `EntryBuilder` does in the same
// order, and makes nothing of what only a leader needs.

import type { UnfinishedCommand } from './entry-builder.ts';
import { type CommandRecord, type OutcomeRecord, writeOutcomeEnd } from './entry-codec.ts';
import type { LogEntry } from './log-entry.ts';
import type { ShardCodec } from './proposal.ts';
import type { Outcome, StateMachine } from './state-machine.ts';
import { WireWriter } from './wire.ts';

/** What repeating an entry came to. */
export type RepeatedEntry = {
  /** Encoded `OutcomeBatch` without a state checksum; good until the next entry is repeated. */
  readonly outcomes: Buffer;
  readonly eventCount: number;
  /** The command that goes on in the next entry (LOG-17). */
  readonly unfinished: UnfinishedCommand | undefined;
};

/** Takes note of a command that was repeated. */
export type OnRepeated<C, A> = (record: number, command: C, outcome: Outcome<A>) => void;

export class EntryRepeater<C, E, A> {
  readonly #machine: StateMachine<C, E, A>;
  readonly #codec: ShardCodec<C, E, A>;
  readonly #outcomes = new WireWriter(1 << 16);
  /** Events of one command, and then its whole outcome. */
  readonly #outcome = new WireWriter(1 << 12);
  readonly #emit: (event: E) => void;
  #eventCount = 0;

  constructor(machine: StateMachine<C, E, A>, codec: ShardCodec<C, E, A>) {
    this.#machine = machine;
    this.#codec = codec;
    // Due events and those of an outcome have the same field number.
    this.#emit = (event) => {
      this.#eventCount += 1;
      const written = codec.writeFrequentEvent?.(event);
      if (written === undefined) this.#outcome.bytesField(1, codec.encodeEvent(event));
      else this.#outcome.writerField(1, written);
    };
  }

  repeat(
    { entryIndex, logTimeUs }: Pick<LogEntry, 'entryIndex' | 'logTimeUs'>,
    records: readonly CommandRecord[],
    before: UnfinishedCommand | undefined,
    onRepeated?: OnRepeated<C, A>,
  ): RepeatedEntry {
    this.#eventCount = 0;
    this.#outcomes.truncate(0);
    this.#outcome.truncate(0);
    let unfinished = this.#begin(logTimeUs, before);
    for (let index = 0; index < records.length; index += 1) {
      const record = records[index] as CommandRecord;
      const isCommand = record.epochStarted === undefined && record.raisedVersion === undefined;
      const isUnfinished = isCommand && this.#apply(record, logTimeUs, index, onRepeated);
      this.#outcomes.writerField(2, this.#outcome);
      if (!isUnfinished) continue;
      const { identity, traceContext } = record;
      unfinished = { entryIndex, record: index, identity, traceContext };
    }
    return { outcomes: this.#outcomes.peek(), eventCount: this.#eventCount, unfinished };
  }

  /** What is due happens first (LOG-15), then the unfinished command goes on (LOG-17). */
  #begin(
    logTimeUs: number,
    unfinished: UnfinishedCommand | undefined,
  ): UnfinishedCommand | undefined {
    this.#machine.advance(logTimeUs, this.#emit);
    this.#outcomes.append(this.#outcome);
    const due = this.#machine.nextDueTimeUs();
    if (unfinished === undefined || (due !== undefined && due <= logTimeUs)) return unfinished;
    const outcome = this.#machine.proceed({ logTimeUs }, this.#emit);
    this.#end(outcome);
    this.#outcomes.numberField(3, unfinished.entryIndex);
    this.#outcomes.writerField(5, this.#outcome);
    return outcome.kind === 'unfinished' ? unfinished : undefined;
  }

  /** @returns true when the command goes on in the next entry */
  #apply(
    { identity, validUntilUs, command: encoded }: CommandRecord,
    logTimeUs: number,
    record: number,
    onRepeated: OnRepeated<C, A> | undefined,
  ): boolean {
    const context = { logTimeUs, identity, validUntilUs };
    const command = this.#codec.decodeCommand(encoded);
    const outcome = this.#machine.apply(command, context, this.#emit);
    onRepeated?.(record, command, outcome);
    this.#end(outcome);
    return outcome.kind === 'unfinished';
  }

  #end(outcome: Outcome<A>): void {
    if (outcome.kind === 'done' && outcome.answer === undefined) return;
    writeOutcomeEnd(this.#outcome, this.#endOf(outcome));
  }

  #endOf(outcome: Outcome<A>): Omit<OutcomeRecord, 'events'> {
    switch (outcome.kind) {
      case 'unfinished':
        return { answer: undefined, unfinished: true };
      case 'refused':
        return { refusal: outcome.refusal, answer: undefined, unfinished: false };
      case 'done': {
        const { answer } = outcome;
        const encoded = answer === undefined ? undefined : this.#codec.encodeAnswer(answer);
        return { answer: encoded, unfinished: false };
      }
    }
  }
}

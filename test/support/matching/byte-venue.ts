// The engine with its events as bytes, the form in which a shard's host takes them (LOG-8).

import { matchingCodec } from '../../../services/matching/adapter/codec/matching-codec.ts';
import type { MatchingCommand } from '../../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../../services/matching/domain/event.ts';
import type { MatchingLimits } from '../../../services/matching/domain/limits.ts';
import { BookMachine } from '../../../services/matching/domain/machine.ts';
import { OutgoingEvents } from '../../../services/matching/domain/outgoing-events.ts';
import { WireSink } from '../../../services/matching/domain/wire-sink.ts';

const nobody = (): void => undefined;

/** A machine that writes bytes; its own bytes are taken after every command. */
export class ByteVenue {
  readonly #machine: BookMachine<MatchingEvent>;
  readonly #outgoing = new OutgoingEvents();

  constructor(limits: Partial<MatchingLimits>) {
    const { encodeEvent } = matchingCodec;
    this.#machine = new BookMachine<MatchingEvent>(
      limits,
      (orders) => new WireSink(orders, this.#outgoing, encodeEvent),
    );
  }

  apply(command: MatchingCommand, nowUs: number): Buffer {
    const context = { logTimeUs: nowUs, identity: 'scenario', validUntilUs: nowUs };
    let outcome = this.#machine.apply(command, context, nobody);
    while (outcome.kind === 'unfinished') outcome = this.#machine.proceed(context, nobody);
    return this.#take();
  }

  advance(nowUs: number): Buffer {
    do this.#machine.advance(nowUs, nobody);
    while ((this.#machine.nextDueTimeUs() ?? Number.POSITIVE_INFINITY) <= nowUs);
    return this.#take();
  }

  stateChecksum(): string {
    return this.#machine.stateChecksum();
  }

  #take(): Buffer {
    const bytes = Buffer.from(this.#outgoing.bytes.subarray(0, this.#outgoing.length));
    this.#outgoing.clear();
    return bytes;
  }
}

/** The bytes that the events have as objects, one field of an outcome record each. */
export function bytesOf(events: readonly MatchingEvent[]): Buffer {
  const outgoing = new OutgoingEvents();
  for (const event of events) outgoing.append(matchingCodec.encodeEvent(event));
  return Buffer.from(outgoing.bytes.subarray(0, outgoing.length));
}

// One committed event of an account with its place, as lists and streams read it.

import type { Event } from '../../domain/event.ts';
import { ledgerCodec } from '../codec/ledger-codec.ts';

/** One committed event with its place. */
export type Happening = {
  /** Shard sequence. */
  readonly sequence: number;
  readonly logTimeUs: number;
  /** Of the command that caused it; empty when not traced. */
  readonly traceContext: string;
  readonly event: Event;
};

/** A happening as it is kept; its event is decoded when somebody asks for it. */
export class StoredHappening implements Happening {
  readonly sequence: number;
  readonly logTimeUs: number;
  readonly traceContext: string;
  /** The event in its canonical encoding. */
  readonly bytes: Uint8Array;
  #event: Event | undefined;

  constructor(stored: Omit<Happening, 'event'> & { readonly bytes: Uint8Array }) {
    this.sequence = stored.sequence;
    this.logTimeUs = stored.logTimeUs;
    this.traceContext = stored.traceContext;
    this.bytes = stored.bytes;
  }

  get event(): Event {
    this.#event ??= ledgerCodec.decodeEvent(this.bytes);
    return this.#event;
  }
}

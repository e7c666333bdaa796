// Where a shard's events go as bytes: one buffer, each event as a field of an outcome record of the
// log (bourse.log.v1.OutcomeRecord.events), so that nobody has to encode them again. Whoever runs
// the machine takes the bytes after a step and empties the buffer.

/** Bytes that the buffer has at first: what stays in a processor's cache. */
const FIRST_BYTES = 1 << 16;
/** Tag of OutcomeRecord.events. */
const EVENTS_TAG = 0x0a;
/** Tag and the longest length. */
const LONGEST_HEAD = 6;

/** Events in their wire form. */
export class OutgoingEvents {
  bytes = new Uint8Array(FIRST_BYTES);
  /** The same bytes, for words at any place. */
  view = new DataView(this.bytes.buffer);
  /** Bytes that are written. */
  length = 0;

  /** Forgets what was written: somebody has taken it. */
  clear(): void {
    this.length = 0;
  }

  /** Makes room for a number of bytes more. */
  reserve(count: number): void {
    if (this.length + count > this.bytes.length) this.#grow(count);
  }

  /** Adds an event that somebody else has encoded. */
  append(event: Uint8Array): void {
    this.reserve(event.length + LONGEST_HEAD);
    let at = this.length;
    this.bytes[at] = EVENTS_TAG;
    at += 1;
    for (let rest = event.length; ; rest >>>= 7) {
      this.bytes[at] = rest < 128 ? rest : rest | 128;
      at += 1;
      if (rest < 128) break;
    }
    this.bytes.set(event, at);
    this.length = at + event.length;
  }

  #grow(count: number): void {
    const grown = new Uint8Array(Math.max(this.length + count, this.bytes.length * 2));
    grown.set(this.bytes);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}

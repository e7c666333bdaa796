// One HTTP/2 connection for unary gRPC calls of one method, with as little work of the client as
// possible: requests are bytes that differ in their message only, what is sent in one turn is one
// write, and of an answer it is looked at no more than it takes to tell how the call ended.

import { connect, type Socket } from 'node:net';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const FRAME_HEADER_BYTES = 9;
const MESSAGE_PREFIX_BYTES = 5;
const FIRST_WINDOW_BYTES = 65_535;
const LARGEST_WINDOW_BYTES = 2_147_483_647;
/** What was received is given back to the server's window in such steps. */
const WINDOW_STEP_BYTES = 1 << 20;
const FRAME = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  window: 8,
} as const;
const FLAG = { endStream: 1, acknowledged: 1, endHeaders: 4 } as const;
const SETTING = { headerTableSize: 1, concurrentStreams: 3, initialWindow: 4 } as const;
const RESOURCE_EXHAUSTED = 8;

/** How a call ended. */
export type Ended = {
  readonly outcome: 'accepted' | 'refused' | 'failed';
  /** How long the server asks to wait before the next one; of what was refused. */
  readonly retryDelayMs: number;
};

type Call = { readonly ended: (end: Ended) => void; hasMessage: boolean };
type Waiting = { readonly message: Uint8Array; readonly ended: (end: Ended) => void };

/** A connection to `host:port`, over which calls of `path` are made. */
export class RawConnection {
  readonly #socket: Socket;
  readonly #headers: Buffer;
  readonly #calls = new Map<number, Call>();
  /** What the server has no window or no stream for yet. */
  #waiting: Waiting[] = [];
  #nextStream = 1;
  #windowBytes = FIRST_WINDOW_BYTES;
  #streamsLimit = 100;
  #receivedBytes = 0;
  #unread: Buffer = Buffer.alloc(0);
  #isWriting = false;

  constructor(address: string, path: string) {
    const [host, port] = address.split(':') as [string, string];
    this.#headers = headerBlock(address, path);
    this.#socket = connect({ host, port: Number(port), noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => this.#failAll());
    // Without a table of headers, none of an answer depends on the ones before.
    const settings = Buffer.concat([
      setting(SETTING.headerTableSize, 0),
      setting(SETTING.initialWindow, LARGEST_WINDOW_BYTES),
    ]);
    this.#socket.write(PREFACE);
    this.#socket.write(frame(FRAME.settings, 0, 0, settings));
    this.#socket.write(windowFrame(LARGEST_WINDOW_BYTES - FIRST_WINDOW_BYTES));
  }

  call(message: Uint8Array, ended: (end: Ended) => void): void {
    this.#waiting.push({ message, ended });
    this.#send();
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(): void {
    let sent = 0;
    for (const { message, ended } of this.#waiting) {
      const bytes = MESSAGE_PREFIX_BYTES + message.length;
      if (bytes > this.#windowBytes || this.#calls.size >= this.#streamsLimit) break;
      this.#windowBytes -= bytes;
      const stream = this.#nextStream;
      this.#nextStream += 2;
      this.#calls.set(stream, { ended, hasMessage: false });
      this.#write(requestFrames(stream, this.#headers, message));
      sent += 1;
    }
    if (sent > 0) this.#waiting = this.#waiting.slice(sent);
  }

  /** What is written in one turn goes out together. */
  #write(bytes: Buffer): void {
    if (!this.#isWriting) {
      this.#isWriting = true;
      this.#socket.cork();
      setImmediate(() => {
        this.#isWriting = false;
        this.#socket.uncork();
      });
    }
    this.#socket.write(bytes);
  }

  #read(chunk: Buffer): void {
    const bytes = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    let at = 0;
    while (at + FRAME_HEADER_BYTES <= bytes.length) {
      const end = at + FRAME_HEADER_BYTES + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      const [type = 0, flags = 0] = bytes.subarray(at + 3, at + 5);
      const stream = bytes.readUInt32BE(at + 5) & LARGEST_WINDOW_BYTES;
      this.#take(type, flags, stream, bytes.subarray(at + FRAME_HEADER_BYTES, end));
      at = end;
    }
    this.#unread = bytes.subarray(at);
  }

  #take(type: number, flags: number, stream: number, content: Buffer): void {
    const call = this.#calls.get(stream);
    if (type === FRAME.data) {
      if (call !== undefined) call.hasMessage = true;
      this.#receive(content.length);
    } else if (type === FRAME.headers && (flags & FLAG.endStream) !== 0) {
      this.#end(stream, call?.hasMessage === true ? ACCEPTED : endOf(content));
    } else if (type === FRAME.reset) {
      this.#end(stream, FAILED);
    } else if (type === FRAME.window && stream === 0) {
      this.#windowBytes += content.readUInt32BE(0);
      this.#send();
    } else if (type === FRAME.settings && (flags & FLAG.acknowledged) === 0) {
      this.#takeSettings(content);
    } else if (type === FRAME.ping && (flags & FLAG.acknowledged) === 0) {
      this.#write(frame(FRAME.ping, FLAG.acknowledged, 0, content));
    }
  }

  #receive(byteCount: number): void {
    this.#receivedBytes += byteCount;
    if (this.#receivedBytes < WINDOW_STEP_BYTES) return;
    this.#write(windowFrame(this.#receivedBytes));
    this.#receivedBytes = 0;
  }

  #takeSettings(content: Buffer): void {
    for (let at = 0; at + 6 <= content.length; at += 6) {
      if (content.readUInt16BE(at) === SETTING.concurrentStreams) {
        this.#streamsLimit = content.readUInt32BE(at + 2);
      }
    }
    this.#write(frame(FRAME.settings, FLAG.acknowledged, 0, Buffer.alloc(0)));
    this.#send();
  }

  #end(stream: number, end: Ended): void {
    const call = this.#calls.get(stream);
    if (call === undefined) return;
    this.#calls.delete(stream);
    call.ended(end);
    if (this.#waiting.length > 0) this.#send();
  }

  #failAll(): void {
    for (const stream of [...this.#calls.keys()]) this.#end(stream, FAILED);
    for (const { ended } of this.#waiting.splice(0)) ended(FAILED);
  }
}

const ACCEPTED: Ended = { outcome: 'accepted', retryDelayMs: 0 };
const FAILED: Ended = { outcome: 'failed', retryDelayMs: 0 };

function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt32BE(value, 2);
  return bytes;
}

function frame(type: number, flags: number, stream: number, content: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + content.length);
  writeFrameHeader(bytes, 0, { length: content.length, type, flags, stream });
  bytes.set(content, FRAME_HEADER_BYTES);
  return bytes;
}

/** Lets the other side send so many bytes more, over all streams. */
function windowFrame(byteCount: number): Buffer {
  const content = Buffer.alloc(4);
  content.writeUInt32BE(byteCount);
  return frame(FRAME.window, 0, 0, content);
}

type FrameHeader = {
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
};

function writeFrameHeader(bytes: Buffer, at: number, header: FrameHeader): void {
  bytes.writeUIntBE(header.length, at, 3);
  bytes[at + 3] = header.type;
  bytes[at + 4] = header.flags;
  bytes.writeUInt32BE(header.stream, at + 5);
}

/** The headers and the one message of a call. */
function requestFrames(stream: number, headers: Buffer, message: Uint8Array): Buffer {
  const length = MESSAGE_PREFIX_BYTES + message.length;
  const data = FRAME_HEADER_BYTES + headers.length;
  const bytes = Buffer.allocUnsafe(data + FRAME_HEADER_BYTES + length);
  const { headers: type } = FRAME;
  writeFrameHeader(bytes, 0, { length: headers.length, type, flags: FLAG.endHeaders, stream });
  bytes.set(headers, FRAME_HEADER_BYTES);
  writeFrameHeader(bytes, data, { length, type: FRAME.data, flags: FLAG.endStream, stream });
  const at = data + FRAME_HEADER_BYTES;
  bytes[at] = 0;
  bytes.writeUInt32BE(message.length, at + 1);
  bytes.set(message, at + MESSAGE_PREFIX_BYTES);
  return bytes;
}

/** Headers as HPACK has them (RFC 7541): by number where its table has them, never remembered. */
function headerBlock(authority: string, path: string): Buffer {
  const text = (value: string) => [Buffer.from([value.length]), Buffer.from(value)];
  return Buffer.concat([
    Buffer.from([0x83, 0x86]), // :method POST, :scheme http
    ...[Buffer.from([0x04]), ...text(path)],
    ...[Buffer.from([0x01]), ...text(authority)],
    ...[Buffer.from([0x0f, 0x10]), ...text('application/grpc')],
    ...[Buffer.from([0x00]), ...text('te'), ...text('trailers')],
  ]);
}

/** Codes of what the two names and a number consist of (RFC 7541, appendix B). */
const CODES: Readonly<Record<string, string>> = {
  ...{ 0: '00000', 1: '00001', 2: '00010', 3: '011001', 4: '011010', 5: '011011' },
  ...{ 6: '011100', 7: '011101', 8: '011110', 9: '011111', '-': '010110', a: '00011' },
  ...{ b: '100011', c: '00100', e: '00101', g: '100110', h: '100111', k: '1110101' },
  ...{ m: '101001', p: '101011', r: '101100', s: '01000', t: '01001', u: '101101' },
  y: '1111010',
};

/** Names as servers write them, in HPACK's code of Huffman. */
const STATUS_NAME = huffman('grpc-status');
const PUSHBACK_NAME = huffman('grpc-retry-pushback-ms');

/** How a call without an answer ended, by its trailers. */
function endOf(trailers: Buffer): Ended {
  if (numberBehind(trailers, STATUS_NAME) !== RESOURCE_EXHAUSTED) return FAILED;
  return { outcome: 'refused', retryDelayMs: numberBehind(trailers, PUSHBACK_NAME) ?? 0 };
}

/** The number that is the value of a header; undefined without it. */
function numberBehind(block: Buffer, name: Buffer): number | undefined {
  const at = block.indexOf(name);
  if (at < 0) return undefined;
  const length = block[at + name.length] ?? 0;
  const from = at + name.length + 1;
  const value = block.subarray(from, from + (length & 0x7f));
  return Number((length & 0x80) === 0 ? value.toString() : digitsOf(value));
}

/** A text with its length before it, filled up with ones. */
function huffman(text: string): Buffer {
  const bits = [...text].map((character) => CODES[character] ?? '').join('');
  const octets = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1').match(/.{8}/g) ?? [];
  return Buffer.from([0x80 | octets.length, ...octets.map((octet) => Number.parseInt(octet, 2))]);
}

function digitsOf(value: Buffer): string {
  const bits = [...value].map((octet) => octet.toString(2).padStart(8, '0')).join('');
  return bits.replace(
    /000(?:00|01|10)|011001|01101[01]|0111[01][01]|1+$/g,
    (code) => Object.keys(CODES).find((digit) => CODES[digit] === code) ?? '',
  );
}

// Messages of the stream of one account. A snapshot, or what was missed, may be large: it is cut
// into messages of a bounded size. Events are passed on as they stand in the log.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  StreamAccountResponse,
  StreamAccountResponseSchema,
} from '../../../gen/bourse/ledger/v1/service_pb.ts';
import type { LogPoint } from '../../lib/shard/log-entry.ts';
import { WireWriter } from '../../lib/shard/wire.ts';
import { balanceInit, bytesOf, recordMessage } from './codec/record-codec.ts';
import type { AccountMessage, AccountSnapshot } from './shard/follow-account.ts';

// A record takes less than 600 bytes, an event less than 1,000: far below the 4 MiB of a message.
const ORDERS_PER_MESSAGE = 1_000;
const BALANCES_PER_MESSAGE = 10_000;
const EVENTS_PER_MESSAGE = 1_000;

type AccountInit = Exclude<
  MessageInitShape<typeof StreamAccountResponseSchema>,
  StreamAccountResponse
>;

const [response, events, event] = [64 << 10, 64 << 10, 4 << 10].map((bytes) => {
  return new WireWriter(bytes);
}) as [WireWriter, WireWriter, WireWriter];

// Field numbers in bourse/ledger/v1/service.proto.
const RESPONSE = {
  throughSequence: 1,
  logTimeUs: 2,
  events: 4,
  committedEntryIndex: 6,
  committedChainChecksum: 7,
} as const;
const ACCOUNT_EVENTS = { events: 1 } as const;
const ACCOUNT_EVENT = { sequence: 1, logTimeUs: 2, event: 3, traceContext: 4 } as const;

/**
 * One message of a followed account in its wire form, in as many messages as it takes.
 *
 * @param committed the last committed entry; undefined when this node leads no more
 */
export function* accountResponses(
  message: AccountMessage,
  committed: LogPoint | undefined,
): Generator<AccountInit | Uint8Array> {
  const point = {
    committedEntryIndex: BigInt(committed?.entryIndex ?? 0),
    committedChainChecksum: bytesOf(committed?.chainChecksum ?? ''),
  };
  const reach = {
    throughSequence: BigInt(message.throughSequence),
    logTimeUs: BigInt(message.logTimeUs),
    ...point,
  };
  switch (message.kind) {
    case 'snapshot':
      for (const value of snapshotParts(message.snapshot)) {
        yield { ...reach, kind: { case: 'snapshot', value } };
      }
      break;
    case 'events':
      yield* eventsParts(message, committed);
      break;
    case 'heartbeat':
      yield reach;
      break;
    case 'closing':
      yield { ...reach, kind: { case: 'closing', value: {} } };
  }
}

function* snapshotParts(snapshot: AccountSnapshot) {
  const { accountNumber, orders, balances, accountSequence } = snapshot;
  const count = Math.max(
    1,
    Math.ceil(orders.length / ORDERS_PER_MESSAGE),
    Math.ceil(balances.length / BALANCES_PER_MESSAGE),
  );
  for (let part = 0; part < count; part += 1) {
    yield {
      accountNumber,
      orders: pageOf(orders, part, ORDERS_PER_MESSAGE).map(recordMessage),
      balances: pageOf(balances, part, BALANCES_PER_MESSAGE).map(balanceInit),
      accountSequence: BigInt(accountSequence),
      complete: part === count - 1,
    };
  }
}

/** The canonical bytes of the messages that bring events. */
function* eventsParts(
  { happenings, throughSequence }: Extract<AccountMessage, { kind: 'events' }>,
  committed: LogPoint | undefined,
): Generator<Uint8Array> {
  for (let first = 0; first < happenings.length; first += EVENTS_PER_MESSAGE) {
    const part = happenings.slice(first, first + EVENTS_PER_MESSAGE);
    const last = part.at(-1);
    if (last === undefined) return;
    const isLast = first + EVENTS_PER_MESSAGE >= happenings.length;
    // What follows in the next message is not sent yet.
    response.numberField(RESPONSE.throughSequence, isLast ? throughSequence : last.sequence);
    response.numberField(RESPONSE.logTimeUs, last.logTimeUs);
    for (const happening of part) {
      event.numberField(ACCOUNT_EVENT.sequence, happening.sequence);
      event.numberField(ACCOUNT_EVENT.logTimeUs, happening.logTimeUs);
      event.bytesField(ACCOUNT_EVENT.event, happening.bytes);
      event.textField(ACCOUNT_EVENT.traceContext, happening.traceContext);
      events.writerField(ACCOUNT_EVENTS.events, event);
    }
    response.writerField(RESPONSE.events, events);
    response.numberField(RESPONSE.committedEntryIndex, committed?.entryIndex ?? 0);
    response.hexField(RESPONSE.committedChainChecksum, committed?.chainChecksum ?? '');
    yield response.take();
  }
}

function pageOf<T>(items: readonly T[], page: number, size: number): readonly T[] {
  return items.slice(page * size, (page + 1) * size);
}

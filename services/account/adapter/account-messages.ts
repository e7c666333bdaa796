// Messages of the stream of one account. A snapshot, or what was missed, may be large: it is cut
// into messages of a bounded size.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  StreamAccountResponse,
  StreamAccountResponseSchema,
} from '../../../gen/bourse/ledger/v1/service_pb.ts';
import type { LogPoint } from '../../lib/shard/log-entry.ts';
import { eventMessage } from './codec/event-codec.ts';
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

/**
 * One message of a followed account in its wire form, in as many messages as it takes.
 *
 * @param committed the last committed entry; undefined when this node leads no more
 */
export function* accountResponses(
  message: AccountMessage,
  committed: LogPoint | undefined,
): Generator<AccountInit> {
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
      for (const part of eventsParts(message)) yield { ...point, ...part };
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

function* eventsParts({
  happenings,
  throughSequence,
}: Extract<AccountMessage, { kind: 'events' }>): Generator<AccountInit> {
  for (let first = 0; first < happenings.length; first += EVENTS_PER_MESSAGE) {
    const part = happenings.slice(first, first + EVENTS_PER_MESSAGE);
    const last = part.at(-1);
    if (last === undefined) return;
    const isLast = first + EVENTS_PER_MESSAGE >= happenings.length;
    const events = part.map((happening) => ({
      sequence: BigInt(happening.sequence),
      logTimeUs: BigInt(happening.logTimeUs),
      event: eventMessage(happening.event),
      traceContext: happening.traceContext,
    }));
    yield {
      // What follows in the next message is not sent yet.
      throughSequence: BigInt(isLast ? throughSequence : last.sequence),
      logTimeUs: BigInt(last.logTimeUs),
      kind: { case: 'events', value: { events } },
    };
  }
}

function pageOf<T>(items: readonly T[], page: number, size: number): readonly T[] {
  return items.slice(page * size, (page + 1) * size);
}

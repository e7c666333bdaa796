// Logs of a matching shard for the recovery benchmark: a day of commands as it is written when the
// exchange is busy, and a million orders that stay open.

import { slotOf } from '../../services/lib/routing/slot.ts';
import type { LogEntry } from '../../services/lib/shard/log-entry.ts';
import type { Replica } from '../../services/lib/shard/replica.ts';
import { matchingCodec } from '../../services/matching/adapter/codec/matching-codec.ts';
import type { MatchingCommand } from '../../services/matching/domain/command.ts';
import type { MatchingEvent } from '../../services/matching/domain/event.ts';
import { MatchingMachine } from '../../services/matching/domain/machine.ts';
import { FlowRecords } from '../../services/matching/replay/flow-records.ts';
import { buildLog, type TimedCommand } from '../support/logs/build-log.ts';
import { WIDE_RULES } from '../support/matching/one-book.ts';
import { noteFills } from './matching-engine.ts';
import { makeWorkload } from './matching-workloads.ts';

export const SHARD = 'bench-1';

export const REPLICA = {
  shardId: SHARD,
  createMachine: () => new MatchingMachine({ ordersPerBook: 2 ** 31 }),
  codec: matchingCodec,
  maximumIdentities: 8_000_000,
};

/** What a busy leader puts into one entry. */
const COMMANDS_PER_ENTRY = 500;
/** As the leader does it (SNAP-3). */
const ENTRIES_PER_CHECKSUM = 40;
/** How long the day lasts: 10 million commands come at 10,000 a second. */
export const DAY_SECONDS = 1_000;
/** Orders that stay open have come over hours: no identity of theirs is remembered any more. */
const SLOW_ENTRY_US = 10_000_000;
const INSTRUMENTS = 10;
const BEGIN_US = 1_700_000_000_000_000;

export const rulesOf = (instrumentNumber: number) => ({
  ...WIDE_RULES,
  ...{ instrumentNumber, instrumentId: `BENCH-${instrumentNumber}` },
  maximumQuantityUnits: 2 ** 32 - 1,
  maximumPriceUnits: 2 ** 30 - 1,
  maximumOpenOrders: 2 ** 31,
});

type MatchingReplica = Replica<MatchingCommand, MatchingEvent, never>;
type OnEntry = (entry: LogEntry) => void;

/** A day of so many commands on one instrument. */
export function buildDay(seed: number, count: number, onEntry: OnEntry): MatchingReplica {
  const workload = makeWorkload('normal', seed, count);
  noteFills(workload);
  const flow = new FlowRecords(workload.records, workload.accounts);
  const entryUs = Math.floor((DAY_SECONDS * 1e6 * COMMANDS_PER_ENTRY) / count);
  return build(timed(opening(1), dayOf(flow), entryUs), onEntry);
}

function* dayOf(flow: FlowRecords): Generator<MatchingCommand> {
  for (let index = 0; index < flow.count; index += 1) {
    yield flow.commandAt(index, flow.noteAt(index));
  }
}

/** So many orders that do not meet, over several instruments and thousands of prices. */
export function buildOpenOrders(count: number, onEntry: OnEntry): MatchingReplica {
  return build(timed(opening(INSTRUMENTS), restingOrders(count), SLOW_ENTRY_US), onEntry);
}

function* restingOrders(count: number): Generator<MatchingCommand> {
  const day = new FlowRecords(makeWorkload('still', 1, 2_000).records, 1_000);
  let template: Extract<MatchingCommand, { kind: 'placeOrder' }> | undefined;
  for (let index = 0; index < day.count && template === undefined; index += 1) {
    const command = day.commandAt(index, 0);
    if (command.kind === 'placeOrder' && command.terms.timeInForce === 'GTC') {
      template = { ...command, terms: { ...command.terms } };
    }
  }
  if (template === undefined) throw new Error('a day without orders');
  for (let index = 0; index < count; index += 1) {
    const isBid = index % 2 === 0;
    const distance = 1 + ((index * 7_919) % 5_000);
    const terms = {
      ...template.terms,
      instrumentNumber: 1 + (index % INSTRUMENTS),
      side: isBid ? ('BUY' as const) : ('SELL' as const),
      priceUnits: isBid ? 50_000 - distance : 50_000 + distance,
      quantityUnits: 1 + (index % 100),
    };
    yield { ...template, accountNumber: 1 + (index % 10_000), placement: index + 1, terms };
  }
}

function opening(instruments: number): MatchingCommand[] {
  const numbers = Array.from({ length: instruments }, (_, index) => index + 1);
  const slots = [...new Set(numbers.map((number) => slotOf(rulesOf(number).instrumentId)))];
  return [
    { kind: 'acquireSlots', slots: slots.sort((one, other) => one - other), generation: 1 },
    ...numbers.map((number): MatchingCommand => {
      return { kind: 'setInstrument', rules: rulesOf(number), initialState: 'CONTINUOUS' };
    }),
  ];
}

function* timed(
  first: readonly MatchingCommand[],
  rest: Iterable<MatchingCommand>,
  entryUs: number,
): Generator<TimedCommand<MatchingCommand>> {
  let logTimeUs = BEGIN_US;
  for (const command of first) yield { command, logTimeUs };
  let count = 0;
  for (const command of rest) {
    if (count % COMMANDS_PER_ENTRY === 0) logTimeUs += entryUs;
    count += 1;
    yield { command, logTimeUs };
  }
}

function build(
  commands: Iterable<TimedCommand<MatchingCommand>>,
  onEntry: OnEntry,
): MatchingReplica {
  return buildLog({
    replica: REPLICA,
    commands,
    commandsPerEntry: COMMANDS_PER_ENTRY,
    entriesPerChecksum: ENTRIES_PER_CHECKSUM,
    onEntry,
  });
}

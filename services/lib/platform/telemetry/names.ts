// Every telemetry name of the system: spans, attributes, metrics. Spelt here and nowhere else, so
// that dashboards, alerts and tests have one list to go by.
//
// Attributes hold ids and quantities; never credentials or balances.

/** Names of spans besides those of calls, which are named after their method. */
export const SPANS = {
  batch: 'run batch',
  hold: 'place hold',
  propose: 'propose',
  append: 'append entry',
  apply: 'apply entry',
  settle: 'settle events',
  publish: 'publish market data',
} as const;

export const ATTRIBUTES = {
  rpcSystem: 'rpc.system.name',
  rpcService: 'rpc.service',
  rpcMethod: 'rpc.method',
  rpcCode: 'rpc.response.status_code',
  reason: 'bourse.reason',
  shardId: 'bourse.shard_id',
  epoch: 'bourse.epoch',
  entryIndex: 'bourse.entry_index',
  entryBytes: 'bourse.entry_bytes',
  commandCount: 'bourse.command_count',
  eventCount: 'bourse.event_count',
  accountId: 'bourse.account_id',
  instrumentId: 'bourse.instrument_id',
  orderId: 'bourse.order_id',
  clientOrderId: 'bourse.client_order_id',
  clientBatchId: 'bourse.client_batch_id',
  orderStatus: 'bourse.order_status',
  stage: 'bourse.stage',
  memoryKind: 'bourse.memory_kind',
  stream: 'bourse.stream',
  queue: 'bourse.queue',
  commandKind: 'bourse.command_kind',
  nodeId: 'bourse.node_id',
  consumer: 'bourse.consumer',
} as const;

type MetricKind = 'counter' | 'up-down-counter' | 'histogram' | 'gauge';

/** A declared metric. A gauge is read when someone collects; the others are written as it happens. */
export type Metric<Kind extends MetricKind = MetricKind> = {
  readonly name: string;
  readonly kind: Kind;
  readonly unit: string;
  readonly description: string;
  /** Upper bounds of a histogram's buckets, in its unit. */
  readonly buckets?: readonly number[];
};

/** From a tenth of a millisecond (one call alone) to ten seconds (something is stuck). */
const SECONDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
/** Ten steps a decade, from ten microseconds on: for times that are added up to a whole. */
const FINE_SECONDS: readonly number[] = [1e-5, 1e-4, 1e-3, 0.01, 0.1, 1].flatMap((decade) =>
  [1, 1.25, 1.6, 2, 2.5, 3.15, 4, 5, 6.3, 8].map((step) => Number((decade * step).toPrecision(3))),
);
const BYTES: readonly number[] = [256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304];
const COUNTS: readonly number[] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

export const METRICS = {
  rpcRequests: counter('bourse.rpc.requests', '{request}', 'Calls finished, by method and code'),
  rpcDuration: histogram('bourse.rpc.duration', 's', 'Time to serve a unary call', SECONDS),
  rpcActive: upDown('bourse.rpc.active', '{request}', 'Calls being served, streams included'),
  rpcClientRequests: counter(
    'bourse.rpc.client.requests',
    '{request}',
    'Calls made to other services, by method and code',
  ),
  rpcClientDuration: histogram(
    'bourse.rpc.client.duration',
    's',
    'Time until another service answered a unary call',
    SECONDS,
  ),
  rejections: counter(
    'bourse.rejections',
    '{rejection}',
    'Calls refused, by reason, and orders declined, by reject reason',
  ),
  streams: upDown('bourse.streams', '{stream}', 'Open streams to subscribers, by stream'),
  streamMessages: counter('bourse.stream.messages', '{message}', 'Messages sent to subscribers'),
  streamsTooSlow: counter('bourse.streams.too_slow', '{stream}', 'Streams ended: reader too slow'),
  queueDepth: gauge('bourse.queue.depth', '{item}', 'Items waiting, by queue and shard'),
  appendDuration: histogram(
    'bourse.log.append.duration',
    's',
    'Time of the transaction that appends an entry to the log',
    FINE_SECONDS,
  ),
  logCutEntries: counter('bourse.log.cut.entries', '{entry}', 'Entries cut off a log'),
  logCutHeldUp: counter(
    'bourse.log.cut.held_up',
    '{cut}',
    'Cuts of a log that a registered consumer held up, by shard and consumer',
  ),
  logSpaceUsed: gauge('bourse.log.space.used', 'By', 'Bytes that the database uses'),
  logSpaceTotal: gauge('bourse.log.space.total', 'By', 'Bytes that the database may use'),
  entryBytes: histogram('bourse.log.entry.size', 'By', 'Size of an appended entry', BYTES),
  entryCommands: histogram(
    'bourse.log.entry.commands',
    '{command}',
    'Commands in an appended entry',
    COUNTS,
  ),
  applyDuration: histogram(
    'bourse.shard.apply.duration',
    's',
    'Time to apply an entry',
    FINE_SECONDS,
  ),
  commands: counter(
    'bourse.shard.commands',
    '{command}',
    'Commands committed, by kind and outcome',
  ),
  shardLeads: gauge('bourse.shard.leads', '1', '1 while this process leads the shard, else 0'),
  shardEpoch: gauge('bourse.shard.epoch', '1', 'Epoch that the shard is in'),
  commitLag: histogram(
    'bourse.shard.commit.lag',
    's',
    'From the log time of an entry to its commit: one append, or what is left of another one, too',
    FINE_SECONDS,
  ),
  standbyLag: histogram(
    'bourse.shard.standby.lag',
    's',
    'From the log time of an entry, through its commit, to when a standby has applied it',
    FINE_SECONDS,
  ),
  standbyBehind: gauge(
    'bourse.shard.standby.behind',
    's',
    'For how long a standby has not been level with its leader; absent without a leader',
  ),
  settlementLag: histogram(
    'bourse.settlement.lag',
    's',
    "Log time from a matching event's entry to its settlement's",
    SECONDS,
  ),
  closedWindow: gauge(
    'bourse.orders.closed_window',
    's',
    'Log time since the oldest final order that is remembered closed, by shard (HLD-2)',
  ),
  settlementBehind: gauge(
    'bourse.settlement.behind',
    's',
    'Age of the oldest event that was read and is not settled, by shard',
  ),
  settledSequence: gauge('bourse.settlement.sequence', '1', 'Last settled sequence, by shard'),
  orderStage: histogram(
    'bourse.order.stage.duration',
    's',
    'Time of a placement in the order service, by stage; of one in sixteen that come in batches',
    FINE_SECONDS,
  ),
  orders: counter('bourse.orders', '{order}', 'Orders answered, by status'),
  trades: counter('bourse.trades', '{trade}', 'Trades published, by instrument'),
  bookLag: histogram('bourse.marketdata.lag', 's', 'From log time to publication', SECONDS),
  processorTime: gauge('bourse.process.cpu.time', 's', 'Processor time that the process has used'),
  memoryUsage: gauge('bourse.process.memory', 'By', 'Memory of the process, by kind'),
  mapVersion: gauge('bourse.cluster.map_version', '1', 'Version of the cluster table in use'),
} as const;

function counter(name: string, unit: string, description: string): Metric<'counter'> {
  return { name, kind: 'counter', unit, description };
}

function upDown(name: string, unit: string, description: string): Metric<'up-down-counter'> {
  return { name, kind: 'up-down-counter', unit, description };
}

function gauge(name: string, unit: string, description: string): Metric<'gauge'> {
  return { name, kind: 'gauge', unit, description };
}

function histogram(
  name: string,
  unit: string,
  description: string,
  buckets: readonly number[],
): Metric<'histogram'> {
  return { name, kind: 'histogram', unit, description, buckets };
}

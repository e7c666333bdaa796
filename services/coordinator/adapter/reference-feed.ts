// StreamInstruments: a snapshot, then what is new or changed since the version that the client has.
// A slow reader costs nothing: what it has not seen yet is read from the tables when it is ready.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  StreamInstrumentsRequest,
  StreamInstrumentsResponseSchema,
} from '../../../gen/bourse/reference/v1/service_pb.ts';
import { pause } from '../../lib/platform/cluster/cluster-world.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { RpcContext } from '../../lib/platform/rpc/call-context.ts';
import { addToMetric } from '../../lib/platform/telemetry/metrics.ts';
import { ATTRIBUTES, METRICS } from '../../lib/platform/telemetry/names.ts';
import type { ReferenceTables } from '../domain/reference-tables.ts';
import type { ActiveCoordinator } from './active-coordinator.ts';
import type { Coordinator } from './coordinator.ts';
import { fieldError } from './form.ts';
import {
  type AssetInit,
  assetMessage,
  type InstrumentInit,
  instrumentMessage,
} from './reference-messages.ts';

type Response = Exclude<
  MessageInitShape<typeof StreamInstrumentsResponseSchema>,
  { $typeName: 'bourse.reference.v1.StreamInstrumentsResponse' }
>;
type Brought = NonNullable<Response['message']>;

const HEARTBEAT_MS = 1_000;
const STREAMS_LIMIT = 1_000;
/** Assets and instruments in one part of a snapshot. */
const PART_LIMIT = 1_000;
const GRACE_MS = 1_000;
const METRIC_ATTRIBUTES = { [ATTRIBUTES.stream]: 'instruments' };

let openStreams = 0;

/** Serves one stream. */
export async function* streamReference(
  coordinator: Coordinator,
  request: StreamInstrumentsRequest,
  call: RpcContext,
): AsyncGenerator<Response> {
  const active = coordinator.active();
  const resumeFrom = parseResumeToken(request.resumeToken, active.reference.tables.version);
  if (openStreams >= STREAMS_LIMIT) {
    const metadata = { limit: String(STREAMS_LIMIT) };
    throw new OperatingError('TOO_MANY_STREAMS', 'Too many streams are open.', { metadata });
  }
  openStreams += 1;
  addToMetric(METRICS.streams, 1, METRIC_ATTRIBUTES);
  try {
    yield* stream(active, resumeFrom, call);
  } finally {
    openStreams -= 1;
    addToMetric(METRICS.streams, -1, METRIC_ATTRIBUTES);
  }
}

async function* stream(
  active: ActiveCoordinator,
  resumeFrom: number | undefined,
  call: RpcContext,
): AsyncGenerator<Response> {
  const { reference, world } = active;
  const heartbeatInterval = { seconds: BigInt(HEARTBEAT_MS / 1_000), nanos: 0 };
  const resumed = resumeFrom !== undefined;
  yield brought(resumeFrom, { case: 'started', value: { resumed, heartbeatInterval } });
  let version: number;
  if (resumeFrom === undefined) {
    const { tables } = reference;
    yield* snapshot(tables);
    version = tables.version;
  } else {
    version = resumeFrom;
  }
  while (!call.signal.aborted && !call.draining.aborted) {
    const woken = new AbortController();
    const wake = () => woken.abort();
    const end = reference.listen(wake);
    const ends = [active.ended, call.signal, call.draining];
    for (const signal of ends) signal.addEventListener('abort', wake);
    try {
      const { tables } = reference;
      yield* changesSince(tables, version);
      version = tables.version;
      if (ends.every((signal) => !signal.aborted)) await pause(world, HEARTBEAT_MS, woken.signal);
    } finally {
      end();
      for (const signal of ends) signal.removeEventListener('abort', wake);
    }
    if (active.ended.aborted)
      throw new OperatingError('NOT_READY', 'Another coordinator is active.');
    if (!woken.signal.aborted) yield brought(version, { case: 'heartbeat', value: {} });
  }
  const grace = { seconds: BigInt(GRACE_MS / 1_000), nanos: 0 };
  const comment = 'The coordinator is stopping.';
  yield brought(version, { case: 'closing', value: { comment, grace } });
}

function* snapshot(tables: ReferenceTables): Generator<Response> {
  const assets = publishedAssets(tables, 0).map(({ message }) => message);
  const instruments = publishedInstruments(tables, 0).map(({ message }) => message);
  do {
    const assetPart = assets.splice(0, PART_LIMIT);
    const instrumentPart = instruments.splice(0, PART_LIMIT - assetPart.length);
    const complete = assets.length + instruments.length === 0;
    const value = { assets: assetPart, instruments: instrumentPart, complete };
    yield brought(complete ? tables.version : undefined, { case: 'snapshot', value });
    if (complete) return;
  } while (true);
}

/** In the order of versions; only the last message of a version has that version's token. */
function* changesSince(tables: ReferenceTables, version: number): Generator<Response> {
  const changes: { readonly at: number; readonly what: Brought }[] = [
    ...publishedAssets(tables, version).map(({ at, message }) => ({
      at,
      what: { case: 'asset' as const, value: message },
    })),
    ...publishedInstruments(tables, version).map(({ at, message }) => ({
      at,
      what: { case: 'instrument' as const, value: message },
    })),
  ].sort((one, other) => one.at - other.at);
  for (const [index, { at, what }] of changes.entries()) {
    const isLast = changes[index + 1]?.at !== at;
    yield brought(isLast ? at : at - 1, what);
  }
}

function publishedAssets(
  tables: ReferenceTables,
  after: number,
): { readonly at: number; readonly message: AssetInit }[] {
  return [...tables.assets.values()].flatMap((asset) =>
    asset.publishedAt === undefined || asset.publishedAt <= after
      ? []
      : [{ at: asset.publishedAt, message: assetMessage(asset) }],
  );
}

function publishedInstruments(
  tables: ReferenceTables,
  after: number,
): { readonly at: number; readonly message: InstrumentInit }[] {
  return [...tables.instruments.values()].flatMap((row) =>
    row.published === undefined || row.publishedAt === undefined || row.publishedAt <= after
      ? []
      : [{ at: row.publishedAt, message: instrumentMessage(tables, row, row.published) }],
  );
}

function brought(version: number | undefined, message: Brought): Response {
  return { resumeToken: resumeToken(version), message };
}

/** Without a version the token says: begin anew. */
function resumeToken(version: number | undefined): string {
  return Buffer.from(`reference.${version ?? 'new'}`).toString('base64url');
}

function parseResumeToken(token: string, present: number): number | undefined {
  if (token === '' || token === resumeToken(undefined)) return undefined;
  const text = Buffer.from(token, 'base64url').toString();
  const version = /^reference\.(\d{1,15})$/.exec(text)?.[1];
  if (version === undefined || resumeToken(Number(version)) !== token) {
    const message = 'resume_token was not made by this method.';
    throw fieldError('RESUME_TOKEN_INVALID', 'resume_token', message);
  }
  if (Number(version) > present) {
    const message = 'What the resume token names is not kept here.';
    throw new OperatingError('RESUME_TOKEN_TOO_OLD', message);
  }
  return Number(version);
}

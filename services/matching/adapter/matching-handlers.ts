// MatchingService: what the mesh asks of the matching shards that this node hosts.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  GetBookRequest,
  GetBookResponseSchema,
  MatchingService,
} from '../../../gen/bourse/matching/v1/service_pb.ts';
import type { HostedShards } from '../../lib/platform/cluster/hosted-shards.ts';
import { serveEntries } from '../../lib/platform/cluster/serve-entries.ts';
import {
  encodeRules,
  instrumentStateCodec,
  sideCodec,
} from '../../lib/platform/codec/terms-codec.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import { takingRaw } from '../../lib/platform/rpc/definition.ts';
import { fanout } from '../../lib/platform/rpc/fanout.ts';
import { takeFirst } from '../../lib/platform/rpc/first-request.ts';
import type { Handlers } from '../../lib/platform/rpc/server.ts';
import type { ReadResult } from '../../lib/shard/host.ts';
import { serveProposeStream } from '../../lib/shard/propose-stream.ts';
import type { World } from '../../lib/shard/world.ts';
import type { MatchingCommand } from '../domain/command.ts';
import type { MatchingEvent } from '../domain/event.ts';
import type { BookView } from '../domain/view.ts';
import { type MatchingHost, serveEvents } from './event-stream.ts';
import { asMatching } from './holdings.ts';
import { encodeResults } from './propose-answers.ts';
import { decodeProposals, RAW_PROPOSALS } from './propose-codec.ts';

type BookInit = MessageInitShape<typeof GetBookResponseSchema>;

/** Levels a side that a caller may ask for. */
const DEPTH_LIMIT = 1_000;

export type MatchingShards = HostedShards<MatchingCommand, MatchingEvent, never>;

export function matchingHandlers(
  shards: MatchingShards,
  world: World,
): Handlers<typeof MatchingService> {
  const find = (shardId: string) => findHost(shards, shardId);
  return {
    propose: takingRaw(RAW_PROPOSALS, async function* (requests, call) {
      // When the node drains, its shards have answered everything before the server says so.
      const signal = AbortSignal.any([call.signal, call.draining]);
      const taken = await takeFirst(requests, signal);
      if (taken === undefined) return;
      const { first, all } = taken;
      await shards.untilLed(first.shardId, signal);
      yield* serveProposeStream({
        host: find(first.shardId),
        requests: all,
        decode: (request) => decodeProposals(request, first.shardId),
        // The server passes bytes on as they are.
        encode: (batch) => encodeResults(batch) as object,
        signal,
      });
    }),

    streamEvents: fanout((request, subscriber) => {
      serveEvents(find(request.shardId), world, request, subscriber);
    }),

    streamEntries: fanout((request, subscriber) => {
      serveEntries(find(request.shardId), request, subscriber);
    }),

    getBook: (request) => getBook(find(request.shardId), request),

    async getPosition({ shardId }) {
      const host = find(shardId);
      const { committed, lastSequence } = answered(host, await host.readPosition());
      return {
        sequence: BigInt(lastSequence),
        entryIndex: BigInt(committed.entryIndex),
        chainChecksum: Buffer.from(committed.chainChecksum, 'hex'),
      };
    },
  };
}

async function getBook(host: MatchingHost, request: GetBookRequest): Promise<BookInit> {
  const { instrumentNumber, depth } = request;
  if (depth > DEPTH_LIMIT) {
    const message = `depth must be from 0 to ${DEPTH_LIMIT}.`;
    throw new OperatingError('NUMBER_OUT_OF_RANGE', message, { metadata: { field: 'depth' } });
  }
  const read = await host.read((machine, { lastSequence }) => ({
    view: asMatching(machine).viewBook(instrumentNumber, depth),
    lastSequence,
  }));
  const { view, lastSequence } = answered(host, read);
  if (view === undefined) {
    const metadata = { instrument_number: String(instrumentNumber), shard_id: host.shardId };
    const message = `${host.shardId} has no instrument ${instrumentNumber}.`;
    throw new OperatingError('INSTRUMENT_UNKNOWN', message, { metadata });
  }
  return {
    instrumentSequence: BigInt(view.instrumentSequence),
    state: instrumentStateCodec.toNumber(view.state),
    ...levelsOf(view),
    rules: encodeRules(view.rules),
    shardSequence: BigInt(lastSequence),
    lastPriceUnits: BigInt(view.lastPriceUnits),
    staticReferencePriceUnits: BigInt(view.staticReferencePriceUnits),
    auctionEndTimeUs: BigInt(view.auctionEndTimeUs),
    ...(view.indicative === undefined ? {} : { indicativeUncross: uncrossOf(view.indicative) }),
  };
}

function uncrossOf({
  priceUnits,
  volumeUnits,
  surplusUnits,
  surplusSide,
}: NonNullable<BookView['indicative']>) {
  return {
    priceUnits: BigInt(priceUnits),
    volumeUnits: BigInt(volumeUnits),
    surplusUnits: BigInt(surplusUnits),
    ...(surplusSide === undefined ? {} : { surplusSide: sideCodec.toNumber(surplusSide) }),
  };
}

function levelsOf(view: BookView) {
  const encode = (levels: BookView['bids']) =>
    levels.map(({ priceUnits, quantityUnits, orderCount }) => ({
      priceUnits: BigInt(priceUnits),
      quantityUnits: BigInt(quantityUnits),
      orderCount,
    }));
  return { bids: encode(view.bids), asks: encode(view.asks) };
}

function findHost(shards: MatchingShards, shardId: string): MatchingHost {
  const host = shards.find(shardId);
  if (host !== undefined) return host;
  const metadata = { shard_id: shardId };
  throw new OperatingError('NOT_LEADER', `${shardId} is not hosted here.`, { metadata });
}

function answered<T>(host: MatchingHost, read: ReadResult<T>): T {
  if (read.kind === 'answered') return read.value;
  const metadata = { shard_id: host.shardId };
  throw new OperatingError(read.reason, `${host.shardId} cannot be read here now.`, { metadata });
}

// ReferenceService: shows what callers may see of assets and instruments, and streams its changes.

import type { ReferenceService } from '../../../gen/bourse/reference/v1/service_pb.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { Handlers } from '../../lib/platform/rpc/server.ts';
import { findAssetById, findInstrumentById } from '../domain/reference-tables.ts';
import type { Coordinator } from './coordinator.ts';
import { checkId, pageOf } from './form.ts';
import { streamReference } from './reference-feed.ts';
import { assetMessage, instrumentMessage } from './reference-messages.ts';

export function referenceHandlers(coordinator: Coordinator): Handlers<typeof ReferenceService> {
  const tables = () => coordinator.active().reference.tables;
  return {
    async getAsset({ assetId }) {
      checkId('asset_id', assetId);
      const asset = findAssetById(tables(), assetId);
      if (asset?.publishedAt === undefined) throw assetUnknown(assetId);
      return { asset: assetMessage(asset) };
    },

    async listAssets(request) {
      const seen = [...tables().assets.values()].filter((row) => row.publishedAt !== undefined);
      const page = pageOf('assets', seen, (row) => row.assetNumber, request);
      return { assets: page.rows.map(assetMessage), nextPageToken: page.nextPageToken };
    },

    async getInstrument({ instrumentId }) {
      checkId('instrument_id', instrumentId);
      const now = tables();
      const row = findInstrumentById(now, instrumentId);
      if (row?.published === undefined) throw instrumentUnknown(instrumentId);
      return { instrument: instrumentMessage(now, row, row.published) };
    },

    async listInstruments(request) {
      const now = tables();
      const seen = [...now.instruments.values()].flatMap((row) =>
        row.published === undefined ? [] : [{ row, terms: row.published }],
      );
      const page = pageOf('instruments', seen, ({ row }) => row.instrumentNumber, request);
      return {
        instruments: page.rows.map(({ row, terms }) => instrumentMessage(now, row, terms)),
        nextPageToken: page.nextPageToken,
      };
    },

    streamInstruments: (request, call) => streamReference(coordinator, request, call),
  };
}

export function assetUnknown(assetId: string): OperatingError {
  const metadata = { asset_id: assetId };
  return new OperatingError('ASSET_UNKNOWN', `There is no asset ${assetId}.`, { metadata });
}

export function instrumentUnknown(instrumentId: string): OperatingError {
  const metadata = { instrument_id: instrumentId };
  const message = `There is no instrument ${instrumentId}.`;
  return new OperatingError('INSTRUMENT_UNKNOWN', message, { metadata });
}

// Reads a venue file: YAML, checked as a whole, all faults at once.

import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { StartError } from '../../lib/platform/config/start-error.ts';
import { formatSessions, WEEKDAYS } from '../domain/sessions-text.ts';
import type { Venue } from '../domain/venue.ts';

const id = z.string().regex(/^[A-Za-z0-9._:-]{1,64}$/, 'must be 1 to 64 of [A-Za-z0-9._:-]');

// A decimal that YAML has read as a number has lost its digits, so it must be quoted.
const decimal = z
  .string('must be a quoted decimal, such as "0.01"')
  .regex(/^-?(0|[1-9]\d*)(\.\d+)?$/, 'must be a decimal, such as "0.01"');

const count = z
  .number('must be a whole number')
  .int('must be a whole number')
  .transform((value) => String(value));

const asset = z.strictObject({
  asset_id: id,
  display_name: z.string().default(''),
  scale: z.number().int().min(0).max(9),
});

const duration = z
  .string('must be a duration in seconds, such as "120s"')
  .regex(/^\d+(\.\d{1,6})?s$/, 'must be a duration in seconds, such as "120s"');

const change = z.strictObject({
  at: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/, 'must be a time in UTC, as "08:30"'),
  state: z.enum(['PRE_OPEN', 'AUCTION', 'CONTINUOUS', 'POST_ONLY', 'CLOSED']),
});

const sessions = z
  .strictObject({
    weekly: z
      .array(
        z.strictObject({ days: z.array(z.enum(WEEKDAYS)).min(1), changes: z.array(change).min(1) }),
      )
      .default([]),
    exceptions: z
      .array(
        z.strictObject({
          date: z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'must be a date, as 2026-12-24'),
          changes: z.array(change).default([]),
        }),
      )
      .default([]),
  })
  .transform(formatSessions);

const instrument = z.strictObject({
  instrument_id: id,
  base_asset_id: id,
  quote_asset_id: id,
  price_unit: decimal,
  quantity_unit: decimal,
  tick_size: decimal.optional(),
  lot_size: decimal.optional(),
  minimum_quantity: decimal.optional(),
  maximum_quantity: decimal,
  maximum_price: decimal,
  minimum_notional: decimal.optional(),
  collar_bps: count.optional(),
  maximum_open_orders: count.optional(),
  maker_fee_bps: decimal.optional(),
  taker_fee_bps: decimal.optional(),
  auction_fee_bps: decimal.optional(),
  reference_price: decimal.optional(),
  static_band_bps: count.optional(),
  far_band_bps: count.optional(),
  dynamic_band_bps: count.optional(),
  volatility_auction_duration: duration.optional(),
  sessions: sessions.optional(),
  state: z
    .enum(['PRE_OPEN', 'CONTINUOUS', 'POST_ONLY', 'CANCEL_ONLY', 'HALTED', 'CLOSED'])
    .optional(),
});

const deposit = z.strictObject({
  asset_id: id,
  amount: decimal,
  client_transfer_id: id.optional(),
});

const account = z.strictObject({
  account_id: id,
  deposits: z.array(deposit).default([]),
});

const venueFile = z.strictObject({
  assets: z.array(asset).default([]),
  instruments: z.array(instrument).default([]),
  accounts: z.array(account).default([]),
});

/** @throws StartError with one line per fault. */
export function readVenueFile(path: string): Venue {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new StartError(`${path} cannot be read: ${(error as Error).message}`);
  }
  return parseVenue(path, text);
}

/** @throws StartError with one line per fault. */
export function parseVenue(path: string, text: string): Venue {
  let content: unknown;
  try {
    content = parse(text) ?? {};
  } catch (error) {
    throw new StartError(`${path}: ${(error as Error).message.split('\n')[0]}`);
  }
  const read = venueFile.safeParse(content);
  if (!read.success) {
    const faults = read.error.issues.map(({ path: at, message }) => {
      return `  ${at.length === 0 ? 'the file' : at.join('.')}: ${message}`;
    });
    throw new StartError([`${path} is not a venue:`, ...faults].join('\n'));
  }
  const { assets, instruments, accounts } = read.data;
  return {
    assets,
    instruments: instruments as Venue['instruments'],
    accountIds: accounts.map(({ account_id }) => account_id),
    deposits: accounts.flatMap(({ account_id, deposits }) =>
      deposits.map(({ asset_id, amount, client_transfer_id }) => ({
        ...{ account_id, asset_id, amount },
        client_transfer_id: client_transfer_id ?? `venue-${account_id}-${asset_id}`,
      })),
    ),
  };
}

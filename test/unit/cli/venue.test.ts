// The venue as a file, and what must be done to get there.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parseVenue } from '../../../services/cli/adapter/venue-file.ts';
import { formatSessions, parseSessions } from '../../../services/cli/domain/sessions-text.ts';
import type { PresentVenue, Venue } from '../../../services/cli/domain/venue.ts';
import { describeStep, differenceOf } from '../../../services/cli/domain/venue-difference.ts';

const nothing: PresentVenue = {
  assets: new Map(),
  instruments: new Map(),
  accountIds: new Set(),
  transferIds: new Set(),
};

function presentOf(venue: Venue): PresentVenue {
  return {
    assets: new Map(venue.assets.map((asset) => [asset.asset_id, asset])),
    instruments: new Map(
      venue.instruments.map((one) => [one.instrument_id, { ...one, version: 3n }]),
    ),
    accountIds: new Set(venue.accountIds),
    transferIds: new Set(venue.deposits.map((deposit) => deposit.client_transfer_id)),
  };
}

const file = readFileSync('deploy/venue.yaml', 'utf8');
const venue = parseVenue('venue.yaml', file);

describe('a venue file', () => {
  test('the one that comes with the exchange has three assets and three instruments', () => {
    expect(venue.assets.map(({ asset_id }) => asset_id)).toEqual(['USD', 'BTC', 'ETH']);
    const ids = venue.instruments.map(({ instrument_id }) => instrument_id);
    expect(ids).toEqual(['BTC-USD', 'ETH-USD', 'ETH-BTC']);
  });

  test('all faults are reported at once, with their place', () => {
    const text = `
assets: [{ asset_id: "a b", scale: 10 }]
instruments: [{ instrument_id: X, base_asset_id: A, quote_asset_id: B, price_unit: 0.01 }]
accounts: [{ account_id: X, money: 1 }]
`;
    expect(() => parseVenue('v.yaml', text)).toThrow(
      /v\.yaml is not a venue:\n {2}assets\.0\.asset_id: .*\n {2}assets\.0\.scale: .*\n {2}instruments\.0\.price_unit: must be a quoted decimal/,
    );
    expect(() => parseVenue('v.yaml', 'assets: [')).toThrow(/^v\.yaml: /);
  });

  test('a deposit without an id gets one that stays the same', () => {
    const text = 'accounts: [{ account_id: X, deposits: [{ asset_id: A, amount: "1" }] }]';
    expect(parseVenue('v', text).deposits[0]?.client_transfer_id).toBe('venue-X-A');
  });
});

describe('the difference to the exchange', () => {
  test('a new exchange gets everything, in an order that works', () => {
    const { steps, conflicts } = differenceOf(venue, nothing);
    expect(conflicts).toEqual([]);
    expect(steps.map(describeStep)).toEqual([
      '+ asset USD, 8 decimal places',
      '+ asset BTC, 9 decimal places',
      '+ asset ETH, 9 decimal places',
      '+ instrument BTC-USD, price unit 0.01, quantity unit 0.000001',
      '+ instrument ETH-USD, price unit 0.01, quantity unit 0.000001',
      '+ instrument ETH-BTC, price unit 0.00001, quantity unit 0.0001',
      '+ account alice',
      '+ account bob',
      '+ deposit 10 BTC to bob (venue-bob-btc)',
      '+ deposit 100 ETH to bob (venue-bob-eth)',
    ]);
  });

  test('an exchange that is as the file says gets nothing', () => {
    expect(differenceOf(venue, presentOf(venue))).toEqual({ steps: [], conflicts: [] });
  });

  test('decimals are compared by value', () => {
    const padded = file.replace('tick_size: "0.01"', 'tick_size: "0.0100"');
    const wish = parseVenue('v', padded);
    expect(differenceOf(wish, presentOf(venue)).steps).toEqual([]);
  });

  test('rules and state that differ are changed, against the version that was seen', () => {
    const text = file
      .replace('maker_fee_bps: "1"', 'maker_fee_bps: "-2"')
      .replace('state: CONTINUOUS', 'state: CANCEL_ONLY');
    const { steps } = differenceOf(parseVenue('v', text), presentOf(venue));
    expect(steps.map(describeStep)).toEqual([
      '~ instrument BTC-USD: maker_fee_bps 1 -> -2',
      '~ instrument BTC-USD: state CONTINUOUS -> CANCEL_ONLY',
    ]);
    expect(steps[0]).toMatchObject({ expectedVersion: 3n });
  });

  test('what is for life cannot be changed (REF-1)', () => {
    const text = file
      .replace('display_name: Bitcoin, scale: 9', 'display_name: Bitcoin, scale: 8')
      .replace('price_unit: "0.00001"', 'price_unit: "0.0001"');
    const { conflicts } = differenceOf(parseVenue('v', text), presentOf(venue));
    expect(conflicts).toEqual([
      'asset BTC has scale 9 for life, the file says 8',
      'instrument ETH-BTC has price_unit 0.00001 for life, the file says 0.0001',
    ]);
  });
});

describe('sessions of a venue file', () => {
  const text = file.replace(
    'state: CONTINUOUS',
    `state: CONTINUOUS
    sessions:
      weekly:
        - days: [mon, fri]
          changes:
            - { at: "08:00:00", state: AUCTION }
            - { at: "08:00:30", state: CONTINUOUS }
      exceptions:
        - { date: 2026-12-25 }`,
  );

  test('are one line, which says the same again', () => {
    const [instrument] = parseVenue('v', text).instruments;
    const line = 'mon fri 08:00 AUCTION 08:00:30 CONTINUOUS; 2026-12-25 none';
    expect(instrument?.sessions).toBe(line);
    expect(formatSessions(parseSessions(line))).toBe(line);
    expect(formatSessions(parseSessions(''))).toBe('');
  });

  test('govern the state, so that a file does not change it (STA-1)', () => {
    const { steps } = differenceOf(parseVenue('v', text), presentOf(venue));
    expect(steps.map(describeStep)).toEqual([
      '~ instrument BTC-USD: sessions none -> ' +
        'mon fri 08:00 AUCTION 08:00:30 CONTINUOUS; 2026-12-25 none',
    ]);
    for (const state of ['AUCTION', 'HALTED', 'RETIRED']) {
      const instruments = venue.instruments.map((one) => ({ ...one, state }));
      expect(differenceOf(venue, presentOf({ ...venue, instruments })).steps).toEqual([]);
    }
  });

  test('faults are told with their place', () => {
    const wrong = text.replace('"08:00:00"', '"25:00"').replace('state: AUCTION', 'state: HALTED');
    expect(() => parseVenue('v', wrong)).toThrow(
      /sessions\.weekly\.0\.changes\.0\.at: must be a time/,
    );
  });
});

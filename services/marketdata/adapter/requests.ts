// Checks the requests of MarketDataService and finds what they name. The order of reasons is that
// of the contracts: form, then what does not exist.

import type { Timestamp } from '@bufbuild/protobuf/wkt';
import type { CandleInterval as PublicInterval } from '../../../gen/bourse/marketdata/v1/market_data_pb.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import { assertForm } from '../../lib/platform/rpc/form-error.ts';
import { FormCheck } from '../../lib/rules/form.ts';
import type { CandleInterval } from '../domain/candles.ts';
import type { FeedEntry, Feeds } from './feeds.ts';
import { findInterval } from './shown.ts';

const MAXIMUM_DEPTH = 1_000;
const DEFAULT_DEPTH = 100;
const MAXIMUM_INSTRUMENTS = 1_000;
const DEFAULT_PAGE_SIZE = 100;

/** A form that also knows market data's fields. */
export class MarketForm extends FormCheck {
  depth(value: number): void {
    if (value >= 0 && value <= MAXIMUM_DEPTH) return;
    this.add('depth', 'NUMBER_OUT_OF_RANGE', 'must be 1 to 1,000, or 0 for 100');
  }

  instruments(ids: readonly string[]): void {
    if (ids.length > MAXIMUM_INSTRUMENTS) {
      this.add('instrument_ids', 'TOO_MANY_ITEMS', 'must hold at most 1,000 instruments');
    }
    ids.forEach((id, i) => {
      this.requiredId(`instrument_ids[${i}]`, id);
    });
    if (new Set(ids).size < ids.length) {
      this.add('instrument_ids', 'FIELDS_CONFLICT', 'must hold each instrument once');
    }
  }

  someInstruments(ids: readonly string[]): void {
    if (ids.length === 0) this.add('instrument_ids', 'FIELD_REQUIRED', 'must name an instrument');
    this.instruments(ids);
  }

  interval(shown: PublicInterval): CandleInterval | undefined {
    const interval = findInterval(shown);
    if (shown === 0) this.add('interval', 'FIELD_REQUIRED', 'must be specified');
    else if (interval === undefined) this.optionalEnum('interval', 'UNKNOWN');
    return interval;
  }

  timeOrder(start: Timestamp | undefined, end: Timestamp | undefined): void {
    if (start === undefined || end === undefined) return;
    if (microsecondsOf(end) >= microsecondsOf(start)) return;
    this.add('end_time', 'TIME_INVALID', 'must not be before start_time');
  }

  time(field: string, value: Timestamp | undefined): void {
    if (value !== undefined) this.timestamp(field, value.seconds, value.nanos);
  }
}

/** Checks a request's form. @throws OperatingError when something is wrong with it. */
export function checkForm(check: (form: MarketForm) => void): void {
  const form = new MarketForm();
  check(form);
  assertForm(form);
}

export function depthOf(value: number): number {
  return value === 0 ? DEFAULT_DEPTH : value;
}

export function pageSizeOf(value: number): number {
  return value === 0 ? DEFAULT_PAGE_SIZE : value;
}

export function microsecondsOf(time: Timestamp): number {
  return Number(time.seconds) * 1_000_000 + Math.floor(time.nanos / 1000);
}

/** @throws OperatingError NOT_READY while books are still being rebuilt after a start. */
export function assertReady(feeds: Feeds): void {
  if (feeds.isReady) return;
  throw new OperatingError('NOT_READY', 'Market data is still being rebuilt.', {
    retryDelayMs: 200,
  });
}

/** @throws OperatingError NOT_READY, INSTRUMENT_UNKNOWN */
export function getEntry(feeds: Feeds, instrumentId: string): FeedEntry {
  assertReady(feeds);
  const entry = feeds.find(instrumentId);
  if (entry !== undefined) return entry;
  throw new OperatingError('INSTRUMENT_UNKNOWN', `There is no instrument ${instrumentId}.`, {
    metadata: { instrument_id: instrumentId },
  });
}

/** The token of the page that begins before a number. */
export function pageTokenOf(before: number): string {
  return Buffer.from(String(before)).toString('base64url');
}

/** @throws OperatingError PAGE_TOKEN_INVALID */
export function parsePageToken(token: string): number {
  if (token === '') return Number.MAX_SAFE_INTEGER;
  const before = Number(Buffer.from(token, 'base64url').toString());
  if (Number.isSafeInteger(before) && before > 0 && pageTokenOf(before) === token) return before;
  throw new OperatingError('PAGE_TOKEN_INVALID', 'The page token is not one of this list.', {
    violations: [{ field: 'page_token', description: 'is not a token of this list' }],
  });
}

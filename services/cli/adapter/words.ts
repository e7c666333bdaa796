// Words of the command line to and from the contract's values.

import type { Duration, Timestamp } from '@bufbuild/protobuf/wkt';
import { InvalidArgumentError } from 'commander';
import { InstrumentState } from '../../../gen/bourse/type/v1/instrument_pb.ts';
import { OrderType, Side, TimeInForce } from '../../../gen/bourse/type/v1/order_pb.ts';

/** For commander: throws what it shows next to the argument. */
export function parseSide(word: string): Side {
  const side = { buy: Side.BUY, sell: Side.SELL }[word.toLowerCase()];
  if (side === undefined) throw new InvalidArgumentError('It must be buy or sell.');
  return side;
}

/** For commander: throws what it shows next to the argument. */
export function parseTimeInForce(word: string): TimeInForce {
  const found = {
    gtc: TimeInForce.GTC,
    ioc: TimeInForce.IOC,
    fok: TimeInForce.FOK,
    gtd: TimeInForce.GTD,
    day: TimeInForce.DAY,
  }[word.toLowerCase()];
  if (found === undefined) throw new InvalidArgumentError('It must be gtc, ioc, fok, gtd or day.');
  return found;
}

/** For commander: a type of order, in either case. */
export function parseType(word: string): OrderType {
  const found = OrderType[word.toUpperCase() as keyof typeof OrderType];
  if (found !== undefined && found !== OrderType.UNSPECIFIED) return found;
  throw new InvalidArgumentError('It must be a type, such as stop_limit or trailing_stop.');
}

/** For commander: a state of an instrument, in either case. */
export function parseState(word: string): InstrumentState {
  const found = InstrumentState[word.toUpperCase() as keyof typeof InstrumentState];
  if (found !== undefined && found !== InstrumentState.UNSPECIFIED) return found;
  throw new InvalidArgumentError('It must be a state, such as closed.');
}

/** For commander: a whole number that is not negative. */
export function parseCount(word: string): number {
  if (!/^\d{1,9}$/.test(word)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(word);
}

/** ISO 8601 with milliseconds; empty when there is none. */
export function formatTime(time: Timestamp | undefined): string {
  if (time === undefined) return '';
  return new Date(Number(time.seconds) * 1_000 + Math.floor(time.nanos / 1e6)).toISOString();
}

/** As the JSON form of protobuf writes it: `120s`; empty when there is none. */
export function formatDuration(duration: Duration | undefined): string {
  if (duration === undefined) return '';
  return `${Number(duration.seconds) + duration.nanos / 1e9}s`;
}

/** A moment so many seconds from now. */
export function secondsFromNow(seconds: number): { seconds: bigint; nanos: number } {
  const atMs = Date.now() + seconds * 1_000;
  return { seconds: BigInt(Math.floor(atMs / 1_000)), nanos: (atMs % 1_000) * 1_000_000 };
}

// What the flows of this service work with.

import type { Attributes, Context } from '@opentelemetry/api';
import { trace } from '@opentelemetry/api';
import { startSpan, withSpan } from '../../../lib/platform/telemetry/spans.ts';
import {
  currentTraceparent,
  formatTraceparent,
} from '../../../lib/platform/telemetry/trace-context.ts';
import type { TradedInstrument } from '../../domain/instrument.ts';
import type { Flows } from '../../domain/lanes.ts';
import type { AccountShards } from '../mesh/ledger.ts';
import type { MatchingShards } from '../mesh/matching.ts';
import type { FlowWorld } from '../pipeline/propose-pipeline.ts';
import type { AccountNumbers } from './account-numbers.ts';
import type { AmendedOrders } from './amended-orders.ts';
import type { BestPrices } from './best-prices.ts';
import type { InFlight } from './in-flight.ts';
import type { KnownOrders } from './known-orders.ts';
import type { StageClock } from './stage-times.ts';

/** Instruments as this process knows them. */
export interface Instruments {
  /** @throws OperatingError NOT_READY when nobody can say yet whether there is one. */
  find(instrumentId: string): TradedInstrument | undefined;
  findByNumber(instrumentNumber: number): TradedInstrument | undefined;
  /** The instrument once it is known with at least this version; undefined when not in time. */
  waitForVersion(
    instrumentId: string,
    version: number,
    limitMs: number,
  ): Promise<TradedInstrument | undefined>;
}

export type FlowParts = {
  readonly world: FlowWorld;
  readonly instruments: Instruments;
  readonly accounts: AccountShards;
  readonly matching: MatchingShards;
  readonly flows: Flows;
  readonly inFlight: InFlight;
  readonly knownOrders: KnownOrders;
  readonly amendedOrders: AmendedOrders;
  readonly bestPrices: BestPrices;
  readonly accountNumbers: AccountNumbers;
  readonly stages: StageClock;
};

/** How long a command may be on its way to its shard; at most 60 s (LOG-11). */
export const VALIDITY_US = 30_000_000;

/** Fills in one answer at most, so that it fits into a message; the reports tell all of them. */
export const FILL_LIMIT = 10_000;

/** How long a request waits for rules that its shard has already. */
export const RULES_LIMIT_MS = 2_000;

/** How long a request waits for an instrument that may have been created just now. */
export const NEWCOMER_LIMIT_MS = 200;

/** How long a flow goes on trying to forbid what it could not deliver. */
export const FORBID_LIMIT_US = 60_000_000;

/** Chance once for each process; a count makes the rest different. */
const seeds = new WeakMap<FlowWorld, { readonly prefix: string; count: number }>();

/** A text that nobody else uses, for identities and ids that the server makes. */
export function uniqueText(world: FlowWorld): string {
  let seed = seeds.get(world);
  if (seed === undefined) {
    seed = { prefix: Buffer.from(world.randomBytes(10)).toString('hex'), count: 0 };
    seeds.set(world, seed);
  }
  seed.count += 1;
  return `${seed.prefix}-${seed.count.toString(36)}`;
}

/**
 * Runs one step of a request in a span of its own, and gives it the trace context to send along;
 * outside of a recorded trace that is empty and costs nothing.
 */
export function traced<T>(
  name: string,
  attributes: () => Attributes,
  step: (traceContext: string) => Promise<T>,
): Promise<T> {
  if (trace.getActiveSpan()?.isRecording() !== true) return step('');
  return withSpan(name, { attributes: attributes() }, () => step(currentTraceparent()));
}

/** A step of a request that goes on by callbacks. */
export type OpenStep = {
  /** To be sent along; empty outside of a recorded trace. */
  readonly traceContext: string;
  /** The callback, behind the end of the step. */
  readonly settling: <Value>(settle: (value: Value) => void) => (value: Value) => void;
};

/** A step outside of a recorded trace. */
export const UNTRACED: OpenStep = { traceContext: '', settling: (settle) => settle };

/** Begins a step of a recorded trace in a span of its own. */
export function openStep(within: Context, name: string, attributes: Attributes): OpenStep {
  const span = startSpan(name, { parent: within, attributes });
  return {
    traceContext: formatTraceparent(span.spanContext()),
    settling: (settle) => (value) => {
      span.end();
      settle(value);
    },
  };
}

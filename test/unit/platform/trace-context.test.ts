// W3C trace context as text, and the sampling decision.

import { describe, expect, test } from '@jest/globals';
import { ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api';
import { SamplingDecision } from '@opentelemetry/sdk-trace';
import {
  contextOfTraceparent,
  currentTraceparent,
  formatTraceparent,
  linksToTraceparents,
  parseTraceparent,
} from '../../../services/lib/platform/telemetry/trace-context.ts';
import { createSampler, forceTrace } from '../../../services/lib/platform/telemetry/tracing.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SAMPLED = `00-${TRACE}-00f067aa0ba902b7-01`;
const UNSAMPLED = `00-${TRACE}-00f067aa0ba902b7-00`;

describe('a traceparent', () => {
  test('survives parsing and formatting', () => {
    expect(formatTraceparent(parseTraceparent(SAMPLED))).toBe(SAMPLED);
    expect(formatTraceparent(parseTraceparent(UNSAMPLED))).toBe(UNSAMPLED);
    expect(currentTraceparent(contextOfTraceparent(SAMPLED))).toBe(SAMPLED);
  });

  test('of a later version is read by what this version knows', () => {
    expect(parseTraceparent(`cc-${TRACE}-00f067aa0ba902b7-01-more`)?.traceId).toBe(TRACE);
  });

  test.each([
    '',
    'nonsense',
    `ff-${TRACE}-00f067aa0ba902b7-01`,
    `00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE}-00f067aa0ba902b7-01-more`,
    `00-${TRACE}-00f067aa0ba902b7`,
  ])('%p is none', (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
    expect(currentTraceparent(contextOfTraceparent(text))).toBe('');
  });

  test('of a batch is linked once, and only when someone recorded it', () => {
    const links = linksToTraceparents([SAMPLED, SAMPLED, UNSAMPLED, '', 'nonsense']);
    expect(links.map((link) => formatTraceparent(link.context))).toEqual([SAMPLED]);
  });

  test('of a large batch does not become a large span', () => {
    const many = Array.from({ length: 500 }, (_, index) => {
      const spanId = (index + 1).toString(16).padStart(16, '0');
      return `00-${TRACE}-${spanId}-01`;
    });
    expect(linksToTraceparents(many, 32)).toHaveLength(32);
  });
});

describe('sampling', () => {
  const never = createSampler(0);
  const always = createSampler(1);
  const decide = (sampler: typeof never, parent = ROOT_CONTEXT) =>
    sampler.shouldSample(parent, TRACE, 'name', 0, {}, []).decision;

  test('where a trace begins goes by the ratio', () => {
    expect(decide(never)).toBe(SamplingDecision.NOT_RECORD);
    expect(decide(always)).toBe(SamplingDecision.RECORD_AND_SAMPLED);
  });

  test('inside a trace goes by what was decided where it began', () => {
    const sampled = contextOfTraceparent(SAMPLED);
    const unsampled = contextOfTraceparent(UNSAMPLED);
    expect(decide(never, sampled)).toBe(SamplingDecision.RECORD_AND_SAMPLED);
    expect(decide(always, unsampled)).toBe(SamplingDecision.NOT_RECORD);
    expect(trace.getSpanContext(unsampled)?.traceFlags).toBe(TraceFlags.NONE);
  });

  test('that is forced records whatever else was decided', () => {
    expect(decide(never, forceTrace(ROOT_CONTEXT))).toBe(SamplingDecision.RECORD_AND_SAMPLED);
    const unsampled = forceTrace(contextOfTraceparent(UNSAMPLED));
    expect(decide(never, unsampled)).toBe(SamplingDecision.RECORD_AND_SAMPLED);
  });
});

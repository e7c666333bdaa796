// OperatingError on the wire and the table of reasons.

import { create, getOption, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { describe, expect, test } from '@jest/globals';
import { Status } from 'nice-grpc-common';
import {
  ErrorReason,
  ErrorReasonSchema,
  error_traits,
  RetryAdvice,
} from '../../../gen/bourse/type/v1/error_pb.ts';
import { ErrorInfoSchema } from '../../../gen/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../../../gen/google/rpc/status_pb.ts';
import { OperatingError } from '../../../services/lib/platform/errors/operating-error.ts';
import {
  codeOfReason,
  type ErrorReasonName,
  isErrorReasonName,
  retryAdviceOfReason,
} from '../../../services/lib/platform/errors/reasons.ts';
import {
  encodeStatusDetails,
  parseStatusDetails,
} from '../../../services/lib/platform/errors/status-details.ts';

const NAMES = Object.keys(ErrorReason).filter(isErrorReasonName);

describe('the table of reasons', () => {
  test('has every reason of the contract but UNSPECIFIED', () => {
    expect([...NAMES, 'UNSPECIFIED'].sort()).toEqual(Object.keys(ErrorReason).sort());
  });

  test.each(NAMES)('gives %s the code and the advice of the contract', (name) => {
    const value = ErrorReasonSchema.value[ErrorReason[name]];
    if (value === undefined) throw new Error('no such value');
    const traits = getOption(value, error_traits);
    expect(codeOfReason(name)).toBe(traits.code);
    const advice = retryAdviceOfReason(name).toUpperCase() as keyof typeof RetryAdvice;
    expect(RetryAdvice[advice]).toBe(traits.retryAdvice);
  });
});

describe('an operating error', () => {
  test('arrives with everything it was sent with', () => {
    const sent = new OperatingError('SHARD_OVERLOADED', 'The queue of matching-1 is full.', {
      metadata: { shard_id: 'matching-1' },
      violations: [{ field: 'orders[3].price', description: 'is off tick' }],
      retryDelayMs: 1_250,
    });
    const details = encodeStatusDetails(sent);
    const received = parseStatusDetails(sent.code, sent.message, details);
    expect(received).toMatchObject({
      reason: 'SHARD_OVERLOADED',
      code: Status.RESOURCE_EXHAUSTED,
      message: 'The queue of matching-1 is full.',
      metadata: { shard_id: 'matching-1' },
      violations: [{ field: 'orders[3].price', description: 'is off tick' }],
      retryDelayMs: 1_250,
    });
    expect(received.retryAdvice).toBe('safe');
    expect(received.isOutcomeUnknown).toBe(false);
  });

  test.each(NAMES)('with %s arrives with the same reason and code', (name: ErrorReasonName) => {
    const sent = new OperatingError(name, 'why');
    const received = parseStatusDetails(sent.code, sent.message, encodeStatusDetails(sent));
    expect([received.reason, received.code]).toEqual([name, sent.code]);
  });

  test('leaves the outcome open when nobody who knows has answered', () => {
    for (const code of [Status.UNAVAILABLE, Status.DEADLINE_EXCEEDED, Status.UNKNOWN]) {
      expect(parseStatusDetails(code, 'gone', undefined).isOutcomeUnknown).toBe(true);
    }
    expect(new OperatingError('OUTCOME_UNKNOWN', '?').isOutcomeUnknown).toBe(true);
    expect(parseStatusDetails(Status.UNIMPLEMENTED, 'no', undefined).isOutcomeUnknown).toBe(false);
  });

  test('has no reason when the details are not ours', () => {
    const info = create(ErrorInfoSchema, { reason: 'INTERNAL', domain: 'example.com' });
    const foreign = create(StatusSchema, { details: [anyPack(ErrorInfoSchema, info)] });
    const bytes = toBinary(StatusSchema, foreign);
    expect(parseStatusDetails(Status.INTERNAL, 'x', bytes).reason).toBeUndefined();
    expect(parseStatusDetails(Status.INTERNAL, 'x', Uint8Array.of(255, 255, 1)).code).toBe(
      Status.INTERNAL,
    );
  });

  test('with more violations than trailers bear sends the first ones', () => {
    const violations = Array.from({ length: 1_000 }, (_, index) => ({
      field: `orders[${index}].price`,
      description: 'is off tick',
    }));
    const sent = new OperatingError('PRICE_OFF_TICK', 'many', { violations });
    const details = encodeStatusDetails(sent);
    expect(details?.byteLength).toBeLessThan(8 * 1024);
    expect(parseStatusDetails(sent.code, '', details).violations[0]).toEqual(violations[0]);
  });
});

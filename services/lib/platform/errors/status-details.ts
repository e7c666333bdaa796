// Errors on the wire: OperatingError <-> google.rpc.Status in the trailer grpc-status-details-bin.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type Any, anyPack, anyUnpack, type Duration } from '@bufbuild/protobuf/wkt';
import type { Status } from 'nice-grpc-common';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from '../../../../gen/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../../../../gen/google/rpc/status_pb.ts';
import { ERROR_DOMAIN, type FieldViolation, OperatingError } from './operating-error.ts';
import { isErrorReasonName } from './reasons.ts';

/** The trailer that carries google.rpc.Status. */
export const STATUS_DETAILS_KEY = 'grpc-status-details-bin';

/** HTTP/2 trailers of 8 KiB pass everywhere; base64 takes a third more than this. */
const VIOLATIONS_BYTES_LIMIT = 4 * 1024;
const MESSAGE_LENGTH_LIMIT = 1_000;

/** The serialized google.rpc.Status of an error; undefined when the code says all there is. */
export function encodeStatusDetails(error: OperatingError): Uint8Array | undefined {
  if (error.reason === undefined) return undefined;
  const metadata = { ...error.metadata };
  const info = create(ErrorInfoSchema, { reason: error.reason, domain: ERROR_DOMAIN, metadata });
  const details: Any[] = [anyPack(ErrorInfoSchema, info)];
  if (error.violations.length > 0) {
    const fieldViolations = fittingViolations(error.violations);
    details.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations })));
  }
  if (error.retryDelayMs !== undefined) {
    const retryDelay = durationOfMs(error.retryDelayMs);
    details.push(anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay })));
  }
  const status = create(StatusSchema, { code: error.code, message: statusMessage(error), details });
  return toBinary(StatusSchema, status);
}

/** The error that a failed call's code, message and status details describe. */
export function parseStatusDetails(
  code: Status,
  message: string,
  bytes: Uint8Array | undefined,
  cause?: unknown,
): OperatingError {
  const parsed = bytes === undefined ? undefined : readDetails(bytes);
  if (parsed === undefined) return new OperatingError({ code }, message, { cause });
  const { reason, ...options } = parsed;
  if (reason === undefined || !isErrorReasonName(reason)) {
    return new OperatingError({ code }, message, { ...options, cause });
  }
  return new OperatingError(reason, message, { ...options, cause });
}

/** The error's message, fit for the header grpc-message: bounded, and without halves of characters. */
export function statusMessage(error: OperatingError): string {
  return error.message.slice(0, MESSAGE_LENGTH_LIMIT).toWellFormed();
}

/** The first violations, as many as trailers bear. */
function fittingViolations(violations: readonly FieldViolation[]): FieldViolation[] {
  let bytes = 0;
  const fitting: FieldViolation[] = [];
  for (const { field, description } of violations) {
    bytes += Buffer.byteLength(field) + Buffer.byteLength(description) + 8;
    if (bytes > VIOLATIONS_BYTES_LIMIT) break;
    fitting.push({ field, description });
  }
  return fitting;
}

type Details = {
  reason?: string;
  metadata?: Record<string, string>;
  violations?: FieldViolation[];
  retryDelayMs?: number;
};

function readDetails(bytes: Uint8Array): Details | undefined {
  const found: Details = {};
  try {
    for (const detail of fromBinary(StatusSchema, bytes).details) {
      const info = anyUnpack(detail, ErrorInfoSchema);
      if (info !== undefined && info.domain === ERROR_DOMAIN) {
        found.reason = info.reason;
        found.metadata = { ...info.metadata };
      }
      const form = anyUnpack(detail, BadRequestSchema);
      if (form !== undefined) {
        found.violations = form.fieldViolations.map(({ field, description }) => ({
          field,
          description,
        }));
      }
      const retry = anyUnpack(detail, RetryInfoSchema);
      if (retry?.retryDelay !== undefined) found.retryDelayMs = msOfDuration(retry.retryDelay);
    }
  } catch {
    return undefined; // a foreign server's bytes; the code and message still count
  }
  return found;
}

function durationOfMs(ms: number): { seconds: bigint; nanos: number } {
  const whole = Math.max(0, Math.round(ms));
  return { seconds: BigInt(Math.floor(whole / 1000)), nanos: (whole % 1000) * 1_000_000 };
}

function msOfDuration(duration: Duration): number {
  return Number(duration.seconds) * 1000 + Math.round(duration.nanos / 1_000_000);
}

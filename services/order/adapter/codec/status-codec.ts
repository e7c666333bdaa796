// An error inside an answer, with the same details as the error of a call.

import { fromBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { StatusSchema } from '../../../../gen/google/rpc/status_pb.ts';
import type { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import { encodeStatusDetails } from '../../../lib/platform/errors/status-details.ts';

export type StatusInit = MessageInitShape<typeof StatusSchema>;

export function encodeStatus(error: OperatingError): StatusInit {
  const bytes = encodeStatusDetails(error);
  if (bytes === undefined) return { code: error.code, message: error.message };
  return fromBinary(StatusSchema, bytes);
}

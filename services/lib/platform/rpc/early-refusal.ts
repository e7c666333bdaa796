// Refuses a call before its message is read (LOG-10): under overload a refusal must cost little.
// The reply has what every other one has: a reason, how long to wait, a trace id.

import {
  Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
} from '@grpc/grpc-js';
import type { OperatingError } from '../errors/operating-error.ts';
import {
  encodeStatusDetails,
  STATUS_DETAILS_KEY,
  statusMessage,
} from '../errors/status-details.ts';
import type { Logger } from '../telemetry/logger.ts';
import { ObservedCall, type ObservedMethod } from './observed-call.ts';

/** Why a call of a method is not even read now; undefined when it is. */
export type Guard = (path: string) => OperatingError | undefined;

/** The same error is given again and again: its bytes are made once. */
const detailsOf = new WeakMap<OperatingError, Buffer>();

/** The call, answered with the error as soon as it starts. */
export function refuseEarly(
  call: ServerInterceptingCallInterface,
  method: ObservedMethod,
  error: OperatingError,
  logger: Logger,
): ServerInterceptingCall {
  return new ServerInterceptingCall(call, {
    start: () => {
      call.start({
        onReceiveMetadata(metadata) {
          const deadlineMs = Number(call.getDeadline());
          const origin = { metadata, peer: call.getPeer(), deadlineMs };
          const observed = new ObservedCall(method, origin, logger);
          const reply = new Metadata();
          observed.writeTrace(reply);
          observed.fail(error);
          reply.set(STATUS_DETAILS_KEY, bytesOf(error));
          // What the client sends all the same is taken off the connection and dropped.
          call.startRead();
          call.sendStatus({ code: error.code, details: statusMessage(error), metadata: reply });
        },
        onReceiveMessage() {},
        onReceiveHalfClose() {},
        onCancel() {},
      });
    },
  });
}

function bytesOf(error: OperatingError): Buffer {
  let bytes = detailsOf.get(error);
  if (bytes === undefined) {
    bytes = Buffer.from(encodeStatusDetails(error) ?? []);
    detailsOf.set(error, bytes);
  }
  return bytes;
}

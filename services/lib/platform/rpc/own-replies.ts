// Replies that grpc-js makes by itself, before or instead of a handler: to a message that is too
// large, a compression that nobody knows. They get what every other reply has: a trace id, a
// reason, a line in the log. Out of reach is the one to a method that the server does not have.

import { Metadata, type ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { Status } from 'nice-grpc-common';
import { OperatingError } from '../errors/operating-error.ts';
import {
  encodeStatusDetails,
  STATUS_DETAILS_KEY,
  statusMessage,
} from '../errors/status-details.ts';
import type { Logger } from '../telemetry/logger.ts';
import { MESSAGE_BYTES_LIMIT } from './limits.ts';
import { ObservedCall, type ObservedMethod } from './observed-call.ts';

type SentStatus = Parameters<ServerInterceptingCallInterface['sendStatus']>[0];

/** How grpc-js begins to say that a request passes the limit, as it is or unpacked. */
const TOO_LARGE = /^Received message.* larger than/;

/** Watches the status that one call is about to be answered with. */
export class OwnReplies {
  /** Of the request, as soon as it is known. */
  metadata = new Metadata();
  readonly #call: ServerInterceptingCallInterface;
  readonly #method: ObservedMethod;
  readonly #logger: Logger;

  constructor(call: ServerInterceptingCallInterface, method: ObservedMethod, logger: Logger) {
    this.#call = call;
    this.#method = method;
    this.#logger = logger;
    const { sendStatus } = call;
    call.sendStatus = (status) => sendStatus.call(call, this.#complete(status));
  }

  /** What handlers send has metadata; what grpc-js sends by itself has none. */
  #complete(status: SentStatus): SentStatus {
    // Behind a deadline the handler's own observation goes on, and nobody waits for the reply.
    const isOurs = status.metadata !== null && status.metadata !== undefined;
    if (isOurs || status.code === Status.DEADLINE_EXCEEDED) return status;
    const error = this.#errorOf(status);
    const metadata = new Metadata();
    const details = encodeStatusDetails(error);
    if (details !== undefined) metadata.set(STATUS_DETAILS_KEY, Buffer.from(details));
    // A stream is observed from its beginning, and its header has told its trace.
    if (!this.#method.isStream) this.#observe(error, metadata);
    return { code: error.code, details: statusMessage(error), metadata };
  }

  #errorOf({ code, details }: SentStatus): OperatingError {
    const text = details ?? '';
    if (code !== Status.RESOURCE_EXHAUSTED || !TOO_LARGE.test(text)) {
      return new OperatingError({ code: code ?? Status.UNKNOWN }, text);
    }
    const metadata = { limit: String(MESSAGE_BYTES_LIMIT) };
    const message = `The request has more than ${MESSAGE_BYTES_LIMIT} bytes.`;
    return new OperatingError('MESSAGE_MALFORMED', message, { metadata });
  }

  #observe(error: OperatingError, metadata: Metadata): void {
    const deadlineMs = Number(this.#call.getDeadline());
    const origin = { metadata: this.metadata, peer: this.#call.getPeer(), deadlineMs };
    const observed = new ObservedCall(this.#method, origin, this.#logger);
    observed.writeTrace(metadata);
    observed.fail(error);
  }
}

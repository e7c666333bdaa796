// Sets the dead man's switch of an account: one command to its shard, which lets it go off by its
// own log time, whatever becomes of this process (CXL-2).

import { hash } from 'node:crypto';
import { malformed } from '../../../lib/platform/codec/malformed.ts';
import { ATTRIBUTES, SPANS } from '../../../lib/platform/telemetry/names.ts';
import {
  type CancelAfterForm,
  checkCancelAfterForm,
  timeoutUsOf,
} from '../../domain/group-requests.ts';
import { encodeTime } from '../codec/order-codec.ts';
import { formError, notCommitted, requestIdTaken } from '../problems.ts';
import { type FlowParts, traced, uniqueText, VALIDITY_US } from './parts.ts';

/** The answer to the setting of a switch, as the contract has it. */
export type CancelAfterAnswer = {
  readonly cancelTime?: ReturnType<typeof encodeTime>;
  readonly clientRequestId: string;
  readonly duplicate: boolean;
};

export async function cancelAllAfter(
  parts: FlowParts,
  form: CancelAfterForm,
): Promise<CancelAfterAnswer> {
  const violations = checkCancelAfterForm(form);
  if (violations.length > 0) throw formError(violations);
  const { accountId } = form;
  const timeoutUs = timeoutUsOf(form);
  const clientRequestId =
    form.clientRequestId === '' ? uniqueText(parts.world) : form.clientRequestId;
  const attributes = () => ({ [ATTRIBUTES.accountId]: accountId });
  const settled = await traced(SPANS.hold, attributes, (traceContext) =>
    parts.accounts.propose({
      accountId,
      // Both ids together may be longer than an identity.
      identity: `s/${hash('sha256', `${accountId}/${clientRequestId}`, 'hex').slice(0, 40)}`,
      validUntilUs: parts.world.wallClockUs() + VALIDITY_US,
      traceContext,
      isUrgent: true,
      content: { case: 'cancelAllAfter', value: { accountId, timeoutUs: BigInt(timeoutUs) } },
      insists: false,
    }),
  );
  if (settled.kind !== 'committed') throw notCommitted(settled);
  const { answer, logTimeUs } = settled.committed;
  if (answer === undefined) throw malformed('a switch that is set has an answer');
  const cancelTimeUs = Number(answer.cancelTimeUs);
  const expectedUs = timeoutUs === 0 ? 0 : Number(logTimeUs) + timeoutUs;
  if (settled.duplicate && cancelTimeUs !== expectedUs) throw requestIdTaken(clientRequestId);
  const { duplicate } = settled;
  if (cancelTimeUs === 0) return { clientRequestId, duplicate };
  return { cancelTime: encodeTime(cancelTimeUs), clientRequestId, duplicate };
}

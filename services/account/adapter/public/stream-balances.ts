// StreamBalances: a snapshot, then every change; changes are merged for a slow reader, so that no
// reader is ever cut off.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  StreamBalancesRequest,
  StreamBalancesResponse,
  StreamBalancesResponseSchema,
} from '../../../../gen/bourse/account/v1/service_pb.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import type { RpcContext } from '../../../lib/platform/rpc/call-context.ts';
import { assertForm } from '../../../lib/platform/rpc/form-error.ts';
import { addToMetric } from '../../../lib/platform/telemetry/metrics.ts';
import { ATTRIBUTES, METRICS } from '../../../lib/platform/telemetry/names.ts';
import { FormCheck } from '../../../lib/rules/form.ts';
import type { BalanceAfter } from '../../domain/event.ts';
import type { LedgerState } from '../../domain/state.ts';
import type { AccountNode } from '../shard/account-node.ts';
import type { Happening } from '../shard/activity.ts';
import { type AccountMessage, followAccount } from '../shard/follow-account.ts';
import { accountIn, clientError } from './account-reads.ts';
import { formatToken, parseToken } from './tokens.ts';
import { balanceViews, timestampOf } from './views.ts';

const HEARTBEAT_MS = 1_000;
const HEARTBEAT_INTERVAL = { seconds: 1n, nanos: 0 };
const CLOSING_GRACE = { seconds: 0n, nanos: 0 };

/** Open streams of balances that a process takes. */
const MOST_STREAMS = 10_000;
let openStreams = 0;
const ATTRIBUTES_OF_STREAM = { [ATTRIBUTES.stream]: 'balances' };

type ResponseInit = Exclude<
  MessageInitShape<typeof StreamBalancesResponseSchema>,
  StreamBalancesResponse
>;

export async function* streamBalances(
  node: AccountNode,
  request: StreamBalancesRequest,
  call: RpcContext,
): AsyncGenerator<ResponseInit, void, void> {
  const { accountId, resumeToken } = request;
  const check = new FormCheck();
  check.requiredId('account_id', accountId);
  assertForm(check);
  const place = resumeToken === '' ? undefined : parseToken('balances', 3, resumeToken);
  if (resumeToken !== '' && place === undefined) throw resumeTokenInvalid();
  if (openStreams >= MOST_STREAMS) {
    throw new OperatingError('TOO_MANY_STREAMS', 'This server takes no more streams.', {
      metadata: { limit: `${MOST_STREAMS}` },
      retryDelayMs: 1_000,
    });
  }
  openStreams += 1;
  addToMetric(METRICS.streams, 1, ATTRIBUTES_OF_STREAM);
  try {
    yield* messages(node, accountId, place, call);
  } catch (error) {
    throw clientError(error);
  } finally {
    openStreams -= 1;
    addToMetric(METRICS.streams, -1, ATTRIBUTES_OF_STREAM);
  }
}

function resumeTokenInvalid(): OperatingError {
  const sentence = 'The resume token was not made by this method for the same account.';
  return new OperatingError('RESUME_TOKEN_INVALID', sentence, {
    metadata: { field: 'resume_token' },
  });
}

async function* messages(
  node: AccountNode,
  accountId: string,
  place: readonly number[] | undefined,
  call: RpcContext,
): AsyncGenerator<ResponseInit, void, void> {
  const shard = node.shardOfAccount(accountId);
  const known = await shard.read((state, { lastSequence }) => {
    const { accountNumber } = accountIn(state, accountId);
    return { accountNumber, lastSequence, state };
  });
  const { accountNumber } = known;
  const [ofAccount, afterSequence, accountSequence = 0] = place ?? [];
  if (place !== undefined && ofAccount !== accountNumber) throw resumeTokenInvalid();
  const view = new BalancesView(known.state, accountNumber, accountSequence);
  const resumed = place !== undefined;
  const started = { resumed, heartbeatInterval: HEARTBEAT_INTERVAL };
  yield view.wrap(afterSequence ?? 0, { case: 'started', value: started });
  const followed = followAccount({
    shard,
    world: node.world,
    accountId,
    afterSequence,
    heartbeatMs: HEARTBEAT_MS,
    signal: call.signal,
    draining: call.draining,
    merge: lastOfEachAsset,
    withoutOrders: true,
  });
  for await (const message of followed) {
    const response = view.responseOf(message, node.world.wallClockUs());
    if (response !== undefined) yield response;
  }
}

/** Keeps of each asset only the events without which its last balance would be lost. */
function lastOfEachAsset(waiting: readonly Happening[]): Happening[] {
  const seen = new Set<number>();
  const kept: Happening[] = [];
  for (const happening of [...waiting].reverse()) {
    const isNew = happening.event.balances.some(({ assetNumber }) => !seen.has(assetNumber));
    if (!isNew) continue;
    for (const { assetNumber } of happening.event.balances) seen.add(assetNumber);
    kept.push(happening);
  }
  return kept.reverse();
}

/** Makes the messages of one stream. */
class BalancesView {
  readonly #state: LedgerState;
  readonly #accountNumber: number;
  #accountSequence: number;

  constructor(state: LedgerState, accountNumber: number, accountSequence: number) {
    this.#state = state;
    this.#accountNumber = accountNumber;
    this.#accountSequence = accountSequence;
  }

  wrap(sequence: number, message: NonNullable<ResponseInit['message']>): ResponseInit {
    const numbers = [this.#accountNumber, sequence, this.#accountSequence];
    return { resumeToken: formatToken('balances', numbers), message };
  }

  /** Undefined when no balance has changed. */
  responseOf(message: AccountMessage, nowUs: number): ResponseInit | undefined {
    const { throughSequence } = message;
    switch (message.kind) {
      case 'snapshot': {
        const { balances, accountSequence } = message.snapshot;
        this.#accountSequence = accountSequence;
        const value = {
          balances: [...balanceViews(this.#state, balances)],
          sequence: BigInt(accountSequence),
        };
        return this.wrap(throughSequence, { case: 'snapshot', value });
      }
      case 'events': {
        const changed = new Map<number, BalanceAfter>();
        const previousSequence = BigInt(this.#accountSequence);
        for (const { event } of message.happenings) {
          for (const balance of event.balances) changed.set(balance.assetNumber, balance);
        }
        if (changed.size === 0) return undefined;
        this.#accountSequence = message.happenings.at(-1)?.event.accountSequence ?? 0;
        const value = {
          balances: [...balanceViews(this.#state, [...changed.values()])],
          sequence: BigInt(this.#accountSequence),
          previousSequence,
        };
        return this.wrap(throughSequence, { case: 'update', value });
      }
      case 'heartbeat': {
        const value = { sendTime: timestampOf(nowUs), places: [] };
        return this.wrap(throughSequence, { case: 'heartbeat', value });
      }
      case 'closing': {
        const comment = 'The server is stopping or no longer leads the account’s shard.';
        const value = { comment, grace: CLOSING_GRACE };
        return this.wrap(throughSequence, { case: 'closing', value });
      }
    }
  }
}

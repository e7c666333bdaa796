// StreamBalances: a snapshot, then every change. What a slow reader has missed is merged, and where
// memory has forgotten it the present balances stand for it: no reader is ever cut off.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  StreamBalancesRequest,
  StreamBalancesResponse,
  StreamBalancesResponseSchema,
} from '../../../../gen/bourse/account/v1/service_pb.ts';
import { crc32 } from '../../../lib/base/crc32.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import type { RpcContext } from '../../../lib/platform/rpc/call-context.ts';
import { assertForm } from '../../../lib/platform/rpc/form-error.ts';
import { addToMetric } from '../../../lib/platform/telemetry/metrics.ts';
import { ATTRIBUTES, METRICS } from '../../../lib/platform/telemetry/names.ts';
import { FormCheck } from '../../../lib/rules/form.ts';
import type { LogPoint } from '../../../lib/shard/log-entry.ts';
import type { BalanceAfter } from '../../domain/event.ts';
import type { LedgerState } from '../../domain/state.ts';
import type { AccountNode } from '../shard/account-node.ts';
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
  const place = resumeToken === '' ? undefined : parseToken('balances', 6, resumeToken);
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
  const [ofAccount, sequence, accountSequence = 0, seenIndex = 0, seenStart = 0, ofShard] =
    place ?? [];
  if (place !== undefined && ofAccount !== accountNumber) throw resumeTokenInvalid();
  const resumed = place !== undefined;
  // The sequence of another shard says nothing here: then the present balances stand for what
  // happened since, by the account's own sequence, which has come with it.
  const shardNumber = crc32(shard.host.shardId);
  const isOfShard = ofShard === shardNumber;
  const afterSequence = isOfShard ? sequence : undefined;
  const seen = isOfShard && seenIndex > 0 ? pointOf(seenIndex, seenStart) : undefined;
  const view = new BalancesView(known.state, {
    ...{ accountNumber, shardNumber, accountSequence },
    hasBegun: resumed,
    seen,
    committed: () => shard.host.position?.committed,
  });
  const started = { resumed, heartbeatInterval: HEARTBEAT_INTERVAL };
  yield view.wrap(afterSequence ?? 0, { case: 'started', value: started });
  const followed = followAccount({
    shard,
    world: node.world,
    accountId,
    afterSequence,
    seen,
    heartbeatMs: HEARTBEAT_MS,
    signal: call.signal,
    draining: call.draining,
    wants: 'balances',
  });
  for await (const message of followed) {
    const response = view.responseOf(message, node.world.wallClockUs());
    if (response !== undefined) yield response;
  }
}

/** Digits of a chain checksum that stand in a token: 48 bits, as a number. */
const CHECKSUM_DIGITS = 12;

function pointOf(entryIndex: number, checksumStart: number): LogPoint {
  return { entryIndex, chainChecksum: checksumStart.toString(16).padStart(CHECKSUM_DIGITS, '0') };
}

/** Makes the messages of one stream. */
class BalancesView {
  readonly #state: LedgerState;
  readonly #accountNumber: number;
  readonly #shardNumber: number;
  #accountSequence: number;
  /** True when the reader has balances already: from here on it gets changes of them. */
  #hasBegun: boolean;
  /** What a token says of the log (LOG-12); the reader's own until its stream goes on here. */
  #seen: LogPoint | undefined;
  readonly #committed: () => LogPoint | undefined;

  constructor(
    state: LedgerState,
    from: {
      readonly accountNumber: number;
      /** Stands in tokens for the shard's id. */
      readonly shardNumber: number;
      readonly accountSequence: number;
      readonly hasBegun: boolean;
      readonly seen: LogPoint | undefined;
      readonly committed: () => LogPoint | undefined;
    },
  ) {
    this.#seen = from.seen;
    this.#committed = from.committed;
    this.#state = state;
    this.#accountNumber = from.accountNumber;
    this.#shardNumber = from.shardNumber;
    this.#accountSequence = from.accountSequence;
    this.#hasBegun = from.hasBegun;
  }

  wrap(sequence: number, message: NonNullable<ResponseInit['message']>): ResponseInit {
    const { entryIndex = 0, chainChecksum = '0' } = this.#seen ?? {};
    const point = [entryIndex, Number.parseInt(chainChecksum.slice(0, CHECKSUM_DIGITS), 16)];
    const place = [this.#accountNumber, sequence, this.#accountSequence];
    const numbers = [...place, ...point, this.#shardNumber];
    return { resumeToken: formatToken('balances', numbers), message };
  }

  /** Undefined when no balance has changed. */
  responseOf(message: AccountMessage, nowUs: number): ResponseInit | undefined {
    const { throughSequence } = message;
    this.#seen = this.#committed() ?? this.#seen;
    switch (message.kind) {
      case 'snapshot': {
        const { balances, accountSequence } = message.snapshot;
        if (this.#hasBegun) return this.#updateOf(balances, accountSequence, throughSequence);
        this.#hasBegun = true;
        this.#accountSequence = accountSequence;
        const value = {
          balances: [...balanceViews(this.#state, balances)],
          sequence: BigInt(accountSequence),
        };
        return this.wrap(throughSequence, { case: 'snapshot', value });
      }
      case 'events': {
        const changed = new Map<number, BalanceAfter>();
        for (const { event } of message.happenings) {
          for (const balance of event.balances) changed.set(balance.assetNumber, balance);
        }
        if (changed.size === 0) return undefined;
        const accountSequence = message.happenings.at(-1)?.event.accountSequence ?? 0;
        return this.#updateOf([...changed.values()], accountSequence, throughSequence);
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
  /** Undefined when the reader has them already. */
  #updateOf(
    balances: readonly BalanceAfter[],
    accountSequence: number,
    throughSequence: number,
  ): ResponseInit | undefined {
    if (accountSequence === this.#accountSequence) return undefined;
    const previousSequence = BigInt(this.#accountSequence);
    this.#accountSequence = accountSequence;
    const value = {
      balances: [...balanceViews(this.#state, balances)],
      sequence: BigInt(accountSequence),
      previousSequence,
    };
    return this.wrap(throughSequence, { case: 'update', value });
  }
}

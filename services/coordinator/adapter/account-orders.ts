// In which instruments an account has open orders, as its shard says: where an operator's cancel of
// the account must go (CXL-1). Every accepted order has a hold that is not closed, and so a record.

import { LedgerService } from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { pause } from '../../lib/platform/cluster/cluster-world.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import type { RpcContext } from '../../lib/platform/rpc/call-context.ts';
import { createRpcClient } from '../../lib/platform/rpc/client.ts';
import type { ActiveCoordinator } from './active-coordinator.ts';
import { patienceOf } from './change-support.ts';

const PAGE_SIZE = 1_000;
const RETRY_MS = 100;
const TIMEOUT_MS = 3_000;

type OpenInstruments = {
  /** 0 when it has no open order. */
  readonly accountNumber: number;
  readonly instrumentNumbers: ReadonlySet<number>;
};

/** @throws OperatingError ACCOUNT_UNKNOWN; SHARD_UNAVAILABLE when the shard cannot be asked. */
export async function fetchOpenInstruments(
  active: ActiveCoordinator,
  call: RpcContext,
  accountId: string,
): Promise<OpenInstruments> {
  const untilUs = active.world.monotonicUs() + patienceOf(active, call) * 1_000;
  for (;;) {
    const leader = active.commander.findLeader('account', accountId);
    try {
      if (leader !== undefined) return await readAll(active, leader.address, accountId);
    } catch (error) {
      const isPassing = error instanceof OperatingError && error.retryAdvice === 'safe';
      if (!isPassing) throw error;
    }
    if (active.ended.aborted || active.world.monotonicUs() >= untilUs) {
      const message = 'The shard of the account has no leader that can be reached now.';
      throw new OperatingError('SHARD_UNAVAILABLE', message, { retryDelayMs: RETRY_MS });
    }
    await pause(active.world, RETRY_MS, active.ended);
  }
}

async function readAll(
  active: ActiveCoordinator,
  address: string,
  accountId: string,
): Promise<OpenInstruments> {
  const client = createRpcClient(LedgerService, active.connections.channelTo(address));
  const instrumentNumbers = new Set<number>();
  let accountNumber = 0;
  let beforePlacement = 0n;
  for (;;) {
    const { records, more } = await client.listOrderRecords(
      { accountId, openOnly: true, beforePlacement, limit: PAGE_SIZE },
      { signal: active.ended, timeoutMs: TIMEOUT_MS },
    );
    for (const record of records) {
      accountNumber = record.accountNumber;
      instrumentNumbers.add(record.terms?.instrumentNumber ?? 0);
      beforePlacement = record.placement;
    }
    if (!more) return { accountNumber, instrumentNumbers };
  }
}

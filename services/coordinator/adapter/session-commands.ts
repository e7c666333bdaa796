// The changes of schedules as commands to the instruments' shards.

import type { ClusterWorld } from '../../lib/platform/cluster/cluster-world.ts';
import { instrumentStateCodec } from '../../lib/platform/codec/terms-codec.ts';
import { outsideOfTrace } from '../../lib/platform/rpc/client.ts';
import type { Logger } from '../../lib/platform/telemetry/logger.ts';
import type { InstrumentRow } from '../domain/reference-tables.ts';
import type { DueChange } from '../domain/sessions.ts';
import type { ReferenceBook } from './reference-book.ts';
import { SessionRunner } from './session-runner.ts';
import type { InstrumentCommand, ShardCommander } from './shard-commander.ts';

const COMMENT = 'schedule';
const PATIENCE_MS = 10_000;

type Surroundings = {
  readonly commander: ShardCommander;
  readonly reference: ReferenceBook;
  readonly world: ClusterWorld;
  readonly log: Logger;
};

/** A runner for the instruments of the active coordinator. */
export function openSessions(around: Surroundings): SessionRunner {
  const { commander, reference, world, log } = around;
  return new SessionRunner({
    ...{ world, log },
    instruments: () => reference.tables.instruments.values(),
    carryOut: (row, change) =>
      outsideOfTrace(async () => {
        const [outcome] = await commander.execute([sessionCommand(row, change)], PATIENCE_MS);
        return outcome?.kind === 'refused' ? outcome.reason : undefined;
      }),
    remember: ({ instrumentNumber, published }, timeUs) =>
      reference.change(async (tables) => {
        const row = tables.instruments.get(instrumentNumber);
        // A new schedule begins anew: what the old one did says nothing about it.
        const isSame = row?.published?.sessionsVersion === published?.sessionsVersion;
        if (row === undefined || !isSame || row.sessionTimeUs >= timeUs) {
          return { result: undefined };
        }
        return {
          write: { instruments: [{ ...row, sessionTimeUs: timeUs }] },
          result: undefined,
        };
      }),
  });
}

/** Its identity is made of the instrument, the schedule and the change's time. */
export function sessionCommand(row: InstrumentRow, change: DueChange): InstrumentCommand {
  const { instrumentId, instrumentNumber } = row;
  const version = row.published?.sessionsVersion ?? 0;
  return {
    instrumentId,
    identity: `session/${instrumentNumber}/${version}/${change.timeUs}`,
    command: {
      kind: {
        case: 'setInstrumentState',
        value: {
          instrumentNumber,
          state: instrumentStateCodec.toNumber(change.state),
          comment: COMMENT,
          auctionEndTimeUs: BigInt(change.auctionEndTimeUs),
          stateAfterAuction: instrumentStateCodec.toNumber(change.stateAfterAuction),
        },
      },
    },
  };
}

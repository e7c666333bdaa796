// What servers say is measured by what is durable at that moment: nothing leaves before it is
// committed (LOG-5), and a read that is answered has seen everything that was committed when it
// arrived (READ-1).

import { fromBinary } from '@bufbuild/protobuf';
import {
  ProposeResponseSchema as LedgerProposeSchema,
  LedgerService,
} from '../../../gen/bourse/ledger/v1/service_pb.ts';
import {
  GetPositionResponseSchema,
  ProposeResponseSchema as MatchingProposeSchema,
  MatchingService,
  StreamEventsResponseSchema,
} from '../../../gen/bourse/matching/v1/service_pb.ts';
import type { MeshDatabase } from '../database/mesh-database.ts';
import type { Findings } from './findings.ts';

const MATCHING = `/${MatchingService.typeName}`;
const LEDGER = `/${LedgerService.typeName}`;

/** A message of a server, with the shard that it speaks of. */
export type Answer = {
  readonly process: string;
  readonly path: string;
  readonly shardId: string;
  readonly bytes: Uint8Array;
  /** End of the shard's log when the question arrived. */
  readonly durableAtQuestion: number;
};

export class AnswerCheck {
  readonly #database: MeshDatabase;
  readonly #findings: Findings;

  constructor(database: MeshDatabase, findings: Findings) {
    this.#database = database;
    this.#findings = findings;
  }

  take(answer: Answer): void {
    switch (answer.path) {
      case `${MATCHING}/Propose`:
        this.#checkPropose(answer, fromBinary(MatchingProposeSchema, answer.bytes).results);
        return;
      case `${LEDGER}/Propose`:
        this.#checkPropose(answer, fromBinary(LedgerProposeSchema, answer.bytes).results);
        return;
      case `${MATCHING}/GetPosition`:
        this.#checkPosition(answer);
        return;
      case `${MATCHING}/StreamEvents`:
        this.#checkEvents(answer);
        return;
      default:
        return;
    }
  }

  #checkPropose(
    { process, shardId }: Answer,
    results: readonly {
      readonly duplicate: boolean;
      readonly kind: { readonly case: string | undefined; readonly value?: unknown };
    }[],
  ): void {
    for (const { duplicate, kind } of results) {
      if (kind.case !== 'committed') continue;
      const end = duplicate ? this.#longestLike(shardId) : this.#lengthOf(shardId);
      const { entryIndex } = kind.value as { readonly entryIndex: bigint };
      if (Number(entryIndex) <= end) continue;
      const message = `${process} answered with entry ${entryIndex} of ${shardId}, which has ${end}`;
      this.#findings.add('LOG-5', message);
    }
  }

  #lengthOf(shardId: string): number {
    return this.#database.entriesOf(shardId).length;
  }

  /** The first answer may stand in the shard from which the slot came since. */
  #longestLike(shardId: string): number {
    const kind = shardId.slice(0, shardId.indexOf('-') + 1);
    const alike = [...this.#database.entries.keys()].filter((id) => id.startsWith(kind));
    return Math.max(...alike.map((id) => this.#lengthOf(id)));
  }

  #checkPosition({ process, shardId, bytes, durableAtQuestion }: Answer): void {
    const { entryIndex } = fromBinary(GetPositionResponseSchema, bytes);
    if (Number(entryIndex) >= durableAtQuestion) return;
    const message = `${process} read ${shardId} at entry ${entryIndex}, ${durableAtQuestion} was durable`;
    this.#findings.add('READ-1', message);
  }

  #checkEvents({ process, shardId, bytes }: Answer): void {
    const response = fromBinary(StreamEventsResponseSchema, bytes);
    const { committedEntryIndex, committedChainChecksum } = response;
    if (committedEntryIndex === 0n) return;
    const stands = this.#database.checksumAt(shardId, Number(committedEntryIndex));
    if (stands === Buffer.from(committedChainChecksum).toString('hex')) return;
    const message = `${process} called entry ${committedEntryIndex} of ${shardId} committed`;
    this.#findings.add('LOG-5', message);
  }
}

// Commands with fields that are not known here, at any depth (LOG-16).

import { create, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import { ProposeRequestSchema as LedgerRequestSchema } from '../../../gen/bourse/ledger/v1/service_pb.ts';
import { ProposeRequestSchema as MatchingRequestSchema } from '../../../gen/bourse/matching/v1/service_pb.ts';
import { proposalBatchOf } from '../../../services/account/adapter/ledger-messages.ts';
import { hasUnknownFields } from '../../../services/lib/platform/codec/unknown-fields.ts';
import { decodeProposals } from '../../../services/matching/adapter/propose-codec.ts';

/** Field 50,000 with the number 1. */
const UNKNOWN = [{ no: 50_000, wireType: 0, data: Uint8Array.of(1) }];

type Node = { readonly path: string; readonly message: Message };

/** The message and all within it. */
function messagesIn(value: unknown, path: string): Node[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [];
  const inner = Object.entries(value).flatMap(([name, part]) =>
    messagesIn(part, `${path}.${name}`),
  );
  return '$typeName' in value ? [{ path, message: value as Message }, ...inner] : inner;
}

const identity = { identity: 'one', validUntilUs: 1n };

const matchingRequest = () =>
  create(MatchingRequestSchema, {
    shardId: 'matching-1',
    proposals: [
      { ...identity, command: { kind: { case: 'placeOrder', value: { terms: {} } } } },
      { ...identity, command: { kind: { case: 'placeOrderGroup', value: { legs: [{}, {}] } } } },
      { ...identity, command: { kind: { case: 'setInstrument', value: { rules: {} } } } },
    ],
  });

const ledgerRequest = () =>
  create(LedgerRequestSchema, {
    shardId: 'account-1',
    proposals: [
      { ...identity, command: { kind: { case: 'placeHold', value: { terms: {} } } } },
      {
        ...identity,
        command: { kind: { case: 'placeGroupHold', value: { legs: [{ terms: {} }] } } },
      },
      {
        ...identity,
        command: {
          kind: { case: 'settle', value: { entries: [{ commands: [{ identity: 'a' }] }] } },
        },
      },
    ],
  });

/** Every place of a command in which a field may be that nobody knows. */
const places = (request: { readonly proposals: readonly { readonly command?: unknown }[] }) =>
  request.proposals.flatMap(({ command }, index) => messagesIn(command, `${index}`));

describe('unknown fields', () => {
  test.each(places(matchingRequest()).map(({ path }) => path))(
    'LOG-16: a matching shard refuses a command with one at %s',
    (path) => {
      const request = matchingRequest();
      const place = places(request).find((other) => other.path === path) as Node;
      expect(hasUnknownFields(request)).toBe(false);
      (place.message as { $unknown?: unknown }).$unknown = UNKNOWN;
      const received = fromBinary(MatchingRequestSchema, toBinary(MatchingRequestSchema, request));
      const { refused = [] } = decodeProposals(received, 'matching-1');
      const said = refused.map(({ result }) => JSON.stringify(result)).join(' ');
      expect(said).toContain('a field that is not known here');
    },
  );

  test.each(places(ledgerRequest()).map(({ path }) => path))(
    'LOG-16: an account shard refuses a command with one at %s',
    (path) => {
      const request = ledgerRequest();
      const place = places(request).find((other) => other.path === path) as Node;
      (place.message as { $unknown?: unknown }).$unknown = UNKNOWN;
      const received = fromBinary(LedgerRequestSchema, toBinary(LedgerRequestSchema, request));
      const { proposals } = proposalBatchOf(received);
      const sentences = proposals.map(({ proposal: { command } }) =>
        command.kind === 'malformed' ? command.sentence : '',
      );
      expect(sentences).toContain('the command has a field that is not known here');
    },
  );
});

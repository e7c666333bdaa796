// The contracts read as a reviewer would: every element explained, every reason stated with its
// code and named where it can occur, nothing in them that does not work yet.

import { getOption } from '@bufbuild/protobuf';
import { describe, expect, test } from '@jest/globals';
import * as error from '../../gen/bourse/type/v1/error_pb.ts';
import * as order from '../../gen/bourse/type/v1/order_pb.ts';
import { type Element, isRepeated, loadElements, loadFiles } from '../support/contracts.ts';

const PUBLIC = ['type', 'order', 'account', 'marketdata', 'reference'];
const INTERNAL = ['log', 'matching', 'ledger', 'coordinator'];

const METHODS: Readonly<Record<string, readonly string[]>> = {
  'bourse.order.v1.OrderService': [
    'PlaceOrder',
    'CancelOrder',
    'AmendOrder',
    'CancelAllOrders',
    'CancelAllAfter',
    'PlaceOrderGroup',
    'CancelOrderGroup',
    'GetOrder',
    'ListOrders',
    'ListFills',
    'PreviewOrder',
    'SubmitOrders',
    'StreamExecutionReports',
  ],
  'bourse.account.v1.AccountService': [
    'GetAccount',
    'GetBalances',
    'ListPostings',
    'ListHolds',
    'ListPositions',
    'GetFees',
    'Transfer',
    'StreamBalances',
  ],
  'bourse.account.v1.AccountAdminService': [
    'CreateAccount',
    'SetAccountLimits',
    'SetAccountState',
    'SetFeeSchedule',
    'Deposit',
    'Withdraw',
    'AuditLedger',
    'BustTrade',
  ],
  'bourse.marketdata.v1.MarketDataService': [
    'GetOrderBook',
    'StreamOrderBook',
    'ListTrades',
    'StreamTrades',
    'ListCandles',
    'StreamCandles',
    'GetTicker',
    'StreamTickers',
  ],
  'bourse.reference.v1.ReferenceService': [
    'GetAsset',
    'ListAssets',
    'GetInstrument',
    'ListInstruments',
    'StreamInstruments',
  ],
  'bourse.reference.v1.ReferenceAdminService': [
    'CreateAsset',
    'CreateInstrument',
    'UpdateInstrument',
    'SetInstrumentState',
    'RetireInstrument',
    'CancelOrders',
  ],
  'bourse.coordinator.v1.CoordinatorService': ['Join', 'WatchCluster'],
  'bourse.coordinator.v1.ClusterAdminService': [
    'GetCluster',
    'AddShard',
    'TransferLeadership',
    'DrainNode',
    'MoveSlots',
    'ListMoves',
    'CancelMove',
  ],
};

const elements = loadElements();
const methods = elements.filter(({ kind }) => kind === 'method');
const publicPackages = PUBLIC.map((name) => `bourse.${name}.v1`);

function inPublic(element: Element): boolean {
  return publicPackages.includes(element.package);
}

function namesOf(found: readonly Element[]): string[] {
  return found.map(({ name }) => name);
}

function fieldsOf(message: string): Element[] {
  return elements.filter(
    ({ kind, name }) =>
      kind === 'field' &&
      name.startsWith(`${message}.`) &&
      !name.slice(message.length + 1).includes('.'),
  );
}

/** Names of our fields, without the message. */
function fieldNamesOf(message: string): string[] {
  return fieldsOf(message).map(({ field }) => field?.name ?? '');
}

/** Those of the messages within it, too: a group has the ids of its orders. */
function allFieldNamesOf(message: string, found = new Set<string>()): ReadonlySet<string> {
  for (const { field } of fieldsOf(message)) {
    if (field === undefined || found.has(field.name)) continue;
    found.add(field.name);
    if (field.typeName?.startsWith('.bourse.')) allFieldNamesOf(field.typeName.slice(1), found);
  }
  return found;
}

/** Reasons that a comment names: words in capitals with the names of the enum among them. */
function reasonsIn(comment: string): string[] {
  const words = comment.match(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*\b/g) ?? [];
  return words.filter((word) => Object.hasOwn(error.ErrorReason, word));
}

describe('every element', () => {
  test('has a comment of whole sentences', () => {
    const bad = elements.filter(({ comment }) => !/^["`A-Z0-9].*\.$/.test(comment));
    expect(namesOf(bad)).toEqual([]);
  });

  test('speaks of what is there, not of what may come', () => {
    const words =
      /\b(later release|TODO|not yet implemented|unimplemented|placeholder|reserved)\b/i;
    expect(namesOf(elements.filter(({ comment }) => words.test(comment)))).toEqual([]);
  });

  test('of the public contracts needs nothing of the internal ones', () => {
    const bad = loadFiles()
      .filter((file) => publicPackages.includes(file.package))
      .flatMap((file) => file.dependency.map((dependency) => `${file.name} → ${dependency}`))
      .filter((edge) => INTERNAL.some((name) => edge.includes(`→ bourse/${name}/`)));
    expect(bad).toEqual([]);
  });
});

describe('every method', () => {
  test('is one that works, and no other is there', () => {
    for (const [service, names] of Object.entries(METHODS)) {
      const found = methods.filter(({ name }) => name.startsWith(`${service}.`));
      expect(found.map(({ method }) => method?.name)).toEqual(names);
    }
  });

  test('says by what it is idempotent, or that it changes nothing', () => {
    const bad = methods.filter(({ comment }) => !/idempotent|changes nothing/i.test(comment));
    expect(namesOf(bad)).toEqual([]);
  });

  test('lists the reasons it fails with', () => {
    const bad = methods.filter(({ comment }) => !/Fails? with|Refusals|can fail/.test(comment));
    expect(namesOf(bad)).toEqual([]);
  });

  test('that changes something takes a client id or the id of what it creates', () => {
    const changing = methods.filter(
      (element) => inPublic(element) && /idempotent by/i.test(element.comment),
    );
    expect(changing.length).toBeGreaterThan(8);
    for (const { name, comment, method } of changing) {
      const [, field] = /idempotent by `(\w+)`/i.exec(comment) ?? [];
      const fields = allFieldNamesOf((method?.inputType ?? '').slice(1));
      expect({ name, has: fields.has(field ?? '') }).toEqual({ name, has: true });
      const answer = fieldNamesOf((method?.outputType ?? '').slice(1));
      expect({ name, duplicate: answer.includes('duplicate') }).toEqual({ name, duplicate: true });
    }
  });

  test('that lists has pages, newest first', () => {
    const lists = methods.filter((element) => inPublic(element) && /\.List\w+$/.test(element.name));
    for (const { comment, method } of lists) {
      expect(comment).toContain('newest first');
      const fields = fieldNamesOf((method?.inputType ?? '').slice(1));
      expect(fields.slice(-2)).toEqual(['page_size', 'page_token']);
      // Behind it only what says that older items are no longer kept.
      const answer = fieldNamesOf((method?.outputType ?? '').slice(1));
      expect(answer.filter((field) => field !== 'beyond_window').at(-1)).toBe('next_page_token');
    }
  });

  test('that streams begins, resumes, stays alive and ends in the same way', () => {
    const streams = methods.filter(
      ({ method, ...element }) =>
        inPublic(element) && method?.serverStreaming && !method.clientStreaming,
    );
    expect(streams.length).toBe(7);
    for (const { method } of streams) {
      expect(fieldNamesOf((method?.inputType ?? '').slice(1)).at(-1)).toBe('resume_token');
      const fields = fieldNamesOf((method?.outputType ?? '').slice(1));
      expect(fields.slice(0, 3)).toEqual(['resume_token', 'started', 'snapshot']);
      expect(fields.slice(-2)).toEqual(['heartbeat', 'closing']);
    }
  });
});

describe('every reason', () => {
  const values = error.ErrorReasonSchema.values.filter(({ number }) => number !== 0);

  test('has one gRPC code and one advice', () => {
    for (const value of values) {
      const traits = getOption(value, error.error_traits);
      expect(traits.code).toBeGreaterThan(0);
      expect(traits.retryAdvice).not.toBe(error.RetryAdvice.UNSPECIFIED);
    }
  });

  test('that may be repeated as it is has a code for passing faults', () => {
    // FAILED_PRECONDITION is what redirects inside the mesh answer with.
    const passing = [2, 8, 9, 13, 14];
    for (const value of values) {
      const { code, retryAdvice } = getOption(value, error.error_traits);
      const repeats: readonly number[] = [error.RetryAdvice.SAFE, error.RetryAdvice.REPEAT];
      if (repeats.includes(retryAdvice)) expect(passing).toContain(code);
    }
  });

  test('is named where it can occur', () => {
    const own = 'bourse/type/v1/error.proto';
    const named = new Set(
      elements.filter(({ file }) => file !== own).flatMap(({ comment }) => reasonsIn(comment)),
    );
    const missing = values.map(({ localName }) => localName).filter((name) => !named.has(name));
    expect(missing).toEqual([]);
  });

  test('that a field can cause is listed by the methods that take the field', () => {
    for (const { name, comment, method } of methods.filter(inPublic)) {
      if (name.endsWith('.SubmitOrders') || method === undefined) continue;
      const listed = new Set(reasonsIn(comment));
      const caused = fieldsOf(method.inputType.slice(1)).flatMap((field) =>
        reasonsIn(field.comment),
      );
      expect({ name, missing: caused.filter((reason) => !listed.has(reason)) }).toEqual({
        name,
        missing: [],
      });
    }
  });

  test('of a refused amend is known under the same name as an error', () => {
    const amend = methods.find(({ name }) => name.endsWith('.AmendOrder'));
    const listed = reasonsIn(amend?.comment ?? '');
    const shared = order.RejectReasonSchema.values
      .map(({ localName }) => localName)
      .filter((name) => name !== 'UNSPECIFIED' && Object.hasOwn(error.ErrorReason, name));
    expect(shared.filter((name) => !listed.includes(name))).toEqual([]);
  });
});

describe('every status and report', () => {
  test('names its counterpart in FIX', () => {
    const enums = ['ORDER_STATUS', 'EXECUTION_TYPE', 'REJECT_REASON', 'LIQUIDITY', 'TIME_IN_FORCE'];
    const bad = elements.filter(
      ({ kind, name, comment }) =>
        kind === 'value' &&
        enums.some((prefix) => name.includes(`.${prefix}_`)) &&
        !name.endsWith('_UNSPECIFIED') &&
        !comment.includes('FIX '),
    );
    expect(namesOf(bad)).toEqual([]);
  });
});

describe('every field of the public contracts', () => {
  const fields = elements.filter((element) => element.kind === 'field' && inPublic(element));

  test('that is a time is a Timestamp and named so', () => {
    const bad = fields.filter(
      ({ field }) =>
        (field?.typeName === '.google.protobuf.Timestamp') !== /_time$/.test(field?.name ?? ''),
    );
    expect(namesOf(bad)).toEqual([]);
  });

  test('that is money, price or quantity is a decimal string, never a number', () => {
    const money = /(^|_)(price|quantity|amount|notional|fee|volume|total|available|held)$/;
    const bad = fields.filter(
      ({ field }) => money.test(field?.name ?? '') && field?.type !== 9 && field?.type !== 11,
    );
    expect(namesOf(bad)).toEqual([]);
    expect(namesOf(fields.filter(({ field }) => field?.type === 1 || field?.type === 2))).toEqual(
      [],
    );
  });

  test('that is a list in a request says how long it may be', () => {
    const bad = fields.filter(
      ({ name, field, comment }) =>
        /Request\.\w+$/.test(name) && isRepeated(field) && !comment.includes('TOO_MANY_ITEMS'),
    );
    expect(namesOf(bad)).toEqual([]);
  });
});

// The messages in which commands go to shards, written straight into their bytes: the two that
// every order makes by hand, all others by the generated schemas. A test holds them equal.

import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type Command as LedgerMessage,
  CommandSchema as LedgerSchema,
} from '../../../../gen/bourse/ledger/v1/command_pb.ts';
import {
  type Command as MatchingMessage,
  CommandSchema as MatchingSchema,
} from '../../../../gen/bourse/matching/v1/command_pb.ts';
import type { SelfTradePrevention } from '../../../../gen/bourse/type/v1/order_pb.ts';
import { writeMessage } from '../../../lib/platform/codec/message-writer.ts';
import { rejectReasonCodec } from '../../../lib/platform/codec/terms-codec.ts';
import { writeAmountField, writeTerms } from '../../../lib/platform/codec/terms-wire.ts';
import { passStep } from '../../../lib/platform/steps.ts';
import type { OrderTerms, RejectReason } from '../../../lib/rules/terms.ts';
import { WireWriter } from '../../../lib/shard/wire.ts';
import type { OrderKey } from '../../domain/book-event.ts';
import { hashBody } from '../../domain/canonical.ts';
import type { PlacementForm } from '../../domain/placement.ts';
import type { NumberedCommand } from '../pipeline/command.ts';

/** What a hold is asked for with; bourse.ledger.v1.PlaceHold says what the fields mean. */
export type HoldRequest = {
  readonly accountId: string;
  readonly clientOrderId: string;
  readonly terms: OrderTerms;
  /** Instead of what the terms say; unspecified leaves it to the account's setting. */
  readonly selfTradePrevention: SelfTradePrevention;
  /** What its hash stands for in the record; hashed when it is written. */
  readonly body: PlacementForm;
  readonly assetNumber: number;
  readonly amountUnits: bigint;
  readonly validUntilUs: number;
  readonly declineReason: RejectReason | undefined;
  readonly refuseWhenShort: boolean;
};

/** An order for its book: its terms are passed on as the bytes that the account shard gave. */
export type OrderDelivery = OrderKey & { readonly termsBytes: Uint8Array };

type LedgerKind = NonNullable<
  Exclude<MessageInitShape<typeof LedgerSchema>, LedgerMessage>['kind']
>;
type MatchingKind = NonNullable<
  Exclude<MessageInitShape<typeof MatchingSchema>, MatchingMessage>['kind']
>;

/** What a ledger command asks for. */
export type LedgerContent =
  | Exclude<LedgerKind, { case: 'placeHold' }>
  | { readonly case: 'placeHold'; readonly value: HoldRequest };

/** What a matching command asks for. */
export type MatchingContent =
  | Exclude<MatchingKind, { case: 'placeOrder' }>
  | { readonly case: 'placeOrder'; readonly value: OrderDelivery };

/** Numbers of fields. */
const PROPOSALS = 2;
const COMMAND = 5;
const ORDERING_GROUP = 6;
const PLACE_HOLD = 4;
const PLACE_ORDER = 1;
const TERMS = 3;

// One for each depth, because the length of what is inside stands before it.
const message = new WireWriter(1 << 16);
const proposal = new WireWriter(1 << 12);
const command = new WireWriter(1 << 10);
const content = new WireWriter(1 << 10);
const inner = new WireWriter(1 << 10);

type Batch<C> = readonly Omit<NumberedCommand<C, never>, 'settle'>[];

/** A ProposeRequest to an account shard. */
export function encodeLedgerBatch(shardId: string, batch: Batch<LedgerContent>): Uint8Array {
  return encodeBatch(shardId, batch, writeLedgerCommand);
}

/** A ProposeRequest to a matching shard. */
export function encodeMatchingBatch(shardId: string, batch: Batch<MatchingContent>): Uint8Array {
  return encodeBatch(shardId, batch, writeMatchingCommand);
}

function encodeBatch<C>(
  shardId: string,
  batch: Batch<C>,
  writeCommand: (asked: C) => void,
): Uint8Array {
  for (const writer of [message, proposal, command, content, inner]) writer.truncate(0);
  message.textField(1, shardId);
  for (const sent of batch) {
    passStep('proposed', sent.content);
    proposal.numberField(1, sent.number);
    proposal.textField(2, sent.identity);
    proposal.numberField(3, sent.validUntilUs);
    proposal.textField(4, sent.traceContext);
    writeCommand(sent.content);
    proposal.fixed64Field(ORDERING_GROUP, sent.orderingGroup ?? 0n);
    message.writerField(PROPOSALS, proposal);
  }
  return message.take();
}

function writeLedgerCommand(asked: LedgerContent): void {
  if (asked.case !== 'placeHold') {
    proposal.bytesField(COMMAND, writeMessage(LedgerSchema, { kind: asked }));
    return;
  }
  const { value: hold } = asked;
  content.textField(1, hold.accountId);
  content.textField(2, hold.clientOrderId);
  writeTerms(inner, hold.terms, hold.selfTradePrevention);
  content.writerField(TERMS, inner);
  content.bytesField(4, bodyHashOf(hold.body));
  content.numberField(5, hold.assetNumber);
  writeAmountField(content, 6, hold.amountUnits);
  content.numberField(7, hold.validUntilUs);
  if (hold.declineReason !== undefined) {
    content.numberField(8, rejectReasonCodec.toNumber(hold.declineReason));
  }
  content.numberField(9, hold.refuseWhenShort ? 1 : 0);
  command.writerField(PLACE_HOLD, content);
  proposal.writerField(COMMAND, command);
}

/** Nobody can repeat a request without a client order id, so its hash is never compared. */
const NO_HASH = new Uint8Array(16);

/** The hash of a body, until the next one is asked for. */
function bodyHashOf(body: PlacementForm): Uint8Array {
  return body.clientOrderId === '' ? NO_HASH : hashBody(body);
}

function writeMatchingCommand(asked: MatchingContent): void {
  if (asked.case !== 'placeOrder') {
    proposal.bytesField(COMMAND, writeMessage(MatchingSchema, { kind: asked }));
    return;
  }
  const { accountNumber, placement, termsBytes } = asked.value;
  content.numberField(1, accountNumber);
  content.numberField(2, placement);
  content.bytesField(TERMS, termsBytes);
  command.writerField(PLACE_ORDER, content);
  proposal.writerField(COMMAND, command);
}

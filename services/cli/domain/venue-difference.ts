// What must be done so that the exchange becomes the venue in the file. Pure.

import { formatDecimal, parseDecimal } from '../../lib/base/decimal.ts';
import {
  LIFELONG_FIELDS,
  type PresentVenue,
  RULE_FIELDS,
  type RuleField,
  type Venue,
  type VenueAsset,
  type VenueDeposit,
  type VenueInstrument,
} from './venue.ts';

export type RuleChange = { readonly field: RuleField; readonly from: string; readonly to: string };

/** One call that brings the exchange closer to the file; in the order in which they are made. */
export type Step =
  | { readonly kind: 'createAsset'; readonly asset: VenueAsset }
  | { readonly kind: 'createInstrument'; readonly instrument: VenueInstrument }
  | {
      readonly kind: 'updateInstrument';
      readonly instrumentId: string;
      readonly changes: readonly RuleChange[];
      readonly expectedVersion: bigint;
    }
  | {
      readonly kind: 'setInstrumentState';
      readonly instrumentId: string;
      readonly from: string;
      readonly to: string;
    }
  | { readonly kind: 'createAccount'; readonly accountId: string }
  | { readonly kind: 'deposit'; readonly deposit: VenueDeposit };

export type Difference = {
  readonly steps: readonly Step[];
  /** What the file wants and nobody can do: a change of something that is for life. */
  readonly conflicts: readonly string[];
};

/** Compares a venue file with what there is. */
export function differenceOf(wish: Venue, present: PresentVenue): Difference {
  const steps: Step[] = [];
  const conflicts: string[] = [];
  for (const asset of wish.assets) {
    const known = present.assets.get(asset.asset_id);
    if (known === undefined) steps.push({ kind: 'createAsset', asset });
    else conflicts.push(...assetConflicts(asset, known));
  }
  for (const instrument of wish.instruments) {
    const known = present.instruments.get(instrument.instrument_id);
    if (known === undefined) steps.push({ kind: 'createInstrument', instrument });
    else {
      conflicts.push(...instrumentConflicts(instrument, known));
      steps.push(...instrumentSteps(instrument, known));
    }
  }
  for (const accountId of wish.accountIds) {
    if (!present.accountIds.has(accountId)) steps.push({ kind: 'createAccount', accountId });
  }
  for (const deposit of wish.deposits) {
    const isDone = present.transferIds.has(deposit.client_transfer_id);
    if (!isDone) steps.push({ kind: 'deposit', deposit });
  }
  return { steps, conflicts };
}

/** One line for a person: `+` creates, `~` changes. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'createAsset':
      return `+ asset ${step.asset.asset_id}, ${step.asset.scale} decimal places`;
    case 'createInstrument': {
      const { instrument_id, price_unit, quantity_unit } = step.instrument;
      return `+ instrument ${instrument_id}, price unit ${price_unit}, quantity unit ${quantity_unit}`;
    }
    case 'updateInstrument': {
      const changes = step.changes.map(
        ({ field, from, to }) => `${field} ${from || 'none'} -> ${to || 'none'}`,
      );
      return `~ instrument ${step.instrumentId}: ${changes.join(', ')}`;
    }
    case 'setInstrumentState':
      return `~ instrument ${step.instrumentId}: state ${step.from} -> ${step.to}`;
    case 'createAccount':
      return `+ account ${step.accountId}`;
    case 'deposit': {
      const { account_id, asset_id, amount, client_transfer_id } = step.deposit;
      return `+ deposit ${amount} ${asset_id} to ${account_id} (${client_transfer_id})`;
    }
  }
}

/** An auction ends by itself, a halt is an operator's, and retired is for ever. */
const KEPT_STATES: ReadonlySet<string> = new Set(['AUCTION', 'HALTED', 'RETIRED']);

function assetConflicts(wish: VenueAsset, known: VenueAsset): readonly string[] {
  const id = wish.asset_id;
  const conflicts: string[] = [];
  if (wish.scale !== known.scale) {
    conflicts.push(`asset ${id} has scale ${known.scale} for life, the file says ${wish.scale}`);
  }
  if (wish.display_name !== known.display_name) {
    conflicts.push(
      `asset ${id} is named "${known.display_name}", the file says "${wish.display_name}"`,
    );
  }
  return conflicts;
}

function instrumentConflicts(wish: VenueInstrument, known: VenueInstrument): readonly string[] {
  return LIFELONG_FIELDS.filter((field) => !isSame(wish[field], known[field])).map(
    (field) =>
      `instrument ${wish.instrument_id} has ${field} ${known[field]} for life, ` +
      `the file says ${wish[field]}`,
  );
}

function instrumentSteps(
  wish: VenueInstrument,
  known: VenueInstrument & { readonly version: bigint },
): readonly Step[] {
  const instrumentId = wish.instrument_id;
  const steps: Step[] = [];
  const changes = RULE_FIELDS.flatMap((field): readonly RuleChange[] => {
    const to = wish[field];
    const from = known[field] ?? '';
    return to === undefined || isSame(to, from) ? [] : [{ field, from, to }];
  });
  if (changes.length > 0) {
    const expectedVersion = known.version;
    steps.push({ kind: 'updateInstrument', instrumentId, changes, expectedVersion });
  }
  const from = known.state ?? '';
  const isScheduled = (wish.sessions ?? known.sessions ?? '') !== '';
  const isFree = !isScheduled && !KEPT_STATES.has(from);
  if (wish.state !== undefined && wish.state !== from && isFree) {
    steps.push({ kind: 'setInstrumentState', instrumentId, from, to: wish.state });
  }
  return steps;
}

/** Decimals are the same when their value is: 0.10 and 0.1. */
function isSame(one: string, other: string): boolean {
  return one === other || canonical(one) === canonical(other);
}

function canonical(text: string): string {
  const parsed = parseDecimal(text);
  return parsed.ok ? formatDecimal(parsed.value.coefficient, parsed.value.scale) : text;
}

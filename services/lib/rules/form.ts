// Checks of form: what can be said of a request's fields before anything else is looked at. They
// come second of all checks, after the caller (contracts: Errors).

import { isPlainlyPositive, parseDecimal } from '../base/decimal.ts';

/** Reason of an error of form; each is explained in bourse.type.v1. */
export type FormReason =
  | 'FIELD_REQUIRED'
  | 'FIELDS_CONFLICT'
  | 'ENUM_VALUE_UNKNOWN'
  | 'ID_INVALID'
  | 'DECIMAL_INVALID'
  | 'DECIMAL_OUT_OF_RANGE'
  | 'NUMBER_OUT_OF_RANGE'
  | 'TEXT_INVALID'
  | 'TIME_INVALID'
  | 'TOO_MANY_ITEMS';

/** One thing that is wrong with one field. */
export type Violation = {
  readonly field: string;
  readonly reason: FormReason;
  readonly description: string;
};

/** An enum as it was sent: a name, or a number that no name belongs to. */
export type Sent<Name extends string> = Name | 'UNSPECIFIED' | 'UNKNOWN';

const ID_FORM = /^[A-Za-z0-9._:-]{1,64}$/;
const ID_RULE = 'must have 1 to 64 characters out of A-Z, a-z, 0-9, ".", "_", ":" and "-"';

/** Timestamps from the year 2000 up to the end of 9999, in seconds since the Unix epoch. */
const EARLIEST_SECONDS = 946_684_800n;
const LATEST_SECONDS = 253_402_300_799n;
const LAST_NANOSECOND = 999_999_999;

/** Collects what is wrong with a request; the first violation gives the error its reason. */
export class FormCheck {
  readonly violations: Violation[] = [];

  add(field: string, reason: FormReason, description: string): void {
    this.violations.push({ field, reason, description });
  }

  requiredId(field: string, value: string): void {
    if (value === '') this.add(field, 'FIELD_REQUIRED', 'is required');
    else this.optionalId(field, value);
  }

  /** An id that may be left out. */
  optionalId(field: string, value: string): void {
    if (value !== '' && !ID_FORM.test(value)) this.add(field, 'ID_INVALID', ID_RULE);
  }

  requiredEnum(field: string, value: string): void {
    if (value === 'UNSPECIFIED') this.add(field, 'FIELD_REQUIRED', 'must be specified');
    else this.optionalEnum(field, value);
  }

  /** An enum whose unspecified value has a meaning. */
  optionalEnum(field: string, value: string): void {
    if (value !== 'UNKNOWN') return;
    this.add(field, 'ENUM_VALUE_UNKNOWN', 'holds a number that this server does not know');
  }

  /** A decimal above zero. */
  positiveDecimal(field: string, value: string): void {
    if (isPlainlyPositive(value)) return;
    const parsed = parseDecimal(value);
    if (!parsed.ok) {
      const rule = 'must be digits with an optional fraction, at most 40 characters: no exponent';
      this.add(field, 'DECIMAL_INVALID', `${rule}, "+", "-0" or superfluous leading zero`);
    } else if (parsed.value.coefficient <= 0n) {
      this.add(field, 'DECIMAL_OUT_OF_RANGE', 'must be above 0');
    }
  }

  timestamp(field: string, seconds: bigint, nanos: number): void {
    if (seconds >= EARLIEST_SECONDS && seconds <= LATEST_SECONDS) {
      if (nanos >= 0 && nanos <= LAST_NANOSECOND) return;
    }
    const rule = 'must lie in the years 2000 to 9999, with nanoseconds from 0 to 999,999,999';
    this.add(field, 'TIME_INVALID', rule);
  }

  pageSize(value: number): void {
    if (value >= 0 && value <= 1000) return;
    this.add('page_size', 'NUMBER_OUT_OF_RANGE', 'must be 1 to 1,000, or 0 for the default');
  }
}

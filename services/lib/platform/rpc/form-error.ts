// The error of a request whose form is wrong: one reason, every violation.

import type { FormCheck } from '../../rules/form.ts';
import { OperatingError } from '../errors/operating-error.ts';

/**
 * Ends the check of a request's form.
 *
 * @throws OperatingError with the reason of the first violation, and all of them as BadRequest.
 */
export function assertForm(check: FormCheck): void {
  const [first] = check.violations;
  if (first === undefined) return;
  throw new OperatingError(first.reason, `${first.field} ${first.description}.`, {
    metadata: { field: first.field },
    violations: check.violations.map(({ field, description }) => ({ field, description })),
  });
}

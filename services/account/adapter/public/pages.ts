// What lists that come in pages have in common.
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';

export const DEFAULT_PAGE_SIZE = 100;

export function pageTokenInvalid(): OperatingError {
  const sentence = 'The page token was not made by this method for the same filters.';
  return new OperatingError('PAGE_TOKEN_INVALID', sentence, { metadata: { field: 'page_token' } });
}

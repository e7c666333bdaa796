// `npm run replay`: recorded days through the public API, compared with what really happened.

import { StartError } from '../../lib/platform/config/start-error.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import { createReplayCommand, EXIT_FAILED } from './command.ts';
import { ReplayFailure } from './replay-failure.ts';

try {
  await createReplayCommand().parseAsync();
} catch (error) {
  const expected = [ReplayFailure, StartError, OperatingError];
  const isExpected = expected.some((kind) => error instanceof kind);
  console.error(isExpected ? (error as Error).message : error);
  process.exit(EXIT_FAILED); // a run that failed leaves its streams open
}

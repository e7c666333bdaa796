// `npm run replay`: recorded days through the public API, compared with what really happened.

import { StartError } from '../../lib/platform/config/start-error.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import { createReplayCommand, EXIT_FAILED } from './command.ts';

try {
  await createReplayCommand().parseAsync();
} catch (error) {
  const isExpected = error instanceof StartError || error instanceof OperatingError;
  console.error(isExpected ? error.message : error);
  process.exit(EXIT_FAILED); // a run that failed leaves its streams open
}

// `npm run demo`: seeded makers and takers trade for a minute; book, tape and balances are shown.

import { StartError } from '../../lib/platform/config/start-error.ts';
import { OperatingError } from '../../lib/platform/errors/operating-error.ts';
import { createDemoCommand } from './command.ts';

try {
  await createDemoCommand().parseAsync();
} catch (error) {
  const isExpected = error instanceof StartError || error instanceof OperatingError;
  console.error(isExpected ? error.message : error);
  process.exitCode = 1;
}

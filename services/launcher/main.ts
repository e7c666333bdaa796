// `npm start`: the whole exchange on this machine.

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describeKeys, describeSettings } from '../lib/platform/config/describe.ts';
import { type Loaded, loadConfig } from '../lib/platform/config/load-config.ts';
import { StartError } from '../lib/platform/config/start-error.ts';
import { describeEndpoints } from './exchange/endpoints.ts';
import { startExchange } from './exchange/exchange.ts';
import { watchForStop } from './exchange/signals.ts';
import { openTerminal } from './exchange/terminal.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

async function main(): Promise<void> {
  const loaded = loadConfig(process.argv.slice(2), process.env);
  if (loaded.ask === 'help') return console.log(describeKeys('npm start --'));
  if (loaded.ask === 'print-config') return console.log(describeSettings(loaded));
  refuseOfOneService(loaded);

  const stop = watchForStop();
  const terminal = openTerminal();
  terminal.say('Bourse starts; Ctrl-C stops it.');
  const exchange = await startExchange({
    settings: loaded.settings,
    env: process.env,
    folder: ROOT,
    terminal,
    signal: stop.wanted,
    forced: stop.forced,
  });
  if (exchange === undefined) return terminal.say('stopped before it was ready');
  terminal.showReady(describeEndpoints(exchange));

  if (!stop.wanted.aborted) await once(stop.wanted, 'abort');
  await exchange.stop();
  terminal.say('stopped');
}

/** @throws StartError for a value that every process would have, though it can be right for one. */
function refuseOfOneService({ settings, sources }: Loaded): void {
  for (const name of ['nodeId', 'advertisedAddress', 'coordinatorAddresses'] as const) {
    if (settings[name] === '') continue;
    throw new StartError(
      `${sources.get(name)} is for a service that is started alone: npm start gives each process its own.`,
    );
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

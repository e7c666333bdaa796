// The command line as a whole.

import { Command, Option } from 'commander';
import { addAccounts } from './commands/accounts.ts';
import { addApply } from './commands/apply.ts';
import { addCluster } from './commands/cluster.ts';
import type { Terminal } from './commands/command.ts';
import { addConsumers } from './commands/consumers.ts';
import { addLeaders } from './commands/leaders.ts';
import { addLedger } from './commands/ledger.ts';
import { addLog } from './commands/log.ts';
import { addMarket } from './commands/market.ts';
import { addMoves } from './commands/moves.ts';
import { addOperator } from './commands/operator.ts';
import { addOrders } from './commands/orders.ts';
import { addQuarantine } from './commands/quarantine.ts';
import { addRebalance } from './commands/rebalance.ts';
import { addReference } from './commands/reference.ts';
import { addSnapshots } from './commands/snapshots.ts';

const EXAMPLES = `
Examples:
  bourse apply -f deploy/venue.yaml
  bourse deposit alice USD 100000 --id first-money
  bourse place bob BTC-USD sell 1 --price 50000
  bourse place alice BTC-USD buy 1 --price 50000
  bourse book BTC-USD
  bourse --json balances alice`;

/** `--json out.json`: what looks like a file is where the JSON goes, not a command. */
export function readJsonFile(args: readonly string[]): string[] {
  return args.flatMap((word, at) => {
    const isFile = args[at - 1] === '--json' && /\.json$|\//.test(word);
    return isFile ? ['--json-file', word] : [word];
  });
}

/** All commands, writing to `terminal`. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command('bourse')
    .description('Operates an exchange and trades on it, through its public services.')
    .option('--json', 'print JSON with the field names of the contracts; --json out.json: there')
    .addOption(new Option('--json-file <path>').hideHelp())
    .option('--port-offset <n>', 'the exchange runs with this port offset')
    .option('--host <host>', 'the exchange runs on this host')
    .option('--insecure', 'allow a host other than loopback without encryption')
    .option('--config <path>', 'a configuration file of the exchange')
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(add --help for what it takes)')
    .configureOutput({
      writeOut: (text) => terminal.write(text.trimEnd()),
      writeErr: (text) => terminal.writeError(text.trimEnd()),
    });
  addApply(program, terminal);
  addCluster(program, terminal);
  addLeaders(program, terminal);
  addMoves(program, terminal);
  addRebalance(program, terminal);
  addReference(program, terminal);
  addOperator(program, terminal);
  addAccounts(program, terminal);
  addLedger(program, terminal);
  addOrders(program, terminal);
  addMarket(program, terminal);
  addLog(program, terminal);
  addSnapshots(program, terminal);
  addConsumers(program, terminal);
  addQuarantine(program, terminal);
  // Settings hold for the commands that were added before they were made, too.
  for (const command of program.commands) {
    command.copyInheritedSettings(program);
    for (const inner of command.commands) inner.copyInheritedSettings(program);
  }
  return program;
}

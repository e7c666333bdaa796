// `bourse apply`: makes the exchange the venue of a file.

import type { Command } from 'commander';
import { StartError } from '../../../lib/platform/config/start-error.ts';
import { describeStep, differenceOf } from '../../domain/venue-difference.ts';
import { applyStep, patiently } from '../venue-apply.ts';
import { readVenueFile } from '../venue-file.ts';
import { fetchPresentVenue } from '../venue-present.ts';
import { runCommand, type Session, type Terminal } from './command.ts';

export function addApply(program: Command, terminal: Terminal): void {
  program
    .command('apply')
    .description('create or update assets, instruments and accounts as a file says')
    .requiredOption('-f, --file <path>', 'the venue: YAML, see deploy/venue.yaml')
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'show the difference and change nothing')
    .action(async (options: ApplyOptions, command: Command) => {
      await runCommand(command, terminal, (session) => apply(session, terminal, options));
    });
}

type ApplyOptions = { readonly file: string; readonly yes?: boolean; readonly dryRun?: boolean };

async function apply(
  { clients, output }: Session,
  terminal: Terminal,
  { file, yes = false, dryRun = false }: ApplyOptions,
): Promise<void> {
  const wish = readVenueFile(file);
  const present = await patiently(() => fetchPresentVenue(clients, wish));
  const { steps, conflicts } = differenceOf(wish, present);
  if (conflicts.length > 0) {
    throw new StartError([`${file} cannot be applied:`, ...conflicts.map(indent)].join('\n'));
  }
  const lines = steps.map(describeStep);
  if (!output.isJson) {
    for (const line of lines) output.write(line);
    if (lines.length === 0) output.write(`The exchange is as ${file} says.`);
  }
  const isWanted = !dryRun && steps.length > 0 && (yes || (await ask(terminal, steps.length)));
  if (isWanted) for (const step of steps) await applyStep(clients, step);
  if (output.isJson) output.write(JSON.stringify({ steps: lines, applied: isWanted }));
  else if (isWanted) output.write(`${steps.length} applied.`);
  else if (steps.length > 0) output.write('Nothing was changed.');
}

async function ask(terminal: Terminal, count: number): Promise<boolean> {
  if (terminal.confirm === undefined) {
    throw new StartError('Nobody is there to ask: add --yes to apply these changes.');
  }
  return terminal.confirm(`Apply ${count === 1 ? 'this change' : `these ${count} changes`}?`);
}

function indent(line: string): string {
  return `  ${line}`;
}

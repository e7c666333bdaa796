// What every command gets, and how it ends.

import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import {
  connectPublicServices,
  type PublicServices,
  readAddresses,
} from '../../../lib/client/public-services.ts';
import { StartError } from '../../../lib/platform/config/start-error.ts';
import { OperatingError } from '../../../lib/platform/errors/operating-error.ts';
import type { Output } from '../output.ts';

/** What a command works with. */
export type Session = { readonly clients: PublicServices; readonly output: Output };

export type GlobalOptions = {
  readonly json?: boolean;
  readonly jsonFile?: string;
  readonly portOffset?: string;
  readonly host?: string;
  readonly insecure?: boolean;
  readonly config?: string;
};

/** Where standard output and errors go; replaced in tests. */
export type Terminal = {
  readonly write: (line: string) => void;
  readonly writeError: (line: string) => void;
  /** Asks a person; undefined when there is none. */
  readonly confirm: ((question: string) => Promise<boolean>) | undefined;
  /** Aborted when the person has had enough of a command that goes on for ever. */
  readonly interrupted: AbortSignal;
  setExitCode(code: number): void;
};

/** Runs the work of a command; a failure becomes one line and exit code 1. */
export async function runCommand(
  command: Command,
  terminal: Terminal,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const options = command.optsWithGlobals<GlobalOptions>();
  const isJson = options.json === true;
  let clients: PublicServices | undefined;
  try {
    clients = connectPublicServices(readAddresses(configurationOf(options)));
    const lines: string[] = [];
    const { jsonFile } = options;
    const write = jsonFile === undefined ? terminal.write : (line: string) => lines.push(line);
    await work({ clients, output: { isJson, write } });
    if (jsonFile !== undefined) writeFileSync(jsonFile, lines.map((line) => `${line}\n`).join(''));
  } catch (error) {
    terminal.setExitCode(1);
    terminal.writeError(isJson ? JSON.stringify(describe(error)) : sentenceOf(error));
  } finally {
    clients?.close();
  }
}

export function configurationOf(options: GlobalOptions): readonly string[] {
  const { portOffset, host, insecure, config } = options;
  return [
    ...(portOffset === undefined ? [] : ['--port-offset', portOffset]),
    ...(host === undefined ? [] : ['--host', host]),
    ...(insecure === true ? ['--insecure'] : []),
    ...(config === undefined ? [] : ['--config', config]),
  ];
}

function describe(error: unknown): Record<string, unknown> {
  if (!(error instanceof OperatingError)) return { message: messageOf(error) };
  const { reason, message, metadata } = error;
  return { reason: reason ?? 'UNKNOWN', message, metadata };
}

/** How grpc-js words that nobody listens; what it notes of the name's resolution is empty. */
const UNREACHABLE =
  /^No connection established\. Last error: (?:Error: )?(.*?)\. Resolution note:.*$/;

function sentenceOf(error: unknown): string {
  if (error instanceof StartError) return error.message;
  if (!(error instanceof OperatingError)) return messageOf(error);
  if (error.reason !== undefined) return `${error.reason}: ${error.message}`;
  const why = error.message.replace(UNREACHABLE, '$1');
  return `The exchange did not answer (${why}). Is it running? npm start`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

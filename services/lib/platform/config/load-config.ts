// Reads the configuration: options win over the environment, that over a file, that over defaults.
//
// All faults are reported at once, each with the place it was read from.

import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { parse as parseYaml } from 'yaml';
import {
  environmentNameOf,
  type KeyName,
  keyNames,
  keys,
  METRICS_PORT_DISTANCE,
  optionOf,
  type Settings,
} from './keys.ts';
import { nodeNames } from './node-names.ts';
import { StartError } from './start-error.ts';

/** Environment variables of ours that are not configuration: the launcher and tests set them. */
const NOT_CONFIGURATION = new Set(['BOURSE_PARENT_PIPE', 'BOURSE_TEST_POSTGRES_FOLDER']);

export type Loaded = {
  readonly settings: Settings;
  /** What the command line asks for instead of running. */
  readonly ask: 'help' | 'print-config' | undefined;
  /** Where each value that is not a default was read. */
  readonly sources: ReadonlyMap<KeyName, string>;
};

type AnyKey = Pick<(typeof keys)[KeyName], 'schema' | 'preset'> & { readonly haPreset?: string };
type Reading = { readonly text: string; readonly source: string };
type Readings = Map<KeyName, Reading>;

/**
 * Reads and checks everything.
 *
 * @throws StartError with one line per fault.
 */
export function loadConfig(argv: readonly string[], env: NodeJS.ProcessEnv): Loaded {
  const faults: string[] = [];
  const options = readOptions(argv, faults);
  const environment = readEnvironment(env, faults);
  const file = options.readings.get('configFile') ?? environment.get('configFile');
  const fromFile = file === undefined ? new Map() : readFile(file.text, faults);
  const readings: Readings = new Map([...fromFile, ...environment, ...options.readings]);

  const settings = checkValues(readings, faults);
  checkTogether(settings, faults);
  if (faults.length > 0) throw new StartError(describeFaults(faults));
  return {
    settings,
    ask: options.ask,
    sources: new Map([...readings].map(([name, { source }]) => [name, source])),
  };
}

function describeFaults(faults: readonly string[]): string {
  const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
  return [`The configuration has ${count}:`, ...faults.map((fault) => `  ${fault}`)].join('\n');
}

function readOptions(argv: readonly string[], faults: string[]) {
  const readings: Readings = new Map();
  let ask: Loaded['ask'];
  const names = new Map(keyNames.map((name) => [optionOf(name), name]));
  for (let index = 0; index < argv.length; index += 1) {
    const [option = '', attached] = splitOnce(argv[index] ?? '');
    const name = names.get(option);
    if (option === '--help' || option === '-h') ask = 'help';
    else if (option === '--print-config') ask = 'print-config';
    else if (name === undefined) {
      faults.push(`${option} is not an option; see --help`);
      if (attached === undefined && argv[index + 1]?.startsWith('-') === false) index += 1;
    } else if (name === 'insecure' || name === 'ha')
      readings.set(name, { text: attached ?? 'true', source: option });
    else {
      const text = attached ?? argv[index + 1];
      if (attached === undefined) index += 1;
      if (text === undefined) faults.push(`${option} needs a value`);
      else readings.set(name, { text, source: option });
    }
  }
  return { readings, ask };
}

function splitOnce(argument: string): [string, string?] {
  const at = argument.indexOf('=');
  return at < 0 ? [argument] : [argument.slice(0, at), argument.slice(at + 1)];
}

function readEnvironment(env: NodeJS.ProcessEnv, faults: string[]): Readings {
  const readings: Readings = new Map();
  const names = new Map(keyNames.map((name) => [environmentNameOf(name), name]));
  for (const [variable, text] of Object.entries(env)) {
    const name = names.get(variable);
    if (name !== undefined && text !== undefined) readings.set(name, { text, source: variable });
    else if (variable.startsWith('BOURSE_') && !NOT_CONFIGURATION.has(variable)) {
      faults.push(`${variable} is not a variable of ours; see --help`);
    }
  }
  return readings;
}

function readFile(path: string, faults: string[]): Readings {
  const readings: Readings = new Map();
  if (path === '') return readings;
  let content: unknown;
  try {
    content = parseYaml(readFileSync(path, 'utf8')) ?? {};
  } catch (error) {
    faults.push(`${path}: ${(error as Error).message.split('\n')[0]}`);
    return readings;
  }
  if (typeof content !== 'object' || Array.isArray(content)) {
    faults.push(`${path}: must be a list of lines like "portOffset: 10"`);
    return readings;
  }
  for (const [name, value] of Object.entries(content as Record<string, unknown>)) {
    const source = `${path}: ${name}`;
    if (!isKeyName(name) || name === 'configFile')
      faults.push(`${source} is not a key; see --help`);
    else if (typeof value === 'object') faults.push(`${source} must be a single value`);
    else readings.set(name, { text: String(value), source });
  }
  return readings;
}

function isKeyName(name: string): name is KeyName {
  return Object.hasOwn(keys, name);
}

function checkValues(readings: Readings, faults: string[]): Settings {
  const isHa = keys.ha.schema.safeParse(readings.get('ha')?.text ?? keys.ha.preset).data === true;
  const values = keyNames.map((name) => {
    const reading = readings.get(name);
    const { schema, preset, haPreset = preset } = keys[name] as AnyKey;
    const result = schema.safeParse(reading?.text ?? (isHa ? haPreset : preset));
    if (result.success) return [name, result.data];
    const shown = name === 'databaseUrl' ? '' : `, not ${JSON.stringify(reading?.text)}`;
    faults.push(`${reading?.source} ${result.error.issues[0]?.message}${shown}`);
    return [name, undefined]; // the faults end it before anyone can ask for the value
  });
  return Object.fromEntries(values) as Settings;
}

/** Checks what no key can see alone; a key that has a fault already is left out. */
function checkTogether(settings: Settings, faults: string[]): void {
  const { host, insecure } = settings as Partial<Settings>;
  if (host !== undefined && !isLoopback(host) && insecure === false) {
    faults.push(
      `host ${host} is not loopback and connections are not encrypted: ` +
        'add --insecure if the network can be trusted',
    );
  }
  const taken = new Map<number, string>();
  for (const [name, port] of portsOf(settings)) {
    if (Number.isNaN(port)) continue;
    const other = taken.get(port);
    if (other !== undefined) faults.push(`${name} and ${other} would both use port ${port}`);
    if (port > 65_535) faults.push(`${name} would use port ${port}, beyond 65535`);
    taken.set(port, name);
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** Every port that the exchange uses with these settings, offset included, by its user. */
export function portsOf(settings: Settings): [name: string, port: number][] {
  const nodes = nodeNames(settings).map(({ service, number, nodeId }): [string, number] => {
    return [nodeId, settings[`${service}Port`] + number - 1];
  });
  const metrics = nodes.map(([name, port]): [string, number] => [
    `the metrics of ${name}`,
    port + METRICS_PORT_DISTANCE,
  ]);
  const all: [string, number][] = [...nodes, ...metrics, ['PostgreSQL', settings.postgresPort]];
  return all.map(([name, port]) => [name, port + settings.portOffset]);
}

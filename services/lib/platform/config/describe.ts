// What `--help` and `--print-config` show: every key, its default, its value and its source.

import { environmentNameOf, type KeyName, keyNames, keys, optionOf } from './keys.ts';
import type { Loaded } from './load-config.ts';

/** Keys whose values hold credentials. */
const SECRET: ReadonlySet<KeyName> = new Set(['databaseUrl']);

/** The text of `--help`. */
export function describeKeys(command: string): string {
  const blocks = keyNames.map((name) => {
    const { preset, says, haPreset } = keys[name] as (typeof keys)[KeyName] & { haPreset?: string };
    const names = `  ${optionOf(name)}, ${environmentNameOf(name)}, ${name}:`;
    const withHa = haPreset === undefined ? '' : `; with --ha: ${haPreset}`;
    return `${names}\n      ${says} Default: ${preset === '' ? 'empty' : preset}${withHa}.`;
  });
  return [
    `usage: ${command} [options]`,
    '',
    'Each value is an option, else an environment variable, else a line of the --config file:',
    '',
    ...blocks,
    '  --print-config',
    '      Print every value and where it was read, and stop.',
    '  --help',
    '      Print this, and stop.',
  ].join('\n');
}

/** The text of `--print-config`: a configuration file with comments. */
export function describeSettings({ settings, sources }: Loaded): string {
  return keyNames
    .filter((name) => name !== 'configFile')
    .flatMap((name) => {
      const source = sources.get(name) ?? 'default';
      const value = SECRET.has(name) ? hidePassword(settings[name]) : settings[name];
      return [`# ${keys[name].says}`, `${name}: ${JSON.stringify(value)} # ${source}`];
    })
    .join('\n');
}

function hidePassword(value: unknown): string {
  return String(value).replace(/(:\/\/[^:@/]*):[^@]*@/, '$1:***@');
}

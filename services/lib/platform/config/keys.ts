// Every configuration key: its bound, its default and what it is for.
//
// A key `matchingNodes` is the environment variable BOURSE_MATCHING_NODES, the option
// --matching-nodes and the line `matchingNodes:` of a configuration file.

import { z } from 'zod';

/** The ports of `contracts.md` before the offset; a node's metrics are 2,000 above its port. */
export const METRICS_PORT_DISTANCE = 2_000;
const HIGHEST_PORT = 65_535 - METRICS_PORT_DISTANCE;

const integer = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= least && value <= most, `must be from ${least} to ${most}`);

const port = integer(1, HIGHEST_PORT);

const ratio = z
  .string()
  .regex(/^\d+(\.\d+)?$/, 'must be a number from 0 to 1')
  .transform(Number)
  .refine((value) => value <= 1, 'must be a number from 0 to 1');

const yesOrNo = z
  .enum(['true', 'false', '1', '0', ''], 'must be true or false')
  .transform((value) => value !== 'false' && value !== '0');

const url = (schemes: readonly string[]) =>
  z
    .string()
    .refine(
      (value) => value === '' || schemes.some((scheme) => value.startsWith(`${scheme}://`)),
      `must begin with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
    )
    .refine((value) => value === '' || URL.canParse(value), 'must be a whole URL');

const ONE_ADDRESS = '(\\[[0-9a-fA-F:]+\\]|[A-Za-z0-9._-]+):\\d+';
const address = z.string().regex(new RegExp(`^(${ONE_ADDRESS})?$`), 'must be host:port');
const addresses = z
  .string()
  .regex(
    new RegExp(`^(${ONE_ADDRESS}(,${ONE_ADDRESS})*)?$`),
    'must be host:port, or some with commas',
  );

const key = <S extends z.ZodType<unknown, string>>(
  schema: S,
  preset: string,
  says: string,
  env?: string,
) => ({ schema, preset, says, ...(env === undefined ? {} : { env }) });

/** A key whose default is another one with `--ha`. */
const haKey = <S extends z.ZodType<unknown, string>>(
  schema: S,
  preset: string,
  haPreset: string,
  says: string,
) => ({ schema, preset, haPreset, says });

/** How many processes of a kind, or replicas, there may be. */
const count = integer(1, 64);

export const keys = {
  databaseUrl: key(
    url(['postgres', 'postgresql']),
    '',
    'PostgreSQL to use. Empty: npm start runs one of its own, under the data folder.',
    'DATABASE_URL',
  ),
  dataFolder: key(
    z.string().min(1, 'must not be empty'),
    '.bourse',
    'Where the embedded PostgreSQL, logs and locks live; relative to the repository.',
  ),
  host: key(z.string().min(1, 'must not be empty'), '127.0.0.1', 'Address that servers bind to.'),
  insecure: key(
    yesOrNo,
    'false',
    'Allow an address other than loopback although connections are not encrypted.',
  ),
  portOffset: key(
    integer(0, 50_000),
    '0',
    'Added to every port, so that clones run side by side: 10 for the second, 20 for the third.',
  ),
  coordinatorPort: key(port, '7100', 'gRPC port of the coordinator; a second has the next one.'),
  orderPort: key(port, '7001', 'gRPC port of the order service; a second has the next one.'),
  matchingPort: key(
    port,
    '7201',
    'gRPC port of matching-1; matching-2 has the next one, and so on.',
  ),
  accountPort: key(port, '7301', 'gRPC port of account-1; account-2 has the next one.'),
  marketdataPort: key(
    port,
    '7401',
    'gRPC port of the market-data service; a second has the next one.',
  ),
  postgresPort: key(port, '7432', 'Port of the embedded PostgreSQL.'),
  ha: key(
    yesOrNo,
    'false',
    'Run two of each process and a standby of each shard, so that any process may die.',
  ),
  replicas: haKey(
    integer(1, 5),
    '1',
    '2',
    'How many nodes have a replica of each shard: the leader and its standbys.',
  ),
  coordinatorNodes: haKey(count, '1', '2', 'How many coordinators run; one of them is active.'),
  matchingNodes: key(count, '2', 'How many matching processes run.'),
  accountNodes: haKey(count, '1', '2', 'How many account processes run.'),
  orderNodes: haKey(count, '1', '2', 'How many order processes run.'),
  marketdataNodes: haKey(count, '1', '2', 'How many market-data processes run.'),
  matchingShards: key(
    count,
    '2',
    'How many matching shards a new exchange has; an existing one keeps what it has.',
  ),
  accountShards: key(
    count,
    '2',
    'How many account shards a new exchange has; an existing one keeps what it has.',
  ),
  rebalance: key(
    yesOrNo,
    'false',
    'Let the coordinator move slots by itself while shards stay uneven; else by command only.',
  ),
  snapshotCommands: key(
    integer(0, 1_000_000_000),
    '200000',
    'A shard has a snapshot written when this many commands are in none; 0: never.',
  ),
  snapshotSeconds: key(
    integer(1, 1_000_000),
    '600',
    'Or when its last one is this old and something has happened since.',
  ),
  logRetention: key(
    z
      .string()
      .regex(/^(forever|[1-9]\d{0,6}[smhd])$/, 'must be forever, or a duration such as 90d or 12h'),
    'forever',
    'How long entries of the logs are kept at least, before snapshots let them be cut off.',
  ),
  logSpaceBytes: key(
    integer(0, Number.MAX_SAFE_INTEGER),
    '0',
    'Bytes that the database may have: at 70 % new orders are refused. 0: only its disk counts.',
  ),
  databaseFolder: key(
    z.string(),
    '',
    'Folder of the PostgreSQL on this machine, whose disk must not fill up. Set by npm start.',
  ),
  nodeId: key(
    z.string().regex(/^$|^[a-z]+(-[1-9]\d{0,3})?$/, 'must look like matching-1'),
    '',
    'Name in the mesh of a service that is started alone. Empty: the first of its service.',
  ),
  advertisedAddress: key(
    address,
    '',
    'host:port under which others reach a service started alone. Empty: where it binds to.',
  ),
  coordinatorAddresses: key(
    addresses,
    '',
    'host:port of all coordinators, with commas. Empty: the coordinator ports on the host above.',
  ),
  logLevel: key(
    z.enum(
      ['trace', 'debug', 'info', 'warn', 'error'],
      'must be trace, debug, info, warn or error',
    ),
    'info',
    'Least severe log lines that are written.',
  ),
  otlpEndpoint: key(
    url(['http', 'https']),
    '',
    'Where traces and metrics go by OTLP over gRPC. Empty: nowhere.',
    'OTEL_EXPORTER_OTLP_ENDPOINT',
  ),
  traceSampleRatio: key(
    ratio,
    '0.01',
    'Share of requests that are traced when the caller does not decide.',
  ),
  configFile: key(z.string(), '', 'A YAML file with any of these keys.', 'BOURSE_CONFIG'),
} as const;

export type KeyName = keyof typeof keys;

/** Every key's value, checked. */
export type Settings = { readonly [K in KeyName]: z.output<(typeof keys)[K]['schema']> };

const splitWords = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter}`);

export function environmentNameOf(name: KeyName): string {
  const { env } = keys[name] as { env?: string };
  return env ?? `BOURSE_${splitWords(name).toUpperCase()}`;
}

export function optionOf(name: KeyName): string {
  if (name === 'configFile') return '--config';
  return `--${splitWords(name).toLowerCase().replaceAll('_', '-')}`;
}

export const keyNames = Object.keys(keys) as KeyName[];

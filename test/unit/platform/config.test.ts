// Configuration: where values come from, and that all faults are told at once.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { describeKeys, describeSettings } from '../../../services/lib/platform/config/describe.ts';
import { keyNames, optionOf } from '../../../services/lib/platform/config/keys.ts';
import { loadConfig, portsOf } from '../../../services/lib/platform/config/load-config.ts';
import { nodeConfigOf } from '../../../services/lib/platform/config/node-config.ts';

const folder = mkdtempSync(join(tmpdir(), 'bourse-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(text: string): string {
  const path = join(folder, `${Math.random()}.yaml`);
  writeFileSync(path, text);
  return path;
}

describe('values', () => {
  test('an option wins over the environment, that over a file, that over the default', () => {
    const config = fileWith('portOffset: 1\nlogLevel: warn\norderPort: 7777');
    const env = { BOURSE_PORT_OFFSET: '2', BOURSE_LOG_LEVEL: 'error' };
    const { settings } = loadConfig(['--config', config, '--port-offset=3'], env);
    expect(settings).toMatchObject({ portOffset: 3, logLevel: 'error', orderPort: 7777 });
    expect(settings.matchingNodes).toBe(2);
  });

  test('without anything the exchange is on loopback, on the ports of the contract', () => {
    const { settings } = loadConfig([], {});
    expect(settings.host).toBe('127.0.0.1');
    expect(Object.fromEntries(portsOf(settings))).toMatchObject({
      coordinator: 7100,
      order: 7001,
      'matching-1': 7201,
      'matching-2': 7202,
      'account-1': 7301,
      marketdata: 7401,
      PostgreSQL: 7432,
      'the metrics of order': 9001,
    });
  });

  test('the offset moves every port of a node, its metrics and its coordinator', () => {
    const { settings } = loadConfig(['--port-offset', '50', '--node-id', 'matching-2'], {
      DATABASE_URL: 'postgres://localhost/bourse',
    });
    expect(nodeConfigOf('matching', settings)).toMatchObject({
      nodeId: 'matching-2',
      port: 7252,
      metricsPort: 9252,
      advertisedAddress: '127.0.0.1:7252',
      coordinatorAddresses: ['127.0.0.1:7150'],
    });
  });

  test('--ha makes two of each process and a standby of each shard, unless a key says otherwise', () => {
    const { settings } = loadConfig(['--ha', '--order-nodes', '1'], {
      DATABASE_URL: 'postgres://localhost/bourse',
    });
    expect(settings).toMatchObject({ replicas: 2, coordinatorNodes: 2, accountNodes: 2 });
    expect(Object.fromEntries(portsOf(settings))).toMatchObject({
      ...{ coordinator: 7100, 'coordinator-2': 7101, 'matching-1': 7201, 'matching-2': 7202 },
      ...{ 'account-1': 7301, 'account-2': 7302, order: 7001, 'marketdata-2': 7402 },
    });
    expect(portsOf(settings).map(([name]) => name)).not.toContain('order-2');
    expect(nodeConfigOf('account', { ...settings, nodeId: 'account-2' })).toMatchObject({
      port: 7302,
      coordinatorAddresses: ['127.0.0.1:7100', '127.0.0.1:7101'],
      clusterSize: { replicas: 2, nodes: { matching: 2, account: 2 } },
    });
  });

  test('coordinators elsewhere are named with commas', () => {
    const { settings } = loadConfig(['--coordinator-addresses', 'one:1,two:2'], {});
    expect(nodeConfigOf('order', settings).coordinatorAddresses).toEqual(['one:1', 'two:2']);
    expect(() => loadConfig(['--coordinator-addresses', 'one:1,two'], {})).toThrow('host:port');
  });

  test('clones at the offsets that --help names share no port', () => {
    const portsAt = (offset: number) =>
      portsOf(loadConfig(['--port-offset', `${offset}`, '--matching-nodes', '9'], {}).settings);
    const ports = [0, 10, 20, 30, 40].flatMap((offset) => portsAt(offset).map(([, port]) => port));
    expect(new Set(ports).size).toBe(ports.length);
  });

  test('a service that owns something durable refuses to run without a database', () => {
    const { settings } = loadConfig([], {});
    expect(() => nodeConfigOf('account', settings)).toThrow('account-1 needs DATABASE_URL');
    expect(nodeConfigOf('order', settings).databaseUrl).toBe('');
  });
});

describe('faults', () => {
  test('all are told at once, each with the place it was read from', () => {
    const config = fileWith('nonsense: 1\nmatchingPort: [1]');
    const read = () =>
      loadConfig(['--order-port', '-1', '--what', '--config', config], {
        BOURSE_PORT_OFSET: '1',
        BOURSE_LOG_LEVEL: 'loud',
        DATABASE_URL: 'mysql://user:secret@host/db',
      });
    expect(read).toThrow('The configuration has 7 faults');
    for (const fault of [
      '--what is not an option',
      '--order-port must be a whole number, not "-1"',
      'BOURSE_PORT_OFSET is not a variable of ours',
      'BOURSE_LOG_LEVEL must be trace, debug, info, warn or error, not "loud"',
      'DATABASE_URL must begin with postgres:// or postgresql://',
      'nonsense is not a key',
      'matchingPort must be a single value',
    ]) {
      expect(read).toThrow(fault);
    }
    expect(read).not.toThrow('secret');
  });

  test('an address other than loopback needs --insecure', () => {
    expect(() => loadConfig(['--host', '0.0.0.0'], {})).toThrow('add --insecure');
    expect(loadConfig(['--host', '0.0.0.0', '--insecure'], {}).settings.insecure).toBe(true);
  });

  test('of single values and of values together are told at once', () => {
    const args = ['--log-level', 'loud', '--order-port', 'x', '--account-port', '7202'];
    const read = () => loadConfig([...args, '--host', '0.0.0.0'], {});
    expect(read).toThrow('The configuration has 5 faults');
    for (const fault of [
      '--log-level must be trace',
      '--order-port must be a whole number',
      'host 0.0.0.0 is not loopback',
      'account-1 and matching-2 would both use port 7202',
      'the metrics of account-1 and the metrics of matching-2 would both use port 9202',
    ]) {
      expect(read).toThrow(fault);
    }
  });

  test.each(['postgres://u:secret@', 'postgres://h:99999/x'])(
    'a database that is no URL is one, and its password stays unsaid: %s',
    (url) => {
      const read = () => loadConfig([], { DATABASE_URL: url });
      expect(read).toThrow(/DATABASE_URL must be a whole URL$/);
      expect(read).not.toThrow('secret');
    },
  );

  test('two users of one port are named', () => {
    expect(() => loadConfig(['--order-port', '7202'], {})).toThrow(
      'order and matching-2 would both use port 7202',
    );
  });

  test.each([
    ['--trace-sample-ratio', '1.01'],
    ['--trace-sample-ratio', '1e-2'],
    ['--matching-nodes', '0'],
    ['--matching-shards', '65'],
    ['--port-offset', '50001'],
    ['--order-port', '65000'],
    ['--node-id', 'Matching_1'],
    ['--coordinator-address', 'nowhere'],
    ['--otlp-endpoint', 'localhost:4317'],
    ['--data-folder', ''],
    ['--config', '/does/not/exist.yaml'],
  ])('%s %s is refused', (option, value) => {
    expect(() => loadConfig([option, value], {})).toThrow('a fault');
  });
});

describe('what is shown', () => {
  test('--help explains every key with its default', () => {
    const help = describeKeys('npm start --');
    for (const name of keyNames) expect(help).toContain(optionOf(name));
    expect(help.match(/Default: /g)?.length).toBe(keyNames.length);
  });

  test('--print-config shows values, their sources and no password', () => {
    const loaded = loadConfig(['--print-config', '--port-offset', '7'], {
      DATABASE_URL: 'postgres://user:secret@host/db',
    });
    const text = describeSettings(loaded);
    expect(loaded.ask).toBe('print-config');
    expect(text).toContain('portOffset: 7 # --port-offset');
    expect(text).toContain('databaseUrl: "postgres://user:***@host/db" # DATABASE_URL');
  });

  test('what --print-config shows can be read back', () => {
    const text = describeSettings(loadConfig(['--port-offset', '7'], {}));
    const { settings } = loadConfig(['--config', fileWith(text)], {});
    expect(settings.portOffset).toBe(7);
  });
});

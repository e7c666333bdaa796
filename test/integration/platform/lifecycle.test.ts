// How a process stops: on a signal, with its launcher, after an error; never half.

import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from '@jest/globals';
import { OrderService } from '../../../gen/bourse/order/v1/service_pb.ts';
import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../../gen/grpc/health/v1/health_pb.ts';
import { PARENT_PIPE } from '../../../services/lib/platform/lifecycle/parent-pipe.ts';
import { createRpcChannel, type RpcChannel } from '../../../services/lib/platform/rpc/channel.ts';
import { createRpcClient } from '../../../services/lib/platform/rpc/client.ts';
import { freePorts } from '../../support/ports.ts';
import { waitUntil } from '../../support/wait.ts';

const SCRIPT = fileURLToPath(new URL('./process-under-test.ts', import.meta.url));

type Started = {
  readonly child: ChildProcess;
  readonly channel: RpcChannel;
  readonly exit: Promise<number | null>;
  output(): string;
};

const started: Started[] = [];
afterEach(async () => {
  for (const { child, channel, exit } of started.splice(0)) {
    channel.close();
    child.kill('SIGKILL');
    await exit;
  }
});

function start(port: number, metricsPort: number, env: NodeJS.ProcessEnv = {}): Started {
  const args = ['--no-warnings', SCRIPT, String(port), String(metricsPort)];
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env } });
  let output = '';
  const keep = (text: Buffer) => {
    output += text.toString();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  const channel = createRpcChannel(`127.0.0.1:${port}`);
  const one = { child, channel, exit, output: () => output };
  started.push(one);
  return one;
}

async function startReady(env: NodeJS.ProcessEnv = {}): Promise<Started> {
  const [port, metricsPort] = (await freePorts(2)) as [number, number];
  const one = start(port, metricsPort, env);
  const health = createRpcClient(Health, one.channel);
  await waitUntil(async () => (await health.check({})).status === ServingStatus.SERVING, {
    what: 'the process to serve',
    deadlineMs: 20_000,
  });
  return one;
}

test('SIGTERM drains: watchers are told, the running call is answered, the exit code is 0', async () => {
  const { child, channel, exit, output } = await startReady();
  const seen: ServingStatus[] = [];
  const watching = (async () => {
    for await (const { status } of createRpcClient(Health, channel).watch({})) seen.push(status);
  })();
  await waitUntil(() => seen.length > 0, { what: 'the first status' });
  const call = createRpcClient(OrderService, channel).getOrder({});
  // The call is on its way once a later one on the same connection has been answered.
  await createRpcClient(Health, channel).check({});
  child.kill('SIGTERM');
  expect((await call).order?.orderId).toBe('answered');
  await watching;
  expect(seen).toEqual([ServingStatus.SERVING, ServingStatus.NOT_SERVING]);
  expect(await exit).toBe(0);
  const said = output()
    .split('\n')
    .filter((line) => line.includes('closed '));
  expect(said.map((line) => JSON.parse(line).message)).toEqual([
    'closed last opened',
    'closed first opened',
  ]);
});

test('a process stops by itself when its launcher has gone', async () => {
  const { child, exit, output } = await startReady({ [PARENT_PIPE]: '1' });
  child.kill('SIGINT'); // a terminal's Ctrl-C is the launcher's affair
  child.stdin?.end();
  expect(await exit).toBe(0);
  expect(output()).toContain('the launcher has gone');
});

test('an error that nobody caught is logged and ends the process with code 1', async () => {
  const { channel, exit, output } = await startReady();
  await createRpcClient(OrderService, channel)
    .cancelOrder({})
    .catch(() => {});
  expect(await exit).toBe(1);
  expect(output()).toContain('nobody catches this');
  expect(output()).toContain('closed first opened');
});

test('a port in use is said in one sentence, without a stack', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as { port: number };
  const [metricsPort] = (await freePorts(1)) as [number];
  const { exit, output } = start(port, metricsPort);
  expect(await exit).toBe(1);
  expect(output()).toContain(`The port 127.0.0.1:${port} cannot be opened: it is in use.`);
  expect(output()).not.toContain('    at ');
  taken.close();
});

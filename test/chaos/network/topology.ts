// The network of a mesh: each node in a namespace with an address of its own, all joined by one
// that routes between them. A link is cut there, where packets are dropped without a word: what
// sends them goes on sending, connections stand half-open, new ones are never made.

import { spawnSync } from 'node:child_process';
import { isInside } from './enter.ts';

/** Who else is on the network: the database, and clients with everything else. */
export type Endpoint = 'postgres' | 'everyone';

export type Network<N extends string> = {
  addressOf(nodeId: N): string;
  /** Where PostgreSQL is for the nodes; to be listened on by whoever makes the network. */
  readonly postgresAddress: string;
  /** What stands before a command that shall run where a node is. */
  prefixOf(nodeId: N): readonly string[];
  /** Drops what two send each other, or what one sends and gets; the result ends it. */
  cut(nodeId: N, other: N | Endpoint): () => void;
};

const ROUTER = 'router';
/** All of ours are 10.77.number.host, two hosts to a link. */
const linkOf = (number: number) => ({ near: `10.77.${number}.1`, far: `10.77.${number}.2` });
const POSTGRES_ADDRESS = '10.77.255.1';

/**
 * Makes it, once in a run.
 *
 * @throws Error outside of the run's own namespaces, which alone are its to change
 */
export function makeNetwork<N extends string>(nodeIds: readonly N[]): Network<N> {
  if (!isInside()) throw new Error('a network is made in namespaces of the run only');
  // Names of namespaces are files: in a folder that nobody else sees.
  run('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
  ip('netns add', ROUTER);
  ip('netns exec', ROUTER, 'sysctl -q -w net.ipv4.ip_forward=1');
  ip('link set dev lo up');
  joinRouter(0, []);
  ip('address add', `${POSTGRES_ADDRESS}/32`, 'dev lo');
  ip('-n', ROUTER, 'route add', `${POSTGRES_ADDRESS}/32`, 'via', linkOf(0).far);
  const addresses = new Map<N, string>();
  for (const [index, nodeId] of nodeIds.entries()) {
    ip('netns add', nodeId);
    ip('-n', nodeId, 'link set dev lo up');
    joinRouter(index + 1, ['-n', nodeId]);
    addresses.set(nodeId, linkOf(index + 1).far);
  }
  const addressOf = (nodeId: N): string => addresses.get(nodeId) as string;
  return {
    addressOf,
    postgresAddress: POSTGRES_ADDRESS,
    prefixOf: (nodeId) => ['ip', 'netns', 'exec', nodeId],
    cut(nodeId, other) {
      const own = addressOf(nodeId);
      const rules =
        other === 'everyone'
          ? [`from ${own}`, `to ${own}`]
          : betweenOf(own, other === 'postgres' ? POSTGRES_ADDRESS : addressOf(other));
      for (const rule of rules) ip('-n', ROUTER, 'rule add', rule, 'blackhole');
      return () => {
        for (const rule of rules) ip('-n', ROUTER, 'rule del', rule, 'blackhole');
      };
    },
  };
}

const betweenOf = (one: string, other: string): string[] => [
  `from ${one} to ${other}`,
  `from ${other} to ${one}`,
];

/** Lays the wire between the router and a namespace, ours by default. */
function joinRouter(number: number, namespace: readonly string[]): void {
  const { near, far } = linkOf(number);
  const [name, peer] = [`link${number}`, `peer${number}`];
  ip('-n', ROUTER, 'link add name', name, 'type veth peer name', peer);
  ip('-n', ROUTER, 'address add', `${near}/30`, 'dev', name);
  // Our own namespace has no name; that of this process is the one that is meant.
  ip('-n', ROUTER, 'link set dev', peer, 'netns', namespace[1] ?? String(process.pid));
  ip(...namespace, 'address add', `${far}/30`, 'dev', peer);
  ip('-n', ROUTER, 'link set dev', name, 'up');
  ip(...namespace, 'link set dev', peer, 'up');
  ip(...namespace, 'route add default via', near);
}

function ip(...words: readonly string[]): void {
  run(
    'ip',
    words.flatMap((word) => word.split(' ')),
  );
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === 0) return;
  throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}

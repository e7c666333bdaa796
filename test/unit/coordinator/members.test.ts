// Who counts as silent, and when silence does not count.

import { describe, expect, test } from '@jest/globals';
import { Members, type NodeSession } from '../../../services/coordinator/adapter/members.ts';
import type { ProbingWorld } from '../../../services/lib/platform/cluster/probe.ts';
import { silentLog } from '../../support/coordinator.ts';

const CHECK_MS = 100;

class Nodes {
  nowUs = 0;
  readonly ended = new Set<string>();
  readonly members: Members;
  readonly #sessions = new Map<string, NodeSession>();

  constructor(nodeIds: readonly string[]) {
    const world = {
      monotonicUs: () => this.nowUs,
      isRefused: () => Promise.resolve(false),
    } as Partial<ProbingWorld> as ProbingWorld;
    const log = silentLog;
    this.members = new Members({ world, log, known: new Map(), onGone: () => {} });
    for (const nodeId of nodeIds) {
      const session: NodeSession = {
        node: { nodeId, kind: 'matching', address: `${nodeId}:1`, incarnation: 'one' },
        send: () => {},
        end: () => this.ended.add(nodeId),
      };
      this.#sessions.set(nodeId, session);
      this.members.join(session);
    }
  }

  /** Time passes, looked at every 100 ms; only some nodes are heard. */
  pass(ms: number, heard: readonly string[]): void {
    for (let passed = 0; passed < ms; passed += CHECK_MS) {
      this.nowUs += CHECK_MS * 1_000;
      for (const nodeId of heard) {
        const member = this.members.find(this.#sessions.get(nodeId) as NodeSession);
        if (member === undefined) continue;
        this.members.hear(member, { reports: [], followed: [], pulls: [], isLeaving: false });
      }
      this.members.forgiveShared(CHECK_MS * 1_000);
      this.members.endSilent();
    }
  }
}

const FIVE = ['a', 'b', 'c', 'd', 'e'] as const;

describe('REP-3: silence', () => {
  test('of one node counts, and of two of five', () => {
    const nodes = new Nodes(FIVE);
    nodes.pass(400, ['c', 'd', 'e']);
    expect(nodes.ended).toEqual(new Set());
    nodes.pass(200, ['c', 'd', 'e']);
    expect(nodes.ended).toEqual(new Set(['a', 'b']));
  });

  test('of most nodes at once does not count while it is short: the machine stood still', () => {
    const nodes = new Nodes(FIVE);
    nodes.pass(1_200, ['e']);
    nodes.pass(100, FIVE);
    expect(nodes.ended).toEqual(new Set());
    // Nobody has credit left from it.
    nodes.pass(600, ['b', 'c', 'd', 'e']);
    expect(nodes.ended).toEqual(new Set(['a']));
  });

  test('of most nodes at once counts when it lasts', () => {
    const nodes = new Nodes(FIVE);
    nodes.pass(2_000, ['e']);
    expect(nodes.ended).toEqual(new Set(['a', 'b', 'c', 'd']));
  });

  test('of the only node counts at once: nobody shares it', () => {
    const nodes = new Nodes(['a']);
    nodes.pass(600, []);
    expect(nodes.ended).toEqual(new Set(['a']));
  });
});

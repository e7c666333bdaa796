// Which processes make up an exchange with given settings, and what they are called.

import type { Settings } from './keys.ts';

export type ServiceName = 'coordinator' | 'matching' | 'account' | 'order' | 'marketdata';

export type NodeName = {
  readonly service: ServiceName;
  /** From 1. */
  readonly number: number;
  /** `order`, `order-2`, `matching-1`. */
  readonly nodeId: string;
};

/** Services whose first process has a number, too: it stands beside the shards of its name. */
const NUMBERED: ReadonlySet<ServiceName> = new Set(['matching', 'account']);

const IN_ORDER: readonly ServiceName[] = [
  'coordinator',
  'matching',
  'account',
  'order',
  'marketdata',
];

/** The name of a service's process of that number. */
export function nodeNameOf(service: ServiceName, number: number): string {
  return number === 1 && !NUMBERED.has(service) ? service : `${service}-${number}`;
}

/** All processes, in the order in which they start. */
export function nodeNames(settings: Settings): readonly NodeName[] {
  return IN_ORDER.flatMap((service) =>
    Array.from({ length: settings[`${service}Nodes`] ?? 0 }, (_, index) => {
      const number = index + 1;
      return { service, number, nodeId: nodeNameOf(service, number) };
    }),
  );
}

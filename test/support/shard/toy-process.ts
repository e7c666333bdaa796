// A process that hosts the toy shard and proposes to it as fast as it can, until it is killed.
// Prints one line per acknowledged identity. Arguments: database URL, epoch, prefix of identities.

import { createRealWorld } from '../../../services/lib/shard/real-world.ts';
import { add, createToyHost } from './toy-host.ts';

const [databaseUrl = '', epoch = '1', prefix = ''] = process.argv.slice(2);
const world = createRealWorld({ databaseUrl, requireReplica: false });
const host = createToyHost(world);
const led = await host.lead(Number(epoch));
if (led.kind !== 'leading') throw new Error(JSON.stringify(led));

let next = 0;
async function client(): Promise<void> {
  for (;;) {
    const batch = Array.from({ length: 20 }, () => add(world, `${prefix}${next++}`));
    const results = await Promise.all(host.propose(batch));
    const acknowledged = batch.filter((_, index) => results[index]?.kind === 'applied');
    process.stdout.write(acknowledged.map(({ identity }) => `${identity}\n`).join(''));
  }
}
await Promise.all(Array.from({ length: 8 }, client));

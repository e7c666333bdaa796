// Brings slots to the shards that this node leads, with a process of its own for the long part
// (MOV-3).

import { copyElsewhere } from '../../lib/platform/moves/copy-process.ts';
import { PulledSlots } from '../../lib/platform/moves/pulled-slots.ts';
import type { World } from '../../lib/shard/world.ts';
import type { MatchingCommand } from '../domain/command.ts';
import type { MatchingEvent } from '../domain/event.ts';
import type { MatchingShards } from './matching-handlers.ts';

const PROGRAM = new URL('../copy-slot.ts', import.meta.url);

export function openPulls(
  { databaseUrl }: { readonly databaseUrl: string },
  world: World,
  shards: MatchingShards,
  onChange: () => void,
): PulledSlots<MatchingCommand, MatchingEvent, never> {
  return new PulledSlots({
    world,
    findHost: (shardId) => shards.find(shardId),
    startCopy: copyElsewhere<MatchingCommand>(databaseUrl, PROGRAM),
    makeCommand: (move) => ({ kind: 'moveSlot', move }),
    onChange,
  });
}

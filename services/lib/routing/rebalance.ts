// Which slots should move so that the shards of a kind have about the same to do (MOV-10). Pure.
//
// The policy: load is the commands of the last ten seconds. Nothing is proposed while the busiest
// shard has less than a fifth more than the mean, or hardly anything to do at all; then slots go
// from the busiest shard to the idlest, each time the biggest that does not make the idlest the
// busier one, until the busiest is within a tenth of the mean. The two thresholds differ so that a
// load that swings does not send slots to and fro. A slot is never split: one that alone makes its
// shard the busiest stays.

/** Begins above this share of the mean, in percent. */
export const BEGIN_PERCENT = 120;
/** Ends at this share of the mean, in percent. */
export const END_PERCENT = 110;
/** Of the busiest shard, in commands of ten seconds: below it nothing is worth a move. */
export const LEAST_COMMANDS = 1_000;
/** A longer plan would be about a load that has gone meanwhile. */
export const MOVES_LIMIT = 32;

/** What a shard had to do. */
export type LoadOfShard = {
  readonly shardId: string;
  /** Of all of its slots, also those that are not among `slots`. */
  readonly commands: number;
  readonly slots: readonly { readonly slot: number; readonly commands: number }[];
};

export type PlannedMove = {
  readonly slot: number;
  readonly commands: number;
  readonly fromShardId: string;
  readonly toShardId: string;
};

export type RebalancePlan = {
  readonly moves: readonly PlannedMove[];
  /** Load by shard id once the moves are done. */
  readonly after: ReadonlyMap<string, number>;
};

/** The plan for the shards of one kind; without moves when they are even enough. */
export function planRebalance(shards: readonly LoadOfShard[]): RebalancePlan {
  const after = new Map(shards.map(({ shardId, commands }) => [shardId, commands]));
  const slots = new Map(shards.map((shard) => [shard.shardId, [...shard.slots]]));
  const total = shards.reduce((sum, { commands }) => sum + commands, 0);
  const isAbove = (commands: number, percent: number) =>
    commands * shards.length * 100 > total * percent;
  const moves: PlannedMove[] = [];
  const [first] = extremes(after);
  if (first === undefined || first.commands < LEAST_COMMANDS) return { moves, after };
  if (!isAbove(first.commands, BEGIN_PERCENT)) return { moves, after };
  while (moves.length < MOVES_LIMIT) {
    const [busiest, idlest] = extremes(after);
    if (busiest === undefined || idlest === undefined) break;
    if (!isAbove(busiest.commands, END_PERCENT)) break;
    const own = slots.get(busiest.shardId) ?? [];
    const at = bestSlot(own, busiest.commands - idlest.commands);
    const found = own[at];
    if (found === undefined) break;
    own.splice(at, 1);
    after.set(busiest.shardId, busiest.commands - found.commands);
    after.set(idlest.shardId, idlest.commands + found.commands);
    moves.push({ ...found, fromShardId: busiest.shardId, toShardId: idlest.shardId });
  }
  return { moves, after };
}

type Load = { readonly shardId: string; readonly commands: number };

/** The busiest and the idlest shard; by name where they are equal. */
function extremes(loads: ReadonlyMap<string, number>): readonly (Load | undefined)[] {
  const sorted = [...loads]
    .map(([shardId, commands]) => ({ shardId, commands }))
    .sort((one, other) => other.commands - one.commands || (one.shardId < other.shardId ? -1 : 1));
  return sorted.length < 2 ? [] : [sorted[0], sorted.at(-1)];
}

/** The biggest slot that is at most half of the difference; -1 when there is none. */
function bestSlot(
  slots: readonly { readonly slot: number; readonly commands: number }[],
  difference: number,
): number {
  let best = -1;
  slots.forEach(({ commands, slot }, at) => {
    if (commands === 0 || commands * 2 > difference) return;
    const found = slots[best];
    const isBetter =
      found === undefined ||
      commands > found.commands ||
      (commands === found.commands && slot < found.slot);
    if (isBetter) best = at;
  });
  return best;
}

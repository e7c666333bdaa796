// What has been seen of the shards' logs (LOG-12): committed places with their chain checksums, as
// leaders and followers have reported them. Whoever is told to lead must find all of them in the
// log. Kept in memory: a database that lost the end of a log would have lost them with it. Pure.

/** A committed place in a shard's log. */
export type SeenPoint = {
  /** From 1. */
  readonly entryIndex: number;
  /** 32 hexadecimal digits. */
  readonly chainChecksum: string;
  /** In words, for operators. */
  readonly seenBy: string;
};

const CHECKSUM = /^[0-9a-f]{32}$/;

export class SeenPoints {
  /** By shard id and node id. */
  readonly #byShard = new Map<string, Map<string, SeenPoint>>();

  /**
   * Takes in what a node has seen. Of one node the furthest place is kept, and at one place what
   * was seen first: that cannot be unseen.
   */
  note(shardId: string, nodeId: string, point: SeenPoint): void {
    if (point.entryIndex < 1 || !CHECKSUM.test(point.chainChecksum)) return;
    let byNode = this.#byShard.get(shardId);
    if (byNode === undefined) {
      byNode = new Map();
      this.#byShard.set(shardId, byNode);
    }
    const before = byNode.get(nodeId);
    if (before === undefined || point.entryIndex > before.entryIndex) byNode.set(nodeId, point);
  }

  /** What has been seen of a shard, each place once, the furthest first. */
  of(shardId: string): readonly SeenPoint[] {
    const distinct = new Map<string, SeenPoint>();
    for (const point of this.#byShard.get(shardId)?.values() ?? []) {
      const place = `${point.entryIndex} ${point.chainChecksum}`;
      if (!distinct.has(place)) distinct.set(place, point);
    }
    return [...distinct.values()].sort((one, other) => other.entryIndex - one.entryIndex);
  }
}

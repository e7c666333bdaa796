-- The upkeep of the shards' logs (replication.md LOG-14, SNAP-4, SNAP-5).

-- Commands on which a leader's process died. They are refused from then on, until an operator lifts
-- that: `npm run -s bourse -- quarantine`.
CREATE TABLE log_quarantine (
  shard_id text COLLATE "C" NOT NULL REFERENCES log_shard,
  identity text COLLATE "C" NOT NULL CHECK (octet_length(identity) BETWEEN 1 AND 128),
  -- Of the leader that died.
  epoch bigint NOT NULL,
  recorded_time timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- What went wrong, for a person.
  problem text NOT NULL,
  PRIMARY KEY (shard_id, identity)
);

-- Who reads a shard's log and how far each has come: entries above the least of these places are
-- not cut off. A consumer confirms what it has made durable itself, never more.
CREATE TABLE log_consumer (
  shard_id text COLLATE "C" NOT NULL REFERENCES log_shard,
  consumer text COLLATE "C" NOT NULL CHECK (octet_length(consumer) BETWEEN 1 AND 128),
  -- The last entry, and the last event, that it does not need again.
  entry_index bigint NOT NULL CHECK (entry_index >= 0),
  sequence bigint NOT NULL CHECK (sequence >= 0),
  confirmed_time timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (shard_id, consumer)
);

-- How much room there is inside the files of the database is known by an extension that not every
-- server offers; without it that room counts as used (SNAP-5).
DO $$
BEGIN
  CREATE EXTENSION IF NOT EXISTS pg_freespacemap;
EXCEPTION WHEN OTHERS THEN
  RAISE NOTICE 'there is no pg_freespacemap here: %', SQLERRM;
END
$$;

-- The logs of the shards (replication.md LOG-1 to LOG-17). Nothing but the shard host writes here.

-- One row per shard whose log is in this database. An append requires that `epoch` is still the
-- leader's (LOG-1); raising it fences every earlier leader.
CREATE TABLE log_shard (
  epoch bigint NOT NULL CHECK (epoch >= 0),
  -- Written when a leader needs a durable write that is not an entry (LOG-4).
  confirmed_time timestamptz NOT NULL DEFAULT now(),
  shard_id text COLLATE "C" PRIMARY KEY CHECK (shard_id ~ '^[A-Za-z0-9._:-]{1,32}$')
);

CREATE TABLE log_entry (
  entry_index bigint NOT NULL CHECK (entry_index >= 1),
  epoch bigint NOT NULL CHECK (epoch >= 1),
  -- Microseconds since the Unix epoch.
  log_time_us bigint NOT NULL,
  -- Sequence of the entry's first event; of the next event when the entry has none.
  first_sequence bigint NOT NULL CHECK (first_sequence >= 1),
  event_count integer NOT NULL CHECK (event_count >= 0),
  command_count integer NOT NULL CHECK (command_count >= 0),
  format_version integer NOT NULL,
  shard_id text COLLATE "C" NOT NULL,
  -- First 16 bytes of SHA-256 over the previous entry's checksum and everything in this row.
  chain_checksum bytea NOT NULL CHECK (length(chain_checksum) = 16),
  -- bourse.log.v1.CommandBatch
  commands bytea NOT NULL,
  -- bourse.log.v1.OutcomeBatch
  outcomes bytea NOT NULL,
  PRIMARY KEY (shard_id, entry_index)
);

-- Entries are compact already, and compressing them would cost the leader time (LOG-6).
ALTER TABLE log_entry
  ALTER COLUMN commands SET STORAGE EXTERNAL,
  ALTER COLUMN outcomes SET STORAGE EXTERNAL;
-- Entries up to a page stay in one row: one write instead of several.
ALTER TABLE log_entry SET (toast_tuple_target = 8160);

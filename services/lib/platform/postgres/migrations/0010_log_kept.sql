-- Entries that replicas had in memory when they found that the log lacks them (replication.md
-- LOG-12), so that an operator can put them back: `npm run -s bourse -- log repair`. The columns are
-- those of log_entry.
CREATE TABLE log_kept (
  shard_id text COLLATE "C" NOT NULL REFERENCES log_shard,
  -- The node that had it.
  node_id text COLLATE "C" NOT NULL,
  entry_index bigint NOT NULL CHECK (entry_index >= 1),
  epoch bigint NOT NULL,
  log_time_us bigint NOT NULL,
  first_sequence bigint NOT NULL,
  event_count integer NOT NULL,
  command_count integer NOT NULL,
  format_version integer NOT NULL,
  chain_checksum bytea NOT NULL CHECK (length(chain_checksum) = 16),
  commands bytea NOT NULL,
  outcomes bytea NOT NULL,
  kept_time timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (shard_id, node_id, entry_index)
);

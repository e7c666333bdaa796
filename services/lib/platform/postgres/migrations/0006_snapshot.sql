-- Snapshots of the shards (replication.md SNAP-1, SNAP-3): a start takes over the newest one that
-- counts and repeats only the log behind it. Written by the nodes that lead a shard.

CREATE TABLE shard_snapshot (
  -- The entry behind which the state stands.
  entry_index bigint NOT NULL CHECK (entry_index >= 1),
  -- Of the leader for whom it was written.
  epoch bigint NOT NULL CHECK (epoch >= 1),
  begun_time timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Version of the format of the rows.
  version integer NOT NULL,
  -- Null while it is written: then it is not there for anybody.
  row_count integer CHECK (row_count >= 1),
  shard_id text COLLATE "C" NOT NULL REFERENCES log_shard,
  snapshot_id uuid PRIMARY KEY,
  -- Of the entry (LOG-12).
  chain_checksum bytea NOT NULL CHECK (length(chain_checksum) = 16),
  -- First 16 bytes of SHA-256 over all rows.
  content_checksum bytea CHECK (length(content_checksum) = 16),
  CHECK ((row_count IS NULL) = (content_checksum IS NULL))
);

CREATE INDEX shard_snapshot_by_entry ON shard_snapshot (shard_id, entry_index);

CREATE TABLE shard_snapshot_row (
  row_number integer NOT NULL CHECK (row_number >= 0),
  snapshot_id uuid NOT NULL REFERENCES shard_snapshot ON DELETE CASCADE,
  content bytea NOT NULL CHECK (length(content) <= 262144),
  PRIMARY KEY (snapshot_id, row_number)
);

-- Rows are compact already.
ALTER TABLE shard_snapshot_row ALTER COLUMN content SET STORAGE EXTERNAL;

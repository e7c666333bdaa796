-- Moves of slots between shards (replication.md MOV-2), and nodes that lead nothing because an
-- operator drains them. Both change with the other tables of the coordinator (CRD-1).

ALTER TABLE cluster_node ADD COLUMN draining boolean NOT NULL DEFAULT false;

-- Times are microseconds since the Unix epoch, null until they come. A move goes back once
-- `roll_back_reason` is set; `import_refused` is the first half of that (MOV-5).
CREATE TABLE cluster_move (
  move_number bigint PRIMARY KEY CHECK (move_number >= 1),
  kind text NOT NULL CHECK (kind IN ('matching', 'account')),
  slot integer NOT NULL CHECK (slot BETWEEN 0 AND 4095),
  source_shard_id text NOT NULL REFERENCES cluster_shard,
  target_shard_id text NOT NULL REFERENCES cluster_shard,
  generation bigint NOT NULL CHECK (generation >= 1),
  state text NOT NULL CHECK (
    state IN ('pending', 'copying', 'exported', 'imported', 'done', 'rolledBack')),
  client_request_id text NOT NULL,
  roll_back_reason text,
  import_refused boolean NOT NULL DEFAULT false,
  copied_bytes bigint NOT NULL DEFAULT 0,
  rest_bytes bigint NOT NULL DEFAULT 0,
  rounds integer NOT NULL DEFAULT 0,
  retries integer NOT NULL DEFAULT 0,
  create_time_us bigint NOT NULL,
  copy_time_us bigint,
  export_time_us bigint,
  import_time_us bigint,
  end_time_us bigint,
  pause_us bigint,
  UNIQUE (kind, slot, generation)
);

-- A slot is in one move at a time.
CREATE UNIQUE INDEX cluster_move_open ON cluster_move (kind, slot)
  WHERE state NOT IN ('done', 'rolledBack');

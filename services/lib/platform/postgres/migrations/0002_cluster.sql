-- The coordinator's tables: who hosts which shard, which slot belongs to which shard, assets and
-- instruments. They are the wish; the logs of the shards are the truth (CRD-5).

-- One row. Every change of the tables below is one transaction that asserts the term (CRD-2) and the
-- version it read and raises that version by one (CRD-1).
CREATE TABLE coordinator (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  term bigint NOT NULL,
  holder text NOT NULL,
  renewed_at timestamptz NOT NULL,
  cluster_version bigint NOT NULL,
  reference_version bigint NOT NULL
);
INSERT INTO coordinator VALUES (true, 0, '', '-infinity', 0, 0);

CREATE TABLE cluster_node (
  node_id text PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('matching', 'account', 'order', 'marketdata')),
  address text NOT NULL,
  incarnation text NOT NULL,
  live boolean NOT NULL
);

-- `epoch` only grows. The leader is a wish until `serving_epoch` equals `epoch`.
CREATE TABLE cluster_shard (
  shard_id text PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('matching', 'account')),
  epoch bigint NOT NULL DEFAULT 0,
  serving_epoch bigint NOT NULL DEFAULT 0,
  leader_node_id text REFERENCES cluster_node,
  leader_incarnation text
);

-- Which node holds a replica of which shard.
CREATE TABLE cluster_replica (
  shard_id text NOT NULL REFERENCES cluster_shard,
  node_id text NOT NULL REFERENCES cluster_node,
  PRIMARY KEY (shard_id, node_id)
);

-- Owner and generation of every slot that has one (MOV-1); visible to callers from `published` on,
-- which is set once the owner has committed it.
CREATE TABLE cluster_slot (
  kind text NOT NULL CHECK (kind IN ('matching', 'account')),
  slot integer NOT NULL CHECK (slot BETWEEN 0 AND 4095),
  shard_id text NOT NULL REFERENCES cluster_shard,
  generation bigint NOT NULL,
  published boolean NOT NULL DEFAULT false,
  PRIMARY KEY (kind, slot)
);

-- `published_at` is the reference version since which callers see it, null until every shard that
-- needs it has committed it (CRD-5). Times are microseconds since the Unix epoch.
CREATE TABLE asset (
  asset_number integer PRIMARY KEY,
  asset_id text NOT NULL UNIQUE,
  display_name text NOT NULL,
  scale integer NOT NULL CHECK (scale BETWEEN 0 AND 9),
  create_time_us bigint NOT NULL,
  published_at bigint
);

-- `wish` and `published` hold rules and state in units (REF-1): what operators want, and what
-- callers see. `create_hash` recognises the request that created it.
CREATE TABLE instrument (
  instrument_number integer PRIMARY KEY,
  instrument_id text NOT NULL UNIQUE,
  base_asset_number integer NOT NULL REFERENCES asset,
  quote_asset_number integer NOT NULL REFERENCES asset,
  price_unit text NOT NULL,
  quantity_unit text NOT NULL,
  create_hash bytea NOT NULL,
  create_time_us bigint NOT NULL,
  wish jsonb NOT NULL,
  published jsonb,
  published_at bigint
);

-- Changes of instruments by client request id, with rules and state after each, for its repeats.
CREATE TABLE reference_request (
  client_request_id text PRIMARY KEY,
  body_hash bytea NOT NULL,
  instrument_number integer NOT NULL REFERENCES instrument,
  answer jsonb NOT NULL,
  create_time timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON reference_request (create_time);

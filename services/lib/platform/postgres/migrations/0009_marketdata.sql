-- What market data needs to begin without reading the shards' logs from their beginnings
-- (replication.md CON-1). All market data processes share these tables; rows and places are
-- written in one transaction, and no row is older than the place of its shard.

-- How far the shards had been read when the rows were written.
CREATE TABLE marketdata_place (
  shard_id text COLLATE "C" PRIMARY KEY,
  -- Every event up to it is in the rows.
  sequence bigint NOT NULL CHECK (sequence >= 0),
  -- An entry of the log that was seen, with its chain checksum (LOG-12).
  entry_index bigint NOT NULL CHECK (entry_index >= 0),
  chain_checksum text NOT NULL,
  saved_time timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One instrument as its feed has it, but for what stands in the tables below.
CREATE TABLE marketdata_feed (
  instrument_number integer PRIMARY KEY,
  -- Shard whose events it had last.
  shard_id text COLLATE "C" NOT NULL,
  -- The instrument's own sequence, at or behind what the place of its shard says.
  sequence bigint NOT NULL,
  state jsonb NOT NULL
);

-- Open orders, 64 bytes each.
CREATE TABLE marketdata_orders (
  instrument_number integer NOT NULL REFERENCES marketdata_feed ON DELETE CASCADE,
  part integer NOT NULL,
  orders bytea NOT NULL,
  PRIMARY KEY (instrument_number, part)
);

-- The tape, a thousand trades a row; rows that are full never change.
CREATE TABLE marketdata_trades (
  instrument_number integer NOT NULL REFERENCES marketdata_feed ON DELETE CASCADE,
  part bigint NOT NULL,
  trades jsonb NOT NULL,
  PRIMARY KEY (instrument_number, part)
);

-- Closed candles.
CREATE TABLE marketdata_candle (
  instrument_number integer NOT NULL REFERENCES marketdata_feed ON DELETE CASCADE,
  candle_interval text COLLATE "C" NOT NULL,
  -- Start of the interval, in microseconds since the Unix epoch.
  open_time_us bigint NOT NULL,
  -- In price units.
  open_units bigint NOT NULL,
  high_units bigint NOT NULL,
  low_units bigint NOT NULL,
  close_units bigint NOT NULL,
  -- In quantity units, and in the quote asset's smallest units.
  volume_units numeric NOT NULL,
  notional_units numeric NOT NULL,
  trade_count bigint NOT NULL,
  -- The instrument's sequence of the last trade in it.
  instrument_sequence bigint NOT NULL,
  PRIMARY KEY (instrument_number, candle_interval, open_time_us)
);

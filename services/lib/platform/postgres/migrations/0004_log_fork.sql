-- A shard whose log was found to lack, or to differ at, a point that somebody has seen is not led
-- again before an operator has decided (replication.md LOG-12): after having looked,
--   UPDATE log_shard SET fork = NULL WHERE shard_id = '…';
ALTER TABLE log_shard ADD COLUMN fork text;

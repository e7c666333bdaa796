-- The last epoch that was promised to whom a leadership is handed over (replication.md REP-5): it
-- leads in it as soon as the leader has let go, before the coordinator has stored so.
ALTER TABLE cluster_shard ADD COLUMN promised_epoch bigint NOT NULL DEFAULT 0;

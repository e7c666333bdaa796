-- Changes of state, cancels and sessions of instruments are commands to their shards (STA-1). A
-- request that is one has no rules to answer with, and a cancel may concern every instrument.
-- `session_time_us` is the time of the last change of the instrument's schedule that was carried
-- out, in microseconds since the Unix epoch; 0: none was.
ALTER TABLE instrument ADD COLUMN session_time_us bigint NOT NULL DEFAULT 0;
ALTER TABLE reference_request ALTER COLUMN instrument_number DROP NOT NULL;

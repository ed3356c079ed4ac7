-- Sums of decisions by minute, hour and day, for everybody and for each caller, kept in the transaction that writes the decisions.
CREATE TABLE rollups (
    span_ms       INTEGER NOT NULL,
    -- 'all', or 'key:' and the caller's name; 'key:' alone is for requests without one.
    scope         TEXT    NOT NULL,
    start_unix_ms INTEGER NOT NULL,
    revision      INTEGER NOT NULL,
    -- JSON, as src/store/rollup/summary.rs writes it.
    body          TEXT    NOT NULL,
    PRIMARY KEY (span_ms, scope, start_unix_ms)
) STRICT;

-- Decisions from before there were rollups, which are still to be counted.
CREATE TABLE rollup_backlog (
    id TEXT NOT NULL PRIMARY KEY
) STRICT;

INSERT INTO rollup_backlog (id) SELECT id FROM decisions;

-- The order in which requests ended, which is the order in which they are written: a list that grows at its head misses none.
CREATE INDEX decisions_by_end ON decisions ((time_unix_ms + CAST(latency_ms AS BIGINT)), id);
CREATE INDEX decisions_by_caller_and_end ON decisions (caller, (time_unix_ms + CAST(latency_ms AS BIGINT)), id);

-- One row a request. Unknown is NULL and never 0.
CREATE TABLE decisions (
    id                  TEXT    NOT NULL PRIMARY KEY,
    time_unix_ms        INTEGER NOT NULL,
    model               TEXT,
    provider            TEXT,
    task                TEXT,
    task_confidence     REAL,
    complexity          TEXT,
    complexity_score    REAL,
    known               INTEGER,
    strategy            TEXT,
    reason              TEXT    NOT NULL,
    attempts            INTEGER NOT NULL,
    status              INTEGER NOT NULL,
    outcome             TEXT    NOT NULL,
    stream              INTEGER NOT NULL,
    input_tokens        INTEGER,
    cached_input_tokens INTEGER,
    output_tokens       INTEGER,
    cost_usd            REAL,
    overhead_ms         REAL    NOT NULL,
    latency_ms          REAL    NOT NULL
) STRICT;

CREATE INDEX decisions_by_time ON decisions (time_unix_ms);

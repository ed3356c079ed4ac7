-- What users said of answers: one word a decision, the last one counts.
CREATE TABLE feedback (
    decision_id  TEXT    NOT NULL PRIMARY KEY,
    time_unix_ms INTEGER NOT NULL,
    caller_id    TEXT,
    verdict      TEXT    NOT NULL,
    score        REAL,
    task         TEXT,
    complexity   TEXT
) STRICT;

CREATE INDEX feedback_by_time ON feedback (time_unix_ms);

-- Keys that `semroute keys` made. Of the secret there is only a hash; NULL is without limit.
CREATE TABLE api_keys (
    id                  TEXT    NOT NULL PRIMARY KEY,
    name                TEXT    NOT NULL,
    secret_hash         BLOB    NOT NULL,
    -- JSON lists.
    models              TEXT,
    strategies          TEXT,
    endpoints           TEXT,
    is_admin            INTEGER NOT NULL,
    requests_per_minute INTEGER,
    tokens_per_minute   INTEGER,
    concurrent          INTEGER,
    budget_day_usd      REAL,
    budget_month_usd    REAL,
    created_unix_ms     INTEGER NOT NULL,
    expires_unix_ms     INTEGER,
    revoked_unix_ms     INTEGER
) STRICT;

CREATE UNIQUE INDEX api_keys_by_name ON api_keys (name) WHERE revoked_unix_ms IS NULL;

-- Counts the changes of a table, so that a server sees at a glance whether it has to read it anew.
CREATE TABLE revisions (
    of_table TEXT    NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL
) STRICT;

INSERT INTO revisions (of_table, revision) VALUES ('api_keys', 0);

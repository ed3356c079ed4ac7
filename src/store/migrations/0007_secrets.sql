-- What this store keeps for itself: the key of the fingerprints, made when the store is.
CREATE TABLE store_secrets (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

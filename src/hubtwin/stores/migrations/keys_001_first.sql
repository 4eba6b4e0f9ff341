-- Wrapped keys only. This file and vault.key are what a backup keeps apart.
CREATE TABLE epochs (epoch_no INTEGER PRIMARY KEY, wrapped BLOB, made_min INTEGER NOT NULL, destroyed_min INTEGER) STRICT;

CREATE TABLE subjects (key_id TEXT PRIMARY KEY, wrapped BLOB NOT NULL) STRICT;

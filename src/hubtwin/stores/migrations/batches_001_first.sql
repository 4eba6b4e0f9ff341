-- batches for the platform above; cells are sealed under a key of their batch, which is in the vault
CREATE TABLE batches (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    batch_id TEXT NOT NULL UNIQUE,
    partner TEXT NOT NULL,
    template TEXT NOT NULL,
    version INTEGER NOT NULL,
    made_min INTEGER NOT NULL,
    from_min INTEGER NOT NULL,
    until_min INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    corrects TEXT NOT NULL,
    marks TEXT NOT NULL,
    key_id TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    staged INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE batch_rows (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    batch_id TEXT NOT NULL,
    place INTEGER NOT NULL,
    key TEXT NOT NULL,
    revision INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ready', 'held', 'sent', 'accepted', 'refused', 'superseded')),
    digest TEXT NOT NULL,
    newest TEXT NOT NULL,
    case_id TEXT NOT NULL,
    sealed BLOB,
    problems TEXT NOT NULL,
    reason TEXT NOT NULL,
    UNIQUE (batch_id, place)
) STRICT;
CREATE INDEX batch_rows_key ON batch_rows (key, revision);
CREATE INDEX batch_rows_wrong ON batch_rows (number) WHERE state IN ('held', 'refused');
CREATE INDEX batch_rows_sealed ON batch_rows (batch_id) WHERE sealed IS NOT NULL;

-- keys of the vault that are to be destroyed
CREATE TABLE doomed (key_id TEXT PRIMARY KEY) STRICT;

CREATE TABLE followed (one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL) STRICT;
INSERT INTO followed VALUES (1, 0);

CREATE TABLE entries (
    partner TEXT NOT NULL,
    seq INTEGER NOT NULL CHECK (seq > 0),
    direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    id TEXT NOT NULL,
    digest TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    before TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (partner, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE outgoing (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    partner TEXT NOT NULL,
    id TEXT NOT NULL,
    subject TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    digest TEXT NOT NULL,
    content BLOB,
    signature TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'handed', 'arrived', 'refused')),
    reason TEXT NOT NULL DEFAULT '',
    at_ms INTEGER NOT NULL,
    UNIQUE (partner, id),
    UNIQUE (partner, subject, sequence)
) STRICT;
CREATE INDEX outgoing_digest ON outgoing (partner, digest);
CREATE INDEX outgoing_open ON outgoing (partner, number) WHERE state IN ('waiting', 'handed');

CREATE TABLE incoming (
    partner TEXT NOT NULL,
    id TEXT NOT NULL,
    subject TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    digest TEXT NOT NULL,
    content BLOB,
    signature TEXT NOT NULL,
    data TEXT,
    state TEXT NOT NULL CHECK (state IN ('held', 'applied', 'refused')),
    reason TEXT NOT NULL,
    time_ms INTEGER,
    repairs TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    applied_no INTEGER UNIQUE,
    PRIMARY KEY (partner, id),
    UNIQUE (partner, subject, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE orders (
    partner TEXT NOT NULL,
    subject TEXT NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (partner, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE applied (one INTEGER PRIMARY KEY CHECK (one = 1), last INTEGER NOT NULL) STRICT;
INSERT INTO applied VALUES (1, 0);

CREATE TABLE heads (
    partner TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('head', 'receipt')),
    digest TEXT NOT NULL,
    content BLOB NOT NULL,
    signature TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (partner, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE refusals (
    partner TEXT NOT NULL,
    reason TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (partner, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE owner (source TEXT PRIMARY KEY) STRICT;

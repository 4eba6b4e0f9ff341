-- Content is sealed under a key of its subject, which the vault holds; content without key_id is of the first version and
-- is sealed when the books are opened.
CREATE TABLE seals (subject TEXT PRIMARY KEY, key_id TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- Keys of subjects whose content is gone here, and which the vault has still to destroy in its copies.
CREATE TABLE dying (key_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE TABLE outgoing_002 (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    partner TEXT NOT NULL,
    id TEXT NOT NULL,
    subject TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    digest TEXT NOT NULL,
    content BLOB,
    key_id TEXT,
    signature TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'handed', 'arrived', 'refused', 'replaced', 'expired')),
    reason TEXT NOT NULL DEFAULT '',
    placed INTEGER NOT NULL DEFAULT 0,
    written_ms INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    UNIQUE (partner, id)
) STRICT;
INSERT INTO outgoing_002
    SELECT number, partner, id, subject, sequence, digest, content, NULL, signature, state, reason, 0, at_ms, at_ms
    FROM outgoing;
DROP TABLE outgoing;
ALTER TABLE outgoing_002 RENAME TO outgoing;
CREATE UNIQUE INDEX outgoing_place ON outgoing (partner, subject, sequence) WHERE state != 'replaced';
CREATE INDEX outgoing_digest ON outgoing (partner, digest);
CREATE INDEX outgoing_open ON outgoing (partner, number) WHERE state IN ('waiting', 'handed');
CREATE INDEX outgoing_content ON outgoing (subject) WHERE content IS NOT NULL;

CREATE TABLE incoming_002 (
    partner TEXT NOT NULL,
    id TEXT NOT NULL,
    subject TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    digest TEXT NOT NULL,
    content BLOB,
    key_id TEXT,
    signature TEXT NOT NULL,
    data BLOB,
    state TEXT NOT NULL CHECK (state IN ('held', 'applied', 'refused')),
    reason TEXT NOT NULL,
    time_ms INTEGER,
    repairs TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    applied_no INTEGER UNIQUE,
    PRIMARY KEY (partner, id),
    UNIQUE (partner, subject, sequence)
) STRICT, WITHOUT ROWID;
INSERT INTO incoming_002
    SELECT partner, id, subject, sequence, digest, content, NULL, signature, CAST(data AS BLOB), state, reason, time_ms,
        repairs, at_ms, applied_no
    FROM incoming;
DROP TABLE incoming;
ALTER TABLE incoming_002 RENAME TO incoming;
CREATE INDEX incoming_content ON incoming (subject) WHERE content IS NOT NULL;

-- What was shown, in the order in which it was: key frames hold everything, the entries between them what changed.
-- `place` is about places and vehicles, `event` about what an event is handled with; only that part is of persons.
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    is_key INTEGER NOT NULL,
    place BLOB NOT NULL,
    event BLOB
) STRICT;
CREATE INDEX entries_at ON entries (at_ms, seq);
CREATE INDEX entries_keys ON entries (at_ms, seq) WHERE is_key = 1;
-- What the timeline marks; `topic` and `scene` say who may see it.
CREATE TABLE marks (
    seq INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    topic TEXT NOT NULL,
    scene TEXT NOT NULL,
    subject TEXT NOT NULL,
    severity TEXT NOT NULL
) STRICT;
CREATE INDEX marks_at ON marks (at_ms);
-- "runs": how often it was opened to write; "erased": how often something was erased.
CREATE TABLE counts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO counts VALUES ('runs', 0), ('erased', 0);

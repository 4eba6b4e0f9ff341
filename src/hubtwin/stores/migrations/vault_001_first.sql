CREATE TABLE subjects (
  pid TEXT PRIMARY KEY,
  key_id TEXT NOT NULL UNIQUE,
  sealed BLOB NOT NULL,
  at_min INTEGER NOT NULL
) STRICT;

-- Names the keys that must not exist any more, here or in any copy; a key id is random and tells nothing.
CREATE TABLE forgotten (key_id TEXT PRIMARY KEY, at_min INTEGER NOT NULL) STRICT;

-- Copies of the keys that backups made, and how many destroyed keys are known to be destroyed there as well.
CREATE TABLE copies (path TEXT PRIMARY KEY, at_min INTEGER NOT NULL, purged INTEGER NOT NULL) STRICT;

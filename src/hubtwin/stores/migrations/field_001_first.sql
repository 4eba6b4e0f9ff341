-- What staff filed with their tasks, sealed; keys are in the vault, one a task.
CREATE TABLE seals (subject TEXT PRIMARY KEY, key_id TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE contents (
  piece_id TEXT PRIMARY KEY,
  task_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  emergency_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  at_min INTEGER NOT NULL,
  sealed BLOB NOT NULL
) STRICT;

CREATE INDEX contents_by_task ON contents (task_id);
CREATE INDEX contents_by_subject ON contents (subject);

-- what was destroyed: a phone that sends it once more brings nothing back
CREATE TABLE gone (piece_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

-- keys that are to be destroyed
CREATE TABLE dying (key_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

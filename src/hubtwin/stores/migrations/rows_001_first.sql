CREATE TABLE store (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE batches (
  batch_no INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,
  source TEXT NOT NULL,
  at_min INTEGER NOT NULL
) STRICT;

CREATE TABLE files (
  path TEXT PRIMARY KEY,
  dataset TEXT NOT NULL,
  batch_no INTEGER NOT NULL,
  row_count INTEGER NOT NULL,
  synthetic_count INTEGER NOT NULL,
  byte_count INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  key_unique INTEGER NOT NULL,
  at_min INTEGER NOT NULL
) STRICT;

CREATE INDEX files_by_dataset ON files (dataset, batch_no);

CREATE TABLE cursors (
  source TEXT PRIMARY KEY,
  cursor TEXT NOT NULL,
  committed INTEGER NOT NULL,
  at_min INTEGER NOT NULL
) STRICT;

CREATE TABLE quarantine (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL,
  batch_no INTEGER NOT NULL,
  locator TEXT NOT NULL,
  reason TEXT NOT NULL,
  reason_values TEXT NOT NULL,
  raw TEXT NOT NULL,
  at_min INTEGER NOT NULL
) STRICT;

CREATE INDEX quarantine_by_source ON quarantine (source, seq);

CREATE TABLE findings (
  key TEXT PRIMARY KEY,
  seq INTEGER NOT NULL UNIQUE,
  scene TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  found_min INTEGER NOT NULL,
  score REAL NOT NULL,
  evidence TEXT NOT NULL,
  params TEXT NOT NULL,
  status TEXT NOT NULL,
  provenance TEXT NOT NULL,
  replayed INTEGER NOT NULL
) STRICT;

CREATE INDEX findings_by_scene ON findings (scene, seq);

CREATE TABLE events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at_min INTEGER NOT NULL,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL,
  version INTEGER NOT NULL
) STRICT;

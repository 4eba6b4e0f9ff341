-- What streets send back to the source: who, what about, and how it stands. What it says is sealed, one key each.
CREATE TABLE returns (
  return_id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('addition', 'dispute')),
  dataset TEXT NOT NULL,
  agency TEXT NOT NULL,
  street TEXT NOT NULL,
  sent_by TEXT NOT NULL,
  sent_min INTEGER NOT NULL,
  due_min INTEGER NOT NULL,
  row_no INTEGER,
  column_name TEXT NOT NULL,
  state TEXT NOT NULL,
  answered_by TEXT NOT NULL DEFAULT '',
  answered_min INTEGER,
  answer TEXT NOT NULL DEFAULT '',
  escalated_min INTEGER,
  send_key TEXT NOT NULL UNIQUE,
  key_id TEXT,
  sealed BLOB
) STRICT;

CREATE INDEX returns_by_dataset ON returns (dataset, state);
CREATE INDEX returns_by_agency ON returns (agency, sent_min);

-- What staff file with a task. Ticks name an item; what notes, scans and photos say is sealed elsewhere (field.sqlite).
CREATE TABLE task_pieces (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  piece_id TEXT NOT NULL UNIQUE,
  task_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  ref TEXT NOT NULL,
  given_by TEXT NOT NULL,
  at_min INTEGER NOT NULL,
  done_min INTEGER NOT NULL
) STRICT;

CREATE INDEX task_pieces_by_task ON task_pieces (task_id, seq);

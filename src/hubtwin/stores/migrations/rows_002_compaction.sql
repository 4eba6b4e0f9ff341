-- Merging small files keeps what was superseded in files of its own, and the merged files for readers at work.
ALTER TABLE files ADD COLUMN role TEXT NOT NULL DEFAULT 'current' CHECK (role IN ('current', 'superseded'));

CREATE TABLE retired (path TEXT PRIMARY KEY, at_min INTEGER NOT NULL) STRICT;

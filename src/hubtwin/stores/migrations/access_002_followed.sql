-- How far the register has followed the loop, and which night was done: written with what it tells of.
CREATE TABLE kept_marks (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

-- The shelves of the library: which files count, where their rows are numbered, and what could not be read.
CREATE TABLE batches (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    dataset TEXT NOT NULL,
    part TEXT NOT NULL,
    key TEXT UNIQUE,                -- NULL for a part that was replaced
    rows INTEGER NOT NULL,
    at_min INTEGER NOT NULL
) STRICT;
CREATE TABLE files (
    path TEXT PRIMARY KEY,          -- below the directory of the library
    dataset TEXT NOT NULL,
    part TEXT NOT NULL,
    batch INTEGER NOT NULL REFERENCES batches (number),
    row_count INTEGER NOT NULL,
    first_row_no INTEGER NOT NULL,
    byte_count INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    digest TEXT NOT NULL,           -- of the shape under which it was written
    loaded_min INTEGER NOT NULL,
    synthetic_count INTEGER NOT NULL
) STRICT;
CREATE INDEX files_of_dataset ON files (dataset, batch);
CREATE TABLE numbering (            -- a number is never given twice, also where its row is gone
    dataset TEXT PRIMARY KEY,
    next_row_no INTEGER NOT NULL
) STRICT;
CREATE TABLE quarantine (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    dataset TEXT NOT NULL,
    part TEXT NOT NULL,
    load_id TEXT NOT NULL,
    line_no INTEGER NOT NULL,
    raw TEXT NOT NULL,              -- the line as it came, at most 64 KiB of it
    is_cut INTEGER NOT NULL,
    cells TEXT NOT NULL,            -- JSON: column of the dataset -> text as it came
    problems TEXT NOT NULL,         -- JSON: [[text key, values], ...]
    at_min INTEGER NOT NULL,
    released_min INTEGER,           -- when its corrected row came onto the shelf
    released_by TEXT
) STRICT;
CREATE INDEX quarantine_of_dataset ON quarantine (dataset, released_min, seq);
CREATE INDEX quarantine_of_load ON quarantine (load_id, seq);
CREATE TABLE withheld (
    dataset TEXT NOT NULL,
    row_no INTEGER NOT NULL,
    why TEXT NOT NULL,
    by TEXT NOT NULL,
    at_min INTEGER NOT NULL,
    PRIMARY KEY (dataset, row_no)
) STRICT;
CREATE TABLE loads (
    load_id TEXT PRIMARY KEY,
    dataset TEXT NOT NULL,
    part TEXT NOT NULL,
    file TEXT NOT NULL,             -- its name without a folder
    sha256 TEXT NOT NULL,           -- of its bytes, or of what says which table it was
    told TEXT NOT NULL,             -- JSON: how it is read (format, encoding, delimiter, mapping, marks)
    by TEXT NOT NULL,
    begun_min INTEGER NOT NULL,
    ended_min INTEGER,
    cursor TEXT NOT NULL DEFAULT '',  -- where to go on
    batches INTEGER NOT NULL DEFAULT 0,
    rows INTEGER NOT NULL DEFAULT 0,
    quarantined INTEGER NOT NULL DEFAULT 0,
    problem TEXT NOT NULL DEFAULT ''  -- JSON: [text key, values] of what stopped it
) STRICT;
CREATE INDEX loads_of_dataset ON loads (dataset, begun_min);

-- What is known of the quality of the library's datasets: states of files, runs, the trend of each rule, work orders.
CREATE TABLE datasets (
    dataset TEXT PRIMARY KEY,
    rules_digest TEXT NOT NULL,
    changes TEXT NOT NULL           -- file of colours that go before those of the files, or empty
) STRICT;
CREATE TABLE parts (
    dataset TEXT NOT NULL,
    file TEXT NOT NULL,             -- name of the file of rows
    told TEXT NOT NULL,             -- JSON of ShelfFile without its path
    path TEXT NOT NULL,             -- below the directory of the library
    known_by TEXT NOT NULL,
    colours TEXT NOT NULL,
    runs TEXT NOT NULL,             -- JSON: rule of keys -> file of hashes
    counted TEXT NOT NULL,          -- JSON: rows, by colour, by bit of a failed rule
    profile TEXT NOT NULL,          -- JSON: missing values and ranges by column
    next_stale_min INTEGER,
    is_dense INTEGER NOT NULL,
    PRIMARY KEY (dataset, file)
) STRICT;
CREATE TABLE runs (
    run_id INTEGER PRIMARY KEY AUTOINCREMENT,
    dataset TEXT NOT NULL,
    by TEXT NOT NULL,
    begun_min INTEGER NOT NULL,
    ended_min INTEGER,              -- NULL for one that did not end
    contract TEXT NOT NULL,
    rules_digest TEXT NOT NULL,
    rows INTEGER NOT NULL DEFAULT 0,
    unreadable INTEGER NOT NULL DEFAULT 0,
    evaluated INTEGER NOT NULL DEFAULT 0,
    changed INTEGER NOT NULL DEFAULT 0,
    governed INTEGER NOT NULL DEFAULT 0,
    repaired INTEGER NOT NULL DEFAULT 0,
    colours TEXT NOT NULL DEFAULT '{}',  -- JSON: colour -> records
    skipped TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE INDEX runs_of_dataset ON runs (dataset, run_id);
CREATE TABLE trend (                -- successes beside failures, for each run and rule
    run_id INTEGER NOT NULL REFERENCES runs (run_id),
    rule TEXT NOT NULL,
    colour INTEGER NOT NULL,
    passed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    PRIMARY KEY (run_id, rule)
) STRICT;
CREATE TABLE orders (
    order_id TEXT PRIMARY KEY,
    dataset TEXT NOT NULL,
    rule TEXT NOT NULL,
    agency TEXT NOT NULL,
    state TEXT NOT NULL,
    due_min INTEGER NOT NULL,
    opened_min INTEGER NOT NULL,
    told TEXT NOT NULL              -- JSON of the whole order
) STRICT;
CREATE UNIQUE INDEX one_open_order ON orders (dataset, rule) WHERE state <> 'closed';
CREATE INDEX orders_due ON orders (state, due_min);
CREATE TABLE proposals (            -- a grade that scale has put into question; a person decides
    dataset TEXT NOT NULL,
    rows INTEGER NOT NULL,
    grade INTEGER NOT NULL,
    at_min INTEGER NOT NULL,
    PRIMARY KEY (dataset, grade)
) STRICT;

-- Rows that partners sent: by whom, under which key, which revision stands on the shelf, and where.
CREATE TABLE received (
    partner TEXT NOT NULL,
    dataset TEXT NOT NULL,
    key TEXT NOT NULL,
    revision INTEGER NOT NULL,
    row_no INTEGER NOT NULL,
    PRIMARY KEY (partner, dataset, key)
) STRICT, WITHOUT ROWID;

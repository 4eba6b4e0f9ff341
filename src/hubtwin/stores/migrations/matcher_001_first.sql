-- what a matcher holds: the table in force, the hits that the hub may read, and that it was asked. Nobody else is here.
CREATE TABLE held (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    received_min INTEGER NOT NULL
) STRICT;
CREATE TABLE hits (
    trip_id TEXT NOT NULL,
    service_date TEXT NOT NULL,
    pid TEXT NOT NULL,
    train_code TEXT NOT NULL,
    board_station TEXT NOT NULL,
    level TEXT NOT NULL,
    synthetic INTEGER NOT NULL,
    as_of_min INTEGER NOT NULL,
    page INTEGER NOT NULL,
    PRIMARY KEY (trip_id, service_date, pid)
) STRICT;
CREATE INDEX hits_by_page ON hits (page);
CREATE TABLE pages (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    last INTEGER NOT NULL
) STRICT;
INSERT INTO pages VALUES (1, 0);
CREATE TABLE counted (
    trip_id TEXT NOT NULL,
    service_date TEXT NOT NULL,
    board_station TEXT NOT NULL,
    level TEXT NOT NULL,
    persons TEXT NOT NULL,
    synthetic INTEGER NOT NULL,
    PRIMARY KEY (trip_id, service_date, board_station, level)
) STRICT;
CREATE TABLE matches (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    at_min INTEGER NOT NULL,
    table_version INTEGER NOT NULL,
    told TEXT NOT NULL
) STRICT;
CREATE TABLE queries (
    query_id TEXT PRIMARY KEY,
    at_min INTEGER NOT NULL,
    trip_id TEXT NOT NULL,
    service_date TEXT NOT NULL,
    pathogen_id TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    cases INTEGER NOT NULL,
    answer TEXT NOT NULL
) STRICT;

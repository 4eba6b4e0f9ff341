-- what a hub has for each matcher: the newest table only, and which one the matcher has acknowledged
CREATE TABLE outgoing (
    peer TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    digest TEXT NOT NULL,
    sealed BLOB NOT NULL,
    made_min INTEGER NOT NULL,
    renew_min INTEGER NOT NULL,
    sent_version INTEGER NOT NULL,
    sent_min INTEGER
) STRICT;

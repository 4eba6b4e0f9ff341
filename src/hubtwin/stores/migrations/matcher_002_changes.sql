-- what has changed since the last whole table, each as it came: opened one after the other they give the table in force
CREATE TABLE changes (
    version INTEGER PRIMARY KEY,
    sealed BLOB NOT NULL,
    received_min INTEGER NOT NULL
) STRICT;

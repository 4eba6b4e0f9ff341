-- what matchers were asked about the run of a confirmed case, once by key, and how many persons each answer named
CREATE TABLE questions (
    case_id TEXT NOT NULL,
    trip_id TEXT NOT NULL,
    service_date TEXT NOT NULL,
    peer TEXT NOT NULL,
    pid TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_min INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'answered', 'refused')),
    error TEXT NOT NULL,
    answered_min INTEGER,
    answer TEXT NOT NULL,
    PRIMARY KEY (case_id, trip_id, service_date, peer)
) STRICT;

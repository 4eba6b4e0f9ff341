-- Contracts of the library's datasets as they were published. A version is written once and never changed.
CREATE TABLE contracts (
  dataset TEXT NOT NULL,
  version TEXT NOT NULL,
  content TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  published_by TEXT NOT NULL,
  published_min INTEGER NOT NULL,
  PRIMARY KEY (dataset, version)
) STRICT;

-- Accounts, grants and the audit chain: a file of its own, mode 0600, beside rows.sqlite.
CREATE TABLE agencies (
  agency_id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  zh TEXT NOT NULL,
  en TEXT NOT NULL
) STRICT;

CREATE TABLE accounts (
  user_id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  agency_id TEXT NOT NULL REFERENCES agencies (agency_id),
  roles TEXT NOT NULL,
  scenes TEXT NOT NULL,
  team TEXT NOT NULL,
  lang TEXT NOT NULL,
  password TEXT,
  made_min INTEGER NOT NULL,
  password_min INTEGER,
  disabled_min INTEGER
) STRICT;

-- One person may come from several issuers; a subject of an issuer is one person.
CREATE TABLE identities (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES accounts (user_id),
  linked_min INTEGER NOT NULL,
  PRIMARY KEY (issuer, subject)
) STRICT;

-- By hash of the name that was typed, so that names nobody has behave like those that somebody has.
CREATE TABLE tries (
  name_hash BLOB PRIMARY KEY,
  failed INTEGER NOT NULL,
  last_min INTEGER NOT NULL,
  locked_until_min INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
  token_hash BLOB PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES accounts (user_id),
  subject TEXT,
  made_min INTEGER NOT NULL,
  seen_min INTEGER NOT NULL,
  expires_min INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE grants (
  grant_id TEXT PRIMARY KEY,
  grantee TEXT NOT NULL,
  dataset TEXT NOT NULL,
  columns TEXT NOT NULL,
  purposes TEXT NOT NULL,
  scene TEXT NOT NULL,
  from_min INTEGER NOT NULL,
  until_min INTEGER NOT NULL,
  issued_by TEXT NOT NULL,
  approved_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  emergency_id TEXT NOT NULL,
  glass INTEGER NOT NULL,
  revoked_min INTEGER,
  revoked_by TEXT NOT NULL,
  reviewed_min INTEGER,
  reviewed_by TEXT NOT NULL,
  alarmed_min INTEGER
) STRICT;

CREATE INDEX grants_by_grantee ON grants (grantee, dataset);
CREATE INDEX grants_unreviewed ON grants (from_min) WHERE glass = 1 AND reviewed_min IS NULL;

CREATE TABLE words (
  word_id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  digest TEXT NOT NULL,
  asked_by TEXT NOT NULL,
  asked_min INTEGER NOT NULL,
  lasts_min INTEGER NOT NULL,
  reason TEXT NOT NULL,
  agreed_by TEXT NOT NULL,
  agreed_min INTEGER,
  used_min INTEGER
) STRICT;

-- The chain: hash = SHA-256 (hash of the row before, number, entry). The other columns are read from the entry itself.
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  entry TEXT NOT NULL,
  hash BLOB NOT NULL,
  kind TEXT NOT NULL GENERATED ALWAYS AS (entry ->> '$.kind') VIRTUAL,
  by TEXT NOT NULL GENERATED ALWAYS AS (entry ->> '$.by') VIRTUAL,
  at_min INTEGER NOT NULL GENERATED ALWAYS AS (entry ->> '$.at_min') VIRTUAL
) STRICT;

CREATE INDEX audit_by_time ON audit (at_min);
CREATE INDEX audit_by_kind ON audit (kind, seq);

-- Signed ends of the chain: "head" is its last row, "anchor" the last one that was deleted after three years.
CREATE TABLE audit_ends (
  name TEXT PRIMARY KEY CHECK (name IN ('head', 'anchor')),
  seq INTEGER NOT NULL,
  hash BLOB NOT NULL,
  signature BLOB NOT NULL
) STRICT;

CREATE TABLE kept (
  item_id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  pid TEXT NOT NULL,
  since_min INTEGER NOT NULL,
  emergency_id TEXT NOT NULL,
  parent TEXT NOT NULL,
  done TEXT NOT NULL
) STRICT;

CREATE INDEX kept_by_emergency ON kept (emergency_id);
CREATE INDEX kept_by_pid ON kept (pid);

CREATE TABLE holds (
  hold_id TEXT PRIMARY KEY,
  emergency_id TEXT NOT NULL,
  reason TEXT NOT NULL,
  set_by TEXT NOT NULL,
  set_min INTEGER NOT NULL,
  lifted_by TEXT NOT NULL,
  lifted_min INTEGER
) STRICT;

CREATE TABLE reports (
  report_id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  at_min INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;

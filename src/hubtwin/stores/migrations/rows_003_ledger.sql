-- The loop: its state, its clocks and its messages live beside the events, so that one transaction writes all of them.
ALTER TABLE events ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN scene TEXT NOT NULL DEFAULT '';

CREATE INDEX events_by_subject ON events (subject, seq) WHERE subject <> '';
CREATE INDEX events_by_kind ON events (kind, seq);

CREATE TABLE emergencies (
  emergency_id TEXT PRIMARY KEY,
  scene TEXT NOT NULL,
  disease TEXT NOT NULL,
  legal_basis TEXT NOT NULL,
  declared_by TEXT NOT NULL,
  begins_min INTEGER NOT NULL,
  ends_min INTEGER NOT NULL,
  ended_min INTEGER,
  ended_by TEXT NOT NULL,
  second TEXT NOT NULL,
  version INTEGER NOT NULL,
  status TEXT NOT NULL,
  provenance TEXT NOT NULL,
  replayed INTEGER NOT NULL
) STRICT;

CREATE TABLE overflows (
  overflow_id TEXT PRIMARY KEY,
  scene TEXT NOT NULL,
  emergency_id TEXT NOT NULL,
  place TEXT NOT NULL,
  begun_by TEXT NOT NULL,
  begun_min INTEGER NOT NULL,
  reason TEXT NOT NULL,
  ended_min INTEGER,
  ended_by TEXT NOT NULL,
  version INTEGER NOT NULL,
  status TEXT NOT NULL,
  provenance TEXT NOT NULL,
  replayed INTEGER NOT NULL
) STRICT;

CREATE TABLE alerts (
  alert_id TEXT PRIMARY KEY,
  scene TEXT NOT NULL,
  emergency_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  finding_key TEXT NOT NULL,
  digest TEXT NOT NULL,
  raised_min INTEGER NOT NULL,
  at_min INTEGER NOT NULL,
  severity TEXT NOT NULL,
  urgency TEXT NOT NULL,
  certainty TEXT NOT NULL,
  msg_type TEXT NOT NULL,
  evidence TEXT NOT NULL,
  version INTEGER NOT NULL,
  status TEXT NOT NULL,
  provenance TEXT NOT NULL,
  replayed INTEGER NOT NULL
) STRICT;

CREATE INDEX alerts_active ON alerts (scene, raised_min) WHERE msg_type <> 'Cancel' AND urgency <> 'Past';

CREATE TABLE cases (
  case_id TEXT PRIMARY KEY,
  scene TEXT NOT NULL,
  emergency_id TEXT NOT NULL,
  pid TEXT NOT NULL,
  train TEXT NOT NULL,
  opened_min INTEGER NOT NULL,
  state TEXT NOT NULL,
  since_min INTEGER NOT NULL,
  deadline_min INTEGER,
  owner TEXT,
  outcome TEXT,
  version INTEGER NOT NULL,
  status TEXT NOT NULL,
  provenance TEXT NOT NULL,
  replayed INTEGER NOT NULL,
  UNIQUE (emergency_id, pid, train)
) STRICT;

CREATE INDEX cases_by_state ON cases (state, deadline_min, case_id);
CREATE INDEX cases_by_opened ON cases (opened_min, case_id);
CREATE INDEX cases_by_train ON cases (train);

CREATE TABLE evidence (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  case_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  given_by TEXT NOT NULL,
  at_min INTEGER NOT NULL,
  kind TEXT NOT NULL,
  ref TEXT NOT NULL,
  shown TEXT NOT NULL
) STRICT;

CREATE INDEX evidence_by_case ON evidence (case_id, seq);

CREATE TABLE appeals (
  appeal_id TEXT PRIMARY KEY,
  case_id TEXT NOT NULL,
  lodged_by TEXT NOT NULL,
  lodged_min INTEGER NOT NULL,
  deadline_min INTEGER NOT NULL,
  ground TEXT NOT NULL,
  decided_min INTEGER,
  decided_by TEXT NOT NULL,
  upheld INTEGER,
  version INTEGER NOT NULL,
  status TEXT NOT NULL,
  provenance TEXT NOT NULL,
  replayed INTEGER NOT NULL
) STRICT;

CREATE INDEX appeals_by_case ON appeals (case_id, lodged_min);

CREATE TABLE tasks (
  task_id TEXT PRIMARY KEY,
  scene TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  place TEXT NOT NULL,
  team TEXT NOT NULL,
  created_min INTEGER NOT NULL,
  due_min INTEGER NOT NULL,
  state TEXT NOT NULL,
  since_min INTEGER NOT NULL,
  deadline_min INTEGER,
  reason TEXT NOT NULL,
  version INTEGER NOT NULL,
  status TEXT NOT NULL,
  provenance TEXT NOT NULL,
  replayed INTEGER NOT NULL
) STRICT;

CREATE INDEX tasks_by_state ON tasks (state, deadline_min, task_id);
CREATE INDEX tasks_by_team ON tasks (team, state);
CREATE INDEX tasks_by_subject ON tasks (subject);
CREATE INDEX tasks_by_created ON tasks (created_min, task_id);

CREATE TABLE timers (
  subject TEXT NOT NULL,
  name TEXT NOT NULL,
  due_min INTEGER NOT NULL,
  scene TEXT NOT NULL,
  PRIMARY KEY (subject, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX timers_due ON timers (due_min, subject, name);

CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,
  channel TEXT NOT NULL,
  payload TEXT NOT NULL,
  at_min INTEGER NOT NULL,
  sent_min INTEGER
) STRICT;

CREATE INDEX outbox_waiting ON outbox (seq) WHERE sent_min IS NULL;

-- A phone that hears no answer sends its command again: the key is known, and nothing happens twice.
CREATE TABLE commands (key TEXT PRIMARY KEY, digest TEXT NOT NULL, at_min INTEGER NOT NULL) STRICT;

CREATE TABLE loop_times (
  subject TEXT NOT NULL,
  scene TEXT NOT NULL,
  sensed INTEGER,
  warned INTEGER,
  dispatched INTEGER,
  accepted INTEGER,
  on_site INTEGER,
  closed INTEGER,
  PRIMARY KEY (scene, subject)
) STRICT, WITHOUT ROWID;

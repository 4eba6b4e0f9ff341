-- Links to single messages, for partners without an account: of the token only its hash.
CREATE TABLE links (
  link_id TEXT PRIMARY KEY,
  token_hash BLOB NOT NULL UNIQUE,
  partner TEXT NOT NULL,
  message_id TEXT NOT NULL,
  made_by TEXT NOT NULL,
  made_min INTEGER NOT NULL,
  expires_min INTEGER NOT NULL,
  revoked_min INTEGER,
  revoked_by TEXT NOT NULL DEFAULT '',
  opened INTEGER NOT NULL DEFAULT 0,
  opened_min INTEGER
) STRICT;

CREATE INDEX links_by_message ON links (partner, message_id);

-- Answers of partners, all of them; the newest of a message is valid. `told`: the ledger has its event.
CREATE TABLE answers (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,
  partner TEXT NOT NULL,
  message_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  said TEXT NOT NULL CHECK (said IN ('received', 'accepted', 'refused', 'done')),
  at_min INTEGER NOT NULL,
  through TEXT NOT NULL,
  by TEXT NOT NULL,
  note TEXT NOT NULL,
  expected_min INTEGER,
  told INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX answers_by_message ON answers (partner, message_id, number);
CREATE INDEX answers_by_subject ON answers (subject, number);
CREATE INDEX answers_untold ON answers (number) WHERE told = 0;

-- What the register of what is kept lets go, nightly or with its event, goes in the same transaction.
CREATE TRIGGER answers_go AFTER DELETE ON kept WHEN old.kind = 'partner_answer' BEGIN
  DELETE FROM links WHERE 'answer ' || partner || ' ' || message_id = old.item_id;
  DELETE FROM answers WHERE 'answer ' || partner || ' ' || message_id = old.item_id;
END;

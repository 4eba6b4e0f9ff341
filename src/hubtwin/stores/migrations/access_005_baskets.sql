-- Applications for the library: a basket, its items, the shares that came of it, and what owners signed beforehand.
-- What is asked for often is a column; the rest of a record is its body as JSON.
CREATE TABLE baskets (
  basket_id TEXT PRIMARY KEY,
  key TEXT NOT NULL,
  applicant TEXT NOT NULL,
  agency TEXT NOT NULL,
  submitted_ms INTEGER NOT NULL,
  body TEXT NOT NULL,
  UNIQUE (applicant, key)
) STRICT;

CREATE INDEX baskets_by_time ON baskets (submitted_ms, basket_id);
CREATE INDEX baskets_by_agency ON baskets (agency, submitted_ms);

CREATE TABLE basket_items (
  basket_id TEXT NOT NULL REFERENCES baskets (basket_id),
  dataset TEXT NOT NULL,
  place INTEGER NOT NULL,
  owner TEXT NOT NULL,
  state TEXT NOT NULL,
  due_min INTEGER,
  decided_ms INTEGER,
  active_ms INTEGER,
  body TEXT NOT NULL,
  PRIMARY KEY (basket_id, dataset)
) STRICT;

CREATE INDEX basket_items_by_owner ON basket_items (owner, state);
CREATE INDEX basket_items_by_state ON basket_items (state);
CREATE INDEX basket_items_due ON basket_items (due_min) WHERE due_min IS NOT NULL;

CREATE TABLE library_shares (
  share_id TEXT PRIMARY KEY,
  basket_id TEXT NOT NULL REFERENCES baskets (basket_id),
  grantee TEXT NOT NULL,
  dataset TEXT NOT NULL,
  lane TEXT NOT NULL,
  until_min INTEGER NOT NULL,
  revoked_min INTEGER,
  reviewed_min INTEGER,
  alarmed_min INTEGER,
  body TEXT NOT NULL
) STRICT;

CREATE INDEX library_shares_by_grantee ON library_shares (grantee, until_min);
CREATE INDEX library_shares_by_basket ON library_shares (basket_id);
CREATE INDEX library_shares_by_dataset ON library_shares (dataset);
CREATE INDEX library_shares_unreviewed ON library_shares (share_id) WHERE lane = 'emergency' AND reviewed_min IS NULL;

CREATE TABLE library_templates (
  template_id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  dataset TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;

CREATE INDEX library_templates_by_dataset ON library_templates (dataset);

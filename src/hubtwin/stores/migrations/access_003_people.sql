-- What people did, newest first: scenes and clocks write most of the audit, and a list of people would walk past all of it.
CREATE INDEX audit_by_people ON audit (seq) WHERE by != 'system' AND substr(by, 1, 6) != 'scene:';

-- What somebody from outside asked for in own words stays with the task; events hold references only.
ALTER TABLE tasks ADD COLUMN told TEXT NOT NULL DEFAULT '{}';

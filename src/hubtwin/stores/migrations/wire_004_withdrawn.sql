-- Subjects whose content was destroyed and that may still lie where a channel put them, until the channel has let go of it.
CREATE TABLE withdrawn (
    partner TEXT NOT NULL,
    subject TEXT NOT NULL,
    PRIMARY KEY (partner, subject)
) STRICT, WITHOUT ROWID;

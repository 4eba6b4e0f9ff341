-- a hit or a count that holds no more stays with the minute of its withdrawal: the hub must hear of it. A hit that was
-- never handed out goes: nobody would know of it otherwise
ALTER TABLE hits ADD COLUMN gone_min INTEGER;
ALTER TABLE hits ADD COLUMN told INTEGER NOT NULL DEFAULT 1;
ALTER TABLE counted ADD COLUMN as_of_min INTEGER NOT NULL DEFAULT 0;
ALTER TABLE counted ADD COLUMN gone_min INTEGER;
UPDATE counted SET as_of_min = (SELECT at_min FROM matches);

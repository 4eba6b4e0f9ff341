"""The loop, one file a step, in order: sense, judge."""

"""Standard library only: errors, texts, clock, geography, keys."""

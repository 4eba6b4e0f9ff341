"""People on their way through a simulated hub, minute by minute, and what counters, lines and devices tell of it."""

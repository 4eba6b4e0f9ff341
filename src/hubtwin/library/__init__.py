"""The library: what comes in, what is there, how it is read."""

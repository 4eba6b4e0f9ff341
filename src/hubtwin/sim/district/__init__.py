"""Synthetic registers for every dataset of a catalogue: from declarations alone, nothing of a district in code."""

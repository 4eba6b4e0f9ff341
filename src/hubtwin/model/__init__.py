"""Frozen records and state tables; standard library only."""

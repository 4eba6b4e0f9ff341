"""Epidemic control, as far as the trains: which ones to meet, whom they concern, how sure that is."""

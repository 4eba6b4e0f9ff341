"""Shared fixtures; nothing here knows a scene or a source."""

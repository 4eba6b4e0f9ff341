"""Outbound: where messages of the outbox go. Each channel acknowledges only what would survive kill -9 there."""

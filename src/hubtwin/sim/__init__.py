"""A seeded hub day; it speaks through the wire formats of the connectors."""

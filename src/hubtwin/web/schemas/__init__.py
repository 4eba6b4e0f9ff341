"""What the wire carries, declared once: replies are frozen records, requests are checked models.

Minutes are epoch minutes, UTC. `null` is "nobody told us", never zero. The OpenAPI document is made from these.
"""

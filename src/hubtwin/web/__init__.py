"""The web edge: what a browser reads, writes and hears live. The core stays synchronous; only this rung is not."""

"""Keys: stable, readable where they can be, hashed where they must be."""

from hashlib import blake2b

_SEPARATOR = "\x1f"  # ASCII unit separator: cannot occur in a cleaned field


def stable_key(*parts: object) -> str:
    """Return 32 hex digits that depend only on `parts`, in order; the same on every machine and run."""
    return blake2b(_SEPARATOR.join(map(str, parts)).encode(), digest_size=16).hexdigest()

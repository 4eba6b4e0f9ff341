"""Keys: stable, readable where they can be, hashed where they must be."""

from hashlib import blake2b, sha256

_SEPARATOR = "\x1f"  # ASCII unit separator: cannot occur in a cleaned field


def stable_key(*parts: object) -> str:
    """Return 32 hex digits that depend only on `parts`, in order; the same on every machine and run."""
    return blake2b(_SEPARATOR.join(map(str, parts)).encode(), digest_size=16).hexdigest()


def words_digest(words: str, about: str) -> str:
    """Return what the audit is told instead of words that a person typed: they may name somebody, and the audit is
    never erased. The words stand with the thing that they are `about`; who has both can show that they are these.
    """
    return sha256(f"{about}{_SEPARATOR}{words}".encode()).hexdigest()

"""The message log of a hub for one partner, chained so that both sides can verify it.

    hash(n) = SHA-256( hash(n-1) in hex | seq, direction, id, digest, at_ms as JSON )
    hash(0) = SHA-256( owner, partner )

Each side keeps its own. Signed heads travel with messages and receipts: whoever changes, drops or moves an entry later
contradicts a head that the other side holds.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from hashlib import sha256

from hubtwin.model.message import Direction, Entry, Head
from hubtwin.rules.quality import Problem


def start_of(owner: str, partner: str) -> str:
    """Return the hash that the first entry of a log is chained to."""
    return sha256(json.dumps(["hubtwin message log", owner, partner]).encode()).hexdigest()


def entry_after(head: Head, direction: Direction, message_id: str, digest: str, at_ms: int) -> Entry:
    """Return the entry that comes after a head; that of an empty log has no hash."""
    seq, before = head.seq + 1, head.hash or start_of(head.owner, head.partner)
    mark = _hash(before, (seq, direction.value, message_id, digest, at_ms))
    return Entry(seq, direction, message_id, digest, at_ms, before, mark)


def verify(log: Iterable[Entry], owner: str, partner: str, heads: Iterable[Head] = ()) -> list[Problem]:
    """Return what is wrong with a log: a broken chain, an entry out of place, a head that it does not hold.

    `heads` are heads of this log that were made known earlier: those one's partner signed for it, or one's own that
    the partner kept. An empty list means: nothing was changed since. The log is read once and not held.
    """
    problems, before, known = list[Problem](), start_of(owner, partner), defaultdict[int, list[Head]](list)
    for head in heads:
        known[head.seq if (head.owner, head.partner) == (owner, partner) else -1].append(head)
    proven = {id(head) for head in known[0] if head.hash == ""}
    for number, entry in enumerate(log, start=1):
        found = _hash(before, (entry.seq, entry.direction.value, entry.id, entry.digest, entry.at_ms))
        if entry.seq != number or entry.before != before or entry.hash != found:
            problems.append(Problem("channels.log_broken", {"seq": entry.seq, "partner": partner}))
        before = entry.hash
        proven |= {id(head) for head in known.get(number, ()) if head.hash == before}
    told = [head for each in known.values() for head in each if id(head) not in proven]
    return problems + [Problem("channels.log_other_head", {"seq": head.seq, "partner": partner}) for head in told]


def _hash(before: str, told: tuple[object, ...]) -> str:
    return sha256(before.encode() + json.dumps(told, ensure_ascii=False).encode()).hexdigest()

"""The message log of a hub for one partner, chained so that both sides can verify it.

    hash(n) = SHA-256( hash(n-1) in hex | seq, direction, id, digest, at_ms as JSON )
    hash(0) = SHA-256( owner, partner )

Each side keeps its own. Signed heads travel with messages and receipts: whoever changes, drops or moves an entry later
contradicts a head that the other side holds. `compare` puts both logs side by side.
"""

import json
from collections.abc import Iterable, Sequence
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


def verify(log: Sequence[Entry], owner: str, partner: str, heads: Iterable[Head] = ()) -> list[Problem]:
    """Return what is wrong with a log: a broken chain, an entry out of place, a head that it does not hold.

    `heads` are heads of this log that were made known earlier: those one's partner signed for it, or one's own that
    the partner kept. An empty list means: nothing was changed since.
    """
    problems, before = list[Problem](), start_of(owner, partner)
    hashes = {0: ""}
    for number, entry in enumerate(log, start=1):
        found = _hash(entry.before, (entry.seq, entry.direction.value, entry.id, entry.digest, entry.at_ms))
        if entry.seq != number or entry.before != before or entry.hash != found:
            problems.append(Problem("channels.log_broken", {"seq": entry.seq, "partner": partner}))
        before = entry.hash
        hashes[number] = before
    for head in heads:
        if (head.owner, head.partner) != (owner, partner) or hashes.get(head.seq) != head.hash:
            problems.append(Problem("channels.log_other_head", {"seq": head.seq, "partner": partner}))
    return problems


def compare(mine: Iterable[Entry], theirs: Iterable[Entry], refused: Iterable[str] = ()) -> list[Problem]:
    """Return where the logs of two sides differ: what one sent and the other has not, or has otherwise, or twice.

    `refused` are digests of messages that a receipt says were refused: they stand in the sender's log only.
    """
    left, right, without = list(mine), list(theirs), frozenset(refused)
    return [
        *_one_way(left, right, without),
        *_one_way(right, left, without),
    ]


def _one_way(sender: Sequence[Entry], receiver: Sequence[Entry], refused: frozenset[str]) -> list[Problem]:
    sent = {entry.id: entry for entry in sender if entry.direction is Direction.OUT}
    came = [entry for entry in receiver if entry.direction is Direction.IN]
    problems, seen = list[Problem](), set[str]()
    for entry in came:
        if entry.id in seen:
            problems.append(Problem("channels.log_twice", {"id": entry.id}))
        seen.add(entry.id)
        ours = sent.get(entry.id)
        if ours is None:
            problems.append(Problem("channels.log_never_sent", {"id": entry.id}))
        elif ours.digest != entry.digest:
            problems.append(Problem("channels.log_altered", {"id": entry.id}))
    lost = [entry.id for entry in sent.values() if entry.id not in seen and entry.digest not in refused]
    return problems + [Problem("channels.log_lost", {"id": key}) for key in lost]


def _hash(before: str, told: tuple[object, ...]) -> str:
    return sha256(before.encode() + json.dumps(told, ensure_ascii=False).encode()).hexdigest()

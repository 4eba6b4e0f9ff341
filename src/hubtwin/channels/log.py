"""Both sides of a message log side by side. One side, and how it is chained, is `rules.message_log`."""

from collections.abc import Iterable, Sequence

from hubtwin.model.message import Direction, Entry
from hubtwin.rules.message_log import entry_after, start_of, verify
from hubtwin.rules.quality import Problem

__all__ = ["compare", "entry_after", "start_of", "verify"]


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

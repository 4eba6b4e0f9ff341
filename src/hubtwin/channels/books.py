"""What channels need of a store: a message log, an outgoing and an incoming book, all of them in one transaction.

Everything written in a unit is there after it and survives kill -9, or nothing of it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from hubtwin.model.message import Entry, Head, Received, Refused, Signed, Waiting


class BooksUnit(Protocol):
    """One transaction on the books."""

    def head(self, partner: str) -> Head:
        """Return the end of the log for a partner; the empty one where there is none yet."""
        ...

    def append_entry(self, partner: str, entry: Entry) -> None:
        """Add an entry, whose `seq` must be the next one."""
        ...

    def has_outgoing(self, partner: str, message_id: str) -> bool: ...

    def next_sequence(self, partner: str, subject: str) -> int:
        """Return the number of the next message of a subject to a partner, from 1."""
        ...

    def add_outgoing(self, message: Waiting, at_ms: int) -> None:
        """Add a message that waits; its `number` is not looked at."""
        ...

    def settle(self, partner: str, digest: str, state: str, reason: str, at_ms: int, *, placed: bool = False) -> bool:
        """Note what a partner did with a message; content that arrived is destroyed. False: no such message.

        `placed`: it was refused and has its place in the order of the partner all the same.
        """
        ...

    def find_refused(self, partner: str, message_id: str) -> Refused | None:
        """Return a message that a partner refused, or that was destroyed before it arrived."""
        ...

    def replace_refused(self, partner: str, message_id: str, at_ms: int) -> None:
        """Note that another message stands for such a one from now on; its content is destroyed."""
        ...

    def ask_again(self, partner: str, subject: str, first: int, last: int) -> int:
        """Let messages wait again whose content is still here; return how many."""
        ...

    def follow(self, seq: int) -> None:
        """Note the last event of the loop that was told onward."""
        ...

    def keep_receipt(self, partner: str, receipt: Signed, head: Head, at_ms: int) -> None:
        """Keep a partner's receipt and the head of its log that it tells; the same one twice is kept once."""
        ...

    def keep_head(self, partner: str, told: Signed, head: Head, at_ms: int) -> None:
        """Keep a head that a partner signed; the same one twice is kept once."""
        ...

    def find_incoming(self, partner: str, message_id: str) -> Received | None: ...

    def find_place(self, partner: str, subject: str, sequence: int) -> Received | None: ...

    def last_in_order(self, partner: str, subject: str) -> int:
        """Return the sequence up to which everything of a subject has been applied or refused; 0 at first."""
        ...

    def next_place(self, partner: str, subject: str, after: int) -> int | None:
        """Return the lowest sequence beyond `after` that is here, None where there is none."""
        ...

    def add_incoming(self, partner: str, message: Received, at_ms: int) -> None:
        """Add a message: as refused, else as held until `move_on` comes to it."""
        ...

    def move_on(self, partner: str, subject: str) -> bool:
        """Let the next message of a subject have its effect, or step over it where it is refused.

        Return False where it is not here."""
        ...

    def count_refusal(self, partner: str, reason: str) -> None:
        """Count what could not be kept, because who sent it is not proven."""
        ...


class Books(Protocol):
    """The books of one hub or partner, `owner` as it stands in messages."""

    @property
    def owner(self) -> str: ...

    def unit(self) -> AbstractContextManager[BooksUnit]:
        """Hold the books for one step; commit at the end, roll back on any error. Raises Retry."""
        ...

    def head(self, partner: str) -> Head: ...

    def list_entries(self, partner: str) -> list[Entry]: ...

    def list_heads(self, partner: str) -> list[Head]:
        """Return the heads of the partner's log that it has signed for."""
        ...

    def list_waiting(self, partner: str, limit: int, handed_before_ms: int = 0) -> list[Waiting]:
        """Return what waits for a partner, in the order it was written; also what was handed over before that moment
        and has no receipt."""
        ...

    def followed(self) -> int | None:
        """Return the number of the last event of the loop that was told onward; None before the first."""
        ...

    def list_partners(self) -> list[str]:
        """Return the partners for whom something waits or is handed over."""
        ...

    def mark_handed(self, numbers: Iterable[int], at_ms: int) -> None:
        """Note that messages were handed over and their receipt is still to come."""
        ...

    def list_applied(self, after: int = 0, limit: int = 1000) -> Sequence[tuple[int, Received]]:
        """Return what had its effect, numbered from 1 in the order in which it had it."""
        ...

    def list_to_mend(self) -> Sequence[Refused]:
        """Return what partners refused and nobody has dealt with, the oldest first."""
        ...

    def list_withdrawn(self, partner: str) -> Sequence[str]:
        """Return the subjects that were destroyed and may still lie where a channel to a partner put them."""
        ...

    def mark_withdrawn(self, partner: str, subjects: Iterable[str]) -> None:
        """Note that the channel has let go of some subjects."""
        ...

    def destroy(self, subjects: Iterable[str]) -> int:
        """Destroy what the messages of some subjects say; return how many that were. The log stays."""
        ...

    def count_incoming(self, partner: str) -> Mapping[str, int]:
        """Return how many messages of a partner are applied, held, refused."""
        ...

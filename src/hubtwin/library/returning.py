"""The way back: a street sends additions and disputes to the source, and the source answers.

A street speaks only of what it sees: rows of its own street under a live share. What the source accepts is written to
the dataset itself, once by the number of the return; a kill between the answer and the write is made up for by
`apply_accepted`. Who answers is the owner of the dataset, and never who sent it.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from hubtwin.base.errors import Absent, Denied, HubError, Malformed
from hubtwin.datasets.listing import Catalogue, Listing
from hubtwin.model.agency import Person
from hubtwin.model.returning import Return, ReturnKind, ReturnState, Said
from hubtwin.model.sharing import Share
from hubtwin.rules.permission import may

SYSTEM = "system"  # who is named where no person did it


class Book(Protocol):
    """Where returns are kept: `stores.returns.Returns`."""

    def send(self, one: Return, said: Said, *, key: str) -> Return: ...

    def settle(self, return_id: str, to: ReturnState, *, by: str, answer: str = "") -> Return: ...

    def lapse(self, return_id: str, *, by: str) -> Return: ...

    def get(self, return_id: str) -> Return: ...

    def read(self, return_id: str) -> Said | None: ...

    def list_returns(
        self, *, agency: str = "", dataset: str = "", state: ReturnState | None = None, limit: int = 500
    ) -> list[Return]: ...

    def list_seen(self, agency: str, answers: Sequence[str]) -> list[Return]: ...


class Shelf(Protocol):
    """Where rows are: part of `stores.shelves.Shelves`, with what a row needs to be written."""

    def find_row(self, listing: Listing, row_no: int) -> Mapping[str, object] | None:
        """Return a row with all its columns, None where there is none of this number."""
        ...

    def add_row(self, listing: Listing, values: Mapping[str, object], *, key: str, source: str) -> None:
        """Write a row, once by its key."""
        ...

    def correct(self, listing: Listing, row_no: int, column: str, value: object, *, key: str) -> None:
        """Write a value over that of a row; doing it twice is harmless. Raises Absent."""
        ...


Parse = Callable[[Listing, Mapping[str, str]], Mapping[str, object]]  # texts -> typed values; raises Malformed


@dataclass(frozen=True)
class ReturnDesk:
    """What sending back needs. `shares` are those of some grantees; `due` is until when the source answers what
    was sent at a minute."""

    catalogue: Catalogue
    book: Book
    shelf: Shelf
    shares: Callable[[Sequence[str]], Sequence[Share]]
    parse: Parse
    now_min: Callable[[], int]
    due: Callable[[int], int]

    def add(self, who: Person, dataset: str, said: Said, *, key: str) -> Return:
        """Send a row that the source does not have. Raises Denied (not a street, nothing shared with it, another
        street), Malformed (a column or a value that is none), Absent."""
        listing, street = self._own_part(who, dataset)
        share = self._cover(who, listing, frozenset(said.values))
        values = {**said.values, listing.street_column: said.values.get(listing.street_column) or street}
        if values[listing.street_column] != street:
            raise Denied("library.return_other_street", street=street)
        unknown = set(values) - share.columns - {listing.street_column}
        if unknown:
            raise Denied("library.return_not_shared", columns=", ".join(sorted(unknown)))
        self.parse(listing, values)
        return self._send(who, listing, street, ReturnKind.ADDITION, Said(values, said.reason), key=key)

    def dispute(self, who: Person, dataset: str, row_no: int, column: str, said: Said, *, key: str) -> Return:
        """Say that a value of a row is wrong, and what it should be. Raises as `add`."""
        listing, street = self._own_part(who, dataset)
        share = self._cover(who, listing, frozenset({column}))
        row = self.shelf.find_row(listing, row_no)
        if row is None or not _sees(share, listing, row, street):  # the same for both: who asks learns nothing
            raise Absent("library.return_no_row", row=row_no, dataset=dataset)
        self.parse(listing, said.values)
        return self._send(who, listing, street, ReturnKind.DISPUTE, said, key=key, place=(row_no, column))

    def withdraw(self, who: Person, return_id: str) -> Return:
        """Take back what one sent oneself. Raises Denied, Absent."""
        may(who, "addition.send")
        return self.book.settle(return_id, ReturnState.WITHDRAWN, by=who.user_id)

    def answer(self, who: Person, return_id: str, *, accept: bool, answer: str = "") -> Return:
        """Answer as the owner of the dataset; what is accepted is written at once. A dispute about a row that is gone
        lapses. Raises Denied, Malformed, Absent."""
        may(who, "addition.answer")
        one = self.book.get(return_id)
        listing = self.catalogue.get(one.dataset)
        if who.agency != listing.owner:
            raise Denied("library.return_not_owner", owner=listing.owner)
        if accept and self.book.read(return_id) is None:
            raise Absent("library.return_gone", number=return_id)
        to = ReturnState.ACCEPTED if accept else ReturnState.REFUSED
        settled = self.book.settle(return_id, to, by=who.user_id, answer=answer)
        return self._apply(settled) if accept else settled

    def list_for(self, who: Person) -> list[Return]:
        """Return what a person may see: what the own agency sent, and what is about datasets that it owns."""
        own = [each.name for each in self.catalogue.listings if each.owner == who.agency]
        return self.book.list_seen(who.agency, own)

    def read(self, who: Person, return_id: str) -> Said | None:
        """Return what was said, to both sides only; None where it was destroyed. Raises Denied, Absent."""
        one = self.book.get(return_id)
        if who.agency not in (one.agency, self.catalogue.get(one.dataset).owner):
            raise Denied("library.return_not_yours", number=return_id)
        return self.book.read(return_id)

    def apply_accepted(self) -> int:
        """Write what was accepted and not written yet, as after a kill; return how many.

        One that cannot be written (its dataset has another shape) waits and holds up no other. A dispute about a row
        that is gone lapses: nobody can write it any more, and what it says goes in its time.
        """
        done = 0
        for one in self.book.list_returns(state=ReturnState.ACCEPTED):
            if one.dataset in self.catalogue.by_name:
                with suppress(HubError):
                    done += self._apply(one).state is ReturnState.APPLIED
        return done

    def _apply(self, one: Return) -> Return:
        listing, said = self.catalogue.get(one.dataset), self.book.read(one.return_id)
        if said is None:
            return one
        values = self.parse(listing, said.values)
        if one.kind is ReturnKind.ADDITION:
            self.shelf.add_row(listing, values, key=one.return_id, source=one.agency)
        elif one.row_no is not None:
            try:
                self.shelf.correct(listing, one.row_no, one.column, values[one.column], key=one.return_id)
            except Absent:
                return self.book.lapse(one.return_id, by=SYSTEM)
        return self.book.settle(one.return_id, ReturnState.APPLIED, by=one.answered_by)

    def _send(
        self,
        who: Person,
        listing: Listing,
        street: str,
        kind: ReturnKind,
        said: Said,
        *,
        key: str,
        place: tuple[int | None, str] = (None, ""),
    ) -> Return:
        now_min = self.now_min()
        one = Return(
            *("", kind, listing.name, who.agency, street, who.user_id, now_min, self.due(now_min)),
            row_no=place[0],
            column=place[1],
        )
        return self.book.send(one, said, key=f"{who.user_id}:{key}")

    def _own_part(self, who: Person, dataset: str) -> tuple[Listing, str]:
        may(who, "addition.send")
        listing, street = self.catalogue.get(dataset), self.catalogue.street_of(who.agency)
        if not street:
            raise Denied("library.return_no_street", agency=who.agency)
        if not listing.street_column:
            raise Denied("library.return_not_by_street", dataset=dataset)
        return listing, street

    def _cover(self, who: Person, listing: Listing, columns: frozenset[str]) -> Share:
        """Return a live share of rows, not of counts, that shows these columns. Raises Denied, Malformed."""
        unknown = columns - set(listing.dataset.by_name)
        if unknown:
            raise Malformed("library.return_no_column", dataset=listing.name, columns=", ".join(sorted(unknown)))
        now_min = self.now_min()
        for share in self.shares((f"user:{who.user_id}", f"agency:{who.agency}")):
            fits = share.dataset == listing.name and share.count_floor is None
            if fits and share.is_live(now_min, listing.digest) and columns - {listing.street_column} <= share.columns:
                return share
        raise Denied("library.return_not_shared", columns=", ".join(sorted(columns)))


def _sees(share: Share, listing: Listing, row: Mapping[str, object], street: str) -> bool:
    own = row.get(listing.street_column) == street
    return own and (share.rows.everything or str(row.get(share.rows.column)) in share.rows.values)


def table_of(listing: Listing, values: Mapping[str, object]) -> pa.Table:
    """Return one row with the listing's own columns, what is missing empty."""
    columns = listing.dataset.columns
    return pa.table({each.name: pa.array([values.get(each.name)], type=each.arrow.type) for each in columns})

"""The way back of a hub at work."""

from hubtwin.library.returning import ReturnDesk
from hubtwin.model.agency import Person
from hubtwin.model.returning import Return, ReturnKind, Said
from hubtwin.rules.library_template import text_of
from hubtwin.rules.permission import is_allowed, may
from hubtwin.web.schemas import returns as r
from hubtwin.web.schemas.hub import Words
from hubtwin.wiring.library_returns import return_desk
from hubtwin.wiring.works import Works


class RealReturns:
    """`web.desk_returns.ReturnsDesk` of a hub at work."""

    def __init__(self, works: Works) -> None:
        """Take an open hub."""
        self._works = works

    def returns(self, who: Person) -> r.ReturnsReply:
        """Return what the own agency sent, and what is about the datasets that it owns."""
        may(who, "catalogue.read")
        desk = self._desk()
        return r.ReturnsReply(desk.now_min(), [self._view(desk, who, one) for one in desk.list_for(who)])

    def content(self, who: Person, return_id: str) -> r.ReturnContent:
        """Return what was said, and what stands; that it was looked at is written down first."""
        may(who, "catalogue.read")
        desk = self._desk()
        said, one = desk.read(who, return_id), desk.book.get(return_id)
        told = {"return": return_id, "dataset": one.dataset, "columns": sorted(said.values if said else ())}
        self._works.access.audit.append("ReturnRead", who.user_id, told)
        if said is None:
            return r.ReturnContent(return_id, None, None, None)
        owns = desk.catalogue.get(one.dataset).owner == who.agency  # a street may see what stands under a mask only
        return r.ReturnContent(return_id, said.values, self._stands(desk, one) if owns else None, said.reason)

    def add(self, who: Person, asked: r.SendAddition) -> r.ReturnView:
        """Send a row that the source does not have."""
        desk = self._desk()
        return self._view(desk, who, desk.add(who, asked.dataset, Said(asked.values, asked.reason), key=asked.key))

    def dispute(self, who: Person, asked: r.SendDispute) -> r.ReturnView:
        """Say that a value is wrong."""
        desk, said = self._desk(), Said({asked.column: asked.value}, asked.reason)
        one = desk.dispute(who, asked.dataset, asked.row_no, asked.column, said, key=asked.key)
        return self._view(desk, who, one)

    def answer(self, who: Person, return_id: str, asked: r.AnswerReturn) -> r.ReturnView:
        """Answer for the source."""
        desk = self._desk()
        return self._view(desk, who, desk.answer(who, return_id, accept=asked.accept, answer=asked.answer))

    def withdraw(self, who: Person, return_id: str) -> r.ReturnView:
        """Take back what one sent."""
        desk = self._desk()
        return self._view(desk, who, desk.withdraw(who, return_id))

    def _stands(self, desk: ReturnDesk, one: Return) -> dict[str, str] | None:
        if one.kind is not ReturnKind.DISPUTE or one.row_no is None:
            return None
        listing = desk.catalogue.get(one.dataset)
        row = desk.shelf.find_row(listing, one.row_no) or {}
        value = row.get(one.column)
        return {one.column: "" if value is None else text_of(listing.dataset.by_name[one.column], value)}

    def _view(self, desk: ReturnDesk, who: Person, one: Return) -> r.ReturnView:
        listing = desk.catalogue.by_name.get(one.dataset)
        column = listing.dataset.by_name.get(one.column) if listing else None
        name = Words(listing.dataset.zh, listing.dataset.en) if listing else Words(one.dataset, one.dataset)
        owns = listing is not None and listing.owner == who.agency
        return r.ReturnView(
            *(one.return_id, one.kind, one.dataset, name, one.agency, one.street, one.sent_by, one.sent_min),
            *(one.due_min, one.row_no, one.column or None, Words(column.zh, column.en) if column else None, one.state),
            *(one.answered_by or None, one.answered_min, one.answer or None),
            overdue=one.is_overdue(desk.now_min()),
            mine=one.agency == who.agency,
            answers=owns and one.sent_by != who.user_id and is_allowed(who, "addition.answer"),
        )

    def _desk(self) -> ReturnDesk:
        return return_desk(self._works)

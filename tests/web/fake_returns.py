"""The way back, in memory: one dispute of a street."""

from dataclasses import replace

from hubtwin.base.errors import Absent
from hubtwin.model.agency import Person
from hubtwin.model.returning import ReturnKind, ReturnState
from hubtwin.web.schemas import returns as r
from hubtwin.web.schemas.hub import Words

DISPUTE = r.ReturnView(
    *("r1", ReturnKind.DISPUTE, "residents", Words("居民", "residents"), "street-1", "330102001", "sun", 10, 5_000, 7),
    *("address", Words("地址", "address"), ReturnState.SENT, None, None, None),
    overdue=False,
    mine=True,
    answers=True,
)


class FakeReturns:
    """`web.desk_returns.ReturnsDesk` in memory."""

    def __init__(self) -> None:
        self.one = DISPUTE

    def returns(self, who: Person) -> r.ReturnsReply:
        return r.ReturnsReply(20, [self.one])

    def content(self, who: Person, return_id: str) -> r.ReturnContent:
        return r.ReturnContent(self._get(return_id).return_id, {"address": "3 New Lane"}, None, "renumbered")

    def add(self, who: Person, asked: r.SendAddition) -> r.ReturnView:
        return replace(self.one, kind=ReturnKind.ADDITION, row_no=None, column=None, column_name=None)

    def dispute(self, who: Person, asked: r.SendDispute) -> r.ReturnView:
        return self.one

    def answer(self, who: Person, return_id: str, asked: r.AnswerReturn) -> r.ReturnView:
        state = ReturnState.APPLIED if asked.accept else ReturnState.REFUSED
        return replace(self._get(return_id), state=state)

    def withdraw(self, who: Person, return_id: str) -> r.ReturnView:
        return replace(self._get(return_id), state=ReturnState.WITHDRAWN)

    def _get(self, return_id: str) -> r.ReturnView:
        if return_id != self.one.return_id:
            raise Absent("stores.no_return", number=return_id)
        return self.one

"""The part of the fake desk about asking the library: one share, and an answer of one row."""

from collections.abc import Sequence

from hubtwin.base.errors import Malformed
from hubtwin.model.agency import Person
from hubtwin.model.sharing import Lane
from hubtwin.web.desk_queries import AnswerFile
from hubtwin.web.schemas import queries as q
from hubtwin.web.schemas.hub import Words

TITLE = Words("居民", "residents")


class FakeQueries:
    """`web.desk_queries.QueriesDesk` in memory."""

    def __init__(self) -> None:
        column = q.MineColumn("name", Words("姓名", "name"), "string", 3, "surname")
        rows = q.MineRows(False, "street", ["330102001"])
        view = q.MineView(
            "s1",
            "residents",
            TITLE,
            "people",
            "agency:street-1",
            [column],
            rows,
            "care",
            TITLE,
            9,
            [],
            None,
            Lane.OWNER,
        )
        self.reply = q.MineReply(1, [view])
        told = {"residents": ["name"]}
        self.answer = q.AskReply([q.AskColumn("name", "string")], [["张**"]], True, told, ["s1"], [], 7)

    def mine(self, who: Person) -> q.MineReply:
        return self.reply

    def lookups(self, who: Person, share_id: str | None, before: int | None, limit: int) -> q.LookUpsReply:
        looked = q.LookedAt("residents", TITLE, [Words("姓名", "name")])
        return q.LookUpsReply([q.LookUpView(7, 1, who.user_id, True, TITLE, "query", [looked], 1, None)], None)

    def ask(self, who: Person, asked: q.AskIn) -> q.AskReply:
        if asked.purpose != "care":
            raise Malformed("library.ask_purpose", purpose=asked.purpose)
        return self.answer

    def ask_file(self, who: Person, asked: q.AskFileIn) -> AnswerFile:
        return AnswerFile(b"name\n", "text/csv; charset=utf-8", "synthetic-residents-7.csv", 1, True)

    def ask_arrow(self, who: Person, asked: q.AskArrowIn) -> AnswerFile:
        return AnswerFile(b"", "application/vnd.apache.arrow.stream", "residents-7.arrow", 0, True)

    def page(
        self, who: Person, dataset: str, purpose: str, columns: Sequence[str], *, limit: int, after: str
    ) -> q.PageReply:
        return q.PageReply(self.answer, None, [7])

"""The quality of a library in memory, for tests of the edge."""

from hubtwin.model.agency import Person
from hubtwin.rules.permission import may_somewhere as may
from hubtwin.web.schemas import quality as q
from hubtwin.web.schemas.hub import Words

SOME = Words(zh="某", en="some")
COUNTS = [q.ColourCount("red", SOME, 1, "source")]
STANDING = q.StandingView("cars", SOME, "vehicles", "registry", "red", 5, 0.9, 2, "1.0.0", 10, 0, 10, 1, [], COUNTS)
ORDER = q.OrderView("cars-1-4", "cars", "format:plate", "red", "registry", "source", "open", 1, 1, 1, 2, "", 0, 0, True)


class FakeQuality:
    """`web.desk_quality.QualityDesk` beside a fake desk."""

    def quality(self, who: Person) -> q.QualityReply:
        may(who, "quality.read")
        scores = [q.LibraryScore("vehicles", 10, 0.9)]
        return q.QualityReply(2, 10, 1, 0.9, COUNTS, scores, [STANDING], [q.GradeProposal("cars", 10, 3, 2)])

    def dataset(self, who: Person, dataset: str) -> q.DatasetQuality:
        may(who, "quality.read")
        rules = [q.RuleView("format:plate", "red", "conformity", ["plate"], SOME, 9, 1)]
        return q.DatasetQuality(2, dataset, STANDING, rules, [q.TrendPoint(2, "format:plate", 9, 1)], ["quality.run"])

    def rows(self, who: Person, dataset: str, *, rule: str, colour: str, after: int, limit: int) -> q.RowsReply:
        may(who, "quality.rows")
        return q.RowsReply([q.RowView(1, "red", ["format:plate"], {"plate": "浙A***", "seats": 5})], None)

    def run(self, who: Person, dataset: str) -> q.DatasetQuality:
        may(who, "quality.run")
        return q.DatasetQuality(2, dataset, STANDING, [], [], [])

    def orders(self, who: Person, dataset: str, *, mine: bool, closed: bool) -> q.OrdersReply:
        may(who, "quality.read")
        return q.OrdersReply(2, [ORDER])

    def answer(self, who: Person, asked: q.AnswerOrder) -> q.OrderView:
        may(who, "order.answer")
        return ORDER

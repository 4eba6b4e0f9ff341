"""The quality of the library of a hub at work."""

import math
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from hubtwin.base.errors import Absent, Denied
from hubtwin.base.text import text
from hubtwin.library.governing import Histogram, Order, OrderState
from hubtwin.model.agency import AgencyKind, Person
from hubtwin.model.colour import MEANINGS, Colour
from hubtwin.rules.permission import is_allowed, may
from hubtwin.stores.quality_look import FailingRow
from hubtwin.web.schemas import quality as q
from hubtwin.web.schemas.hub import Words
from hubtwin.wiring.governing import Governing, Standing

_RESPONSIBLE = {meaning.colour: meaning.responsible for meaning in MEANINGS}
ACTIONS = ("quality.run", "quality.rows", "order.answer")
_EXACT = 2**53


class RealQuality:
    """`web.desk_quality.QualityDesk` of a hub at work."""

    def __init__(self, governing: Callable[[], Governing | None]) -> None:
        """Take what gives all that governing needs; None where the hub has no library."""
        self._open = governing

    @property
    def _governing(self) -> Governing:
        found = self._open()
        if found is None:
            raise Absent("web.no_library")
        return found

    def quality(self, who: Person) -> q.QualityReply:
        """Return how every dataset stands that was governed."""
        may(who, "quality.read")
        governing = self._governing
        standings = governing.standings()
        total = governing.total(standings)
        scores = [q.LibraryScore(name, told.rows, told.score) for name, told in total.libraries.items()]
        proposals = [q.GradeProposal(*each) for each in governing.quality.proposals()]
        return q.QualityReply(
            *(governing.now_min(), total.governed, total.repaired, total.colours.score, _colours(total.colours)),
            *(scores, [_standing(each) for each in standings], proposals),
        )

    def dataset(self, who: Person, dataset: str) -> q.DatasetQuality:
        """Return a dataset with its rules and their trend."""
        may(who, "quality.read")
        return self._dataset(who, dataset)

    def rows(self, who: Person, dataset: str, *, rule: str, colour: str, after: int, limit: int) -> q.RowsReply:
        """Return a few rows that fail, masked, to who owns or looks after the dataset."""
        may(who, "quality.rows")
        asked = Colour[colour.upper()] if colour else None
        found = self._governing.look(who, dataset, rule=rule, colour=asked, after=after, limit=limit)
        return q.RowsReply([_row(each) for each in found], found[-1].row_no if len(found) == limit else None)

    def run(self, who: Person, dataset: str) -> q.DatasetQuality:
        """Colour a dataset for its owner, its steward or the data authority."""
        may(who, "quality.run")
        governing = self._governing
        listing = governing.book(dataset).listing
        if who.agency_kind is not AgencyKind.DATA and who.agency not in {listing.owner, listing.steward} - {""}:
            raise Denied("web.run_of_others", dataset=dataset)
        governing.govern(dataset, who.user_id)
        return self._dataset(who, dataset)

    def orders(self, who: Person, dataset: str, *, mine: bool, closed: bool) -> q.OrdersReply:
        """Return work orders."""
        may(who, "quality.read")
        governing = self._governing
        found = governing.orders(dataset=dataset, agency=who.agency if mine else "", closed=closed)
        return q.OrdersReply(governing.now_min(), [_order(who, each) for each in found])

    def answer(self, who: Person, asked: q.AnswerOrder) -> q.OrderView:
        """Answer a work order of the own agency."""
        may(who, "order.answer")
        done = self._governing.answer(who, asked.order_id, OrderState(asked.answer), asked.reason)
        return _order(who, done)

    def _dataset(self, who: Person, dataset: str) -> q.DatasetQuality:
        governing = self._governing
        book, standing, trend = governing.book(dataset), governing.standing(dataset), governing.trend(dataset)
        last = {each.rule: each for each in trend}
        rules = []
        for rule in book.rules:
            asks, told = {lang: rule.sentence(lang, book.listing) for lang in ("zh", "en")}, last.get(rule.name)
            counts = (told.passed, told.failed) if told else (None, None)
            named = (rule.name, rule.colour.name.lower(), rule.dimension.value, rule.columns, Words(**asks))
            rules.append(q.RuleView(*named, *counts))
        points = [q.TrendPoint(each.ended_min, each.rule, each.passed, each.failed) for each in trend]
        ours = who.agency in {book.listing.owner, book.listing.steward} - {""}
        able = [action for action in ACTIONS if ours and is_allowed(who, action)]
        head = (governing.now_min(), dataset, _standing(standing) if standing else None)
        return q.DatasetQuality(*head, rules, points, able)


def _words(colour: Colour) -> Words:
    return Words(**{lang: text(f"model.colour_{colour.name.lower()}", lang) for lang in ("zh", "en")})


def _colours(told: Histogram) -> list[q.ColourCount]:
    """Return all nine colours in their order, also those that no record has."""
    return [
        q.ColourCount(colour.name.lower(), _words(colour), told.colours.get(colour, 0), _RESPONSIBLE[colour])
        for colour in Colour
    ]


def _standing(each: Standing) -> q.StandingView:
    run, listing = each.run, each.listing
    title = Words(zh=listing.dataset.zh, en=listing.dataset.en)
    colour = each.colour.name.lower() if each.colour else None
    head = (listing.name, title, listing.library, listing.owner, colour, each.rating, run.colours.score)
    counts = (run.ended_min, run.contract, run.rows, run.unreadable, run.governed, run.repaired)
    return q.StandingView(*head, *counts, run.skipped, _colours(run.colours))


def _order(who: Person, order: Order) -> q.OrderView:
    head = (order.order_id, order.dataset, order.rule, order.colour.name.lower(), order.agency, order.role)
    counts = (order.failing, order.first_failing, order.opened_min, order.due_min, order.reason)
    able = order.is_open and order.agency == who.agency and is_allowed(who, "order.answer")
    return q.OrderView(*head, order.state.value, *counts, order.reopened, order.escalated, able)


def _row(each: FailingRow) -> q.RowView:
    return q.RowView(each.row_no, each.colour.name.lower(), each.failed, _cells(each.values))


def _cells(values: Mapping[str, Any]) -> dict[str, q.Cell]:
    """Return values as JSON carries them whole: days as text, numbers beyond 2^53 and no numbers as text."""
    cells: dict[str, q.Cell] = {}
    for name, value in values.items():
        inexact = isinstance(value, float) and not math.isfinite(value)
        large = isinstance(value, int) and abs(value) > _EXACT
        cells[name] = value.isoformat() if isinstance(value, date) else str(value) if inexact or large else value
    return cells

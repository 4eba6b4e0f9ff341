"""Asking the library of a hub at work, for pages and programs."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from functools import cached_property
from typing import Any

import pyarrow as pa

from hubtwin.channels.result_files import TYPES, write_result
from hubtwin.library.asking import (
    FILE_BOUNDS,
    Answer,
    AskDesk,
    Asked,
    Bounds,
    Mine,
    ask,
    grantees_of,
    list_mine,
    read_page,
)
from hubtwin.model.agency import Person
from hubtwin.model.sharing import Delivery
from hubtwin.rules.permission import may
from hubtwin.web import shown
from hubtwin.web.desk_queries import AnswerFile
from hubtwin.web.schemas import queries as q
from hubtwin.web.schemas.hub import Words

SHOWN = Bounds(rows=10_000, mib=16, seconds=30.0)  # of an answer that a page shows; more goes into a file
_EXACT = 2**53
LookUpsOf = Callable[[Person, str | None, int | None, int], q.LookUpsReply]


class RealQueries:
    """`web.desk_queries.QueriesDesk` of a hub."""

    def __init__(self, open_desk: Callable[[], AskDesk], lookups: LookUpsOf) -> None:
        """Take what gives all that asking needs, called at the first question, and what tells look-ups of the audit."""
        self._open, self.lookups = open_desk, lookups

    @cached_property
    def _desk(self) -> AskDesk:
        return self._open()

    def mine(self, who: Person) -> q.MineReply:
        """Return what a person may read now."""
        may(who, "library.query")
        purposes = self._desk.catalogue().purposes
        return q.MineReply(
            self._desk.now_min(),
            [
                _mine(each, shown.named(purposes[each.share.purpose]))
                for each in list_mine(self._desk, grantees_of(who))
                if each.share.purpose in purposes
            ],
        )

    def ask(self, who: Person, asked: q.AskIn) -> q.AskReply:
        """Answer a question."""
        return _answer(self._ask(who, asked, Delivery.QUERY, SHOWN))

    def ask_file(self, who: Person, asked: q.AskFileIn) -> AnswerFile:
        """Answer a question with a file."""
        answer = self._ask(who, asked, Delivery.FILE, FILE_BOUNDS)
        return _file(answer, asked.format, asked.purpose, bom=asked.bom)

    def ask_arrow(self, who: Person, asked: q.AskArrowIn) -> AnswerFile:
        """Answer a question with an Arrow stream."""
        answer = self._ask(who, asked, Delivery.QUERY, replace(Bounds(), rows=asked.limit))
        return _file(answer, "arrow", asked.purpose)

    def page(
        self, who: Person, dataset: str, purpose: str, columns: Sequence[str], *, limit: int, after: str
    ) -> q.PageReply:
        """Return the next rows of a dataset."""
        may(who, "library.query")
        asked = Asked(who, grantees_of(who), purpose, "", Delivery.API)
        found = read_page(self._desk, asked, dataset, columns, limit=limit, after=after)
        return q.PageReply(_answer(found.answer), found.after, found.numbers)

    def _ask(self, who: Person, asked: q.AskIn, delivery: Delivery, bounds: Bounds) -> Answer:
        may(who, "library.query")
        return ask(self._desk, Asked(who, grantees_of(who), asked.purpose, asked.sql, delivery), bounds)


def _mine(mine: Mine, purpose: Words) -> q.MineView:
    share, dataset = mine.share, mine.listing.dataset
    known = dataset.by_name
    return q.MineView(
        share_id=share.share_id,
        dataset=dataset.name,
        title=Words(dataset.zh, dataset.en),
        library=mine.listing.library,
        grantee=share.grantee,
        columns=[
            q.MineColumn(name, Words(known[name].zh, known[name].en), known[name].type, int(known[name].grade), mask)
            for name, mask in mine.columns
        ],
        rows=q.MineRows(share.rows.everything, share.rows.column, sorted(share.rows.values)),
        purpose=share.purpose,
        purpose_title=purpose,
        until_min=share.until_min,
        delivery=sorted(each.value for each in share.delivery),
        count_floor=share.count_floor,
        lane=share.lane,
    )


def _answer(answer: Answer) -> q.AskReply:
    table = answer.table
    columns = [[_cell(value) for value in column.to_pylist()] for column in table.columns]
    return q.AskReply(
        columns=[q.AskColumn(field.name, str(field.type)) for field in table.schema],
        rows=[list(row) for row in zip(*columns, strict=True)],
        synthetic=answer.synthetic,
        datasets=answer.datasets,
        shares=answer.share_ids,
        narrowed=answer.narrowed,
        audit_seq=answer.seq,
    )


def _cell(value: Any) -> q.Cell:
    """Return a value as JSON holds it exactly."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _EXACT else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value.isoformat() if isinstance(value, date | datetime | time) else str(value)


def _file(answer: Answer, form: str, purpose: str, *, bom: bool = False) -> AnswerFile:
    provenance = "synthetic" if answer.synthetic else "real"
    marks = {"provenance": provenance, "purpose": purpose, "shares": ",".join(answer.share_ids)}
    table: pa.Table = answer.table
    content = write_result(table, form, bom=bom, marks={**marks, "audit": str(answer.seq)})
    named = "-".join(sorted(answer.datasets)[:3]) or "answer"
    name = f"{'synthetic-' if answer.synthetic else ''}{named}-{answer.seq}.{form}"
    return AnswerFile(content, TYPES[form], name, table.num_rows, answer.synthetic)

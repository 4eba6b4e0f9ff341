"""Areas that partners tell: the latest word of a partner stands, whatever comes twice or late; the list is as before
where nobody told anything."""

from contextlib import suppress
from dataclasses import replace
from itertools import groupby, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Malformed
from hubtwin.datasets.all import DATASETS
from hubtwin.model.partner import Taken
from hubtwin.model.partner_data import AreasTold, AreaTold
from hubtwin.model.place import Resolved
from hubtwin.rules.partner_data import MAX_AREAS, Reading, read_content
from hubtwin.rules.told_areas import fold_told, join_told
from tests.engines.frames import ENGINES, make_frame, rows_of
from tests.scenes.epidemic.story import NOW, morning, tables

TOLD = DATASETS["told_areas"]
AT = int(NOW.timestamp()) // 60


def area(code: str = "330102", level: str = "high", place: str = "", from_min: int = 0) -> AreaTold:
    street = code if len(code) > 6 else None
    return AreaTold(code[:6], street, "street" if street else "county", ("", "", ""), place, level, from_min)


class Book:
    """What is stored of one partner."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], Any] = {}
        self.number = 0

    def tell(self, at_min: int, *areas: AreaTold, gone: tuple[AreaTold, ...] = ()) -> int:
        self.number += 1
        changed = fold_told(AreasTold(at_min, areas, gone), list(self.rows.values()), "city", f"m{self.number}")
        self.rows |= {(row["area_key"], row["first_seen_min"]): row for row in changed}
        return len(changed)

    def at(self, minute: int) -> dict[str, str]:
        """Return code and place -> level of what stands at a minute."""
        return {
            f"{row['street_code'] or row['area_code']}{row['community']}": row["level"]
            for row in self.rows.values()
            if row["first_seen_min"] <= minute and (row["gone_by_min"] is None or row["gone_by_min"] > minute)
        }


def test_an_area_stands_from_when_it_was_told_until_it_is_gone() -> None:
    book = Book()
    assert book.tell(100, area(from_min=50), area("330106", from_min=130)) == 2
    assert [book.at(minute) for minute in (99, 100, 130)] == [
        {},
        {"330102": "high"},
        {"330102": "high", "330106": "high"},
    ]
    assert book.tell(200, gone=(area(),)) == 1
    assert [book.at(minute) for minute in (199, 200)] == [{"330102": "high", "330106": "high"}, {"330106": "high"}]
    (row,) = [row for row in book.rows.values() if row["area_code"] == "330102"]
    assert (row["message_id"], row["gone_message_id"], row["from_min"]) == ("m1", "m2", 50)


def test_the_latest_word_about_an_area_stands() -> None:
    book = Book()
    book.tell(100, area(level="high"))
    assert book.tell(110, area(level="high")) == 1, "said again: kept, so that nothing older than this counts"
    assert book.tell(105, area(level="low")) == 0
    assert book.at(110) == {"330102": "high"}
    assert book.tell(120, area(level="low")) == 2
    assert (book.at(119), book.at(120)) == ({"330102": "high"}, {"330102": "low"})
    assert book.tell(115, area(level="high")) == 0, "older than what was said since"
    assert book.tell(115, gone=(area(),)) == 0
    assert book.tell(120, area(level="medium")) == 1, "in the same minute the one that came last"
    assert book.at(120) == {"330102": "medium"}


def test_gone_said_again_is_heard() -> None:
    book = Book()
    book.tell(100, area())
    book.tell(110, gone=(area(),))
    book.tell(130, gone=(area(),))
    assert book.tell(120, area()) == 0
    assert book.at(140) == {}


def test_what_is_gone_before_it_began_was_never_there() -> None:
    book = Book()
    book.tell(100, area(from_min=500))
    book.tell(110, gone=(area(),))
    assert book.at(600) == {}
    stored = make_frame("polars", TOLD.schema, [{**row, "provenance": "real"} for row in book.rows.values()])
    assert rows_of(join_told({**tables("polars", {}), "told_areas": stored})) == []


def test_gone_without_a_place_stands_for_all_of_the_county_that_was_told_under_it() -> None:
    book = Book()
    book.tell(100, area(place="a lane"), area(place="a road"), area("330102004"))
    book.tell(110, gone=(area(place="a lane"),))
    assert set(book.at(110)) == {"330102a road", "330102004"}
    book.tell(120, gone=(area(),))
    assert set(book.at(120)) == {"330102004"}


CODES = st.sampled_from(["330102", "330106", "330102004"])
WORDS = st.builds(
    lambda at, code, level, later: (at, area(code, level or "high", from_min=at + later), level),
    *(st.integers(0, 40), CODES, st.sampled_from(["high", "medium", "low", ""]), st.integers(-5, 5)),
)


@given(st.lists(WORDS, max_size=12))
@settings(max_examples=120, deadline=None)
def test_intervals_of_an_area_never_overlap_and_the_newest_word_is_the_one_that_stands(words: Any) -> None:
    book, heard = Book(), []
    for at, told, level in words:
        known = {row["street_code"] or row["area_code"] for row in book.rows.values()}
        if level or (told.street_code or told.area_code) in known:
            heard.append((at, told, level))
        book.tell(at, *([told] if level else []), gone=() if level else (replace(told, level=""),))
    for _, rows in groupby(sorted(book.rows.values(), key=lambda row: row["area_key"]), lambda row: row["area_key"]):
        real = [r for r in rows if r["gone_by_min"] is None or r["gone_by_min"] > r["first_seen_min"]]
        spans = sorted((r["first_seen_min"], r["gone_by_min"]) for r in real if r["gone_by_min"] is not None)
        spans += [(r["first_seen_min"], 1 << 30) for r in real if r["gone_by_min"] is None]
        assert all(end <= begin for (_, end), (begin, _) in pairwise(spans)), spans
    for code in {told.street_code or told.area_code for _, told, _ in heard}:
        own = [(at, level) for at, told, level in heard if (told.street_code or told.area_code) == code]
        newest = max(at for at, _ in own)
        last = [level for at, level in own if at == newest][-1]
        assert book.at(1 << 20).get(code, "") == last


@given(st.lists(WORDS, min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_a_message_that_comes_again_changes_nothing(words: Any) -> None:
    book = Book()
    for at, told, level in words:
        message = AreasTold(at, (told,) if level else (), () if level else (told,))
        changed = fold_told(message, list(book.rows.values()), "city", "m")
        book.rows |= {(row["area_key"], row["first_seen_min"]): row for row in changed}
        assert fold_told(message, list(book.rows.values()), "city", "m") == []


@pytest.mark.parametrize("engine", ENGINES)
def test_without_told_areas_the_list_is_as_it_is(engine: str) -> None:
    story = tables(engine, morning())
    without = {name: frame for name, frame in story.items() if name != "told_areas"}
    plain = sorted(map(str, rows_of(story["risk_areas"])))
    for given_tables in (story, without):
        joined = rows_of(join_told(given_tables))
        assert {row.pop("told_by") for row in joined} == {""}
        assert sorted(map(str, joined)) == plain


@pytest.mark.parametrize("engine", ENGINES)
def test_told_areas_join_in_the_columns_of_the_list(engine: str) -> None:
    book = Book()
    book.tell(AT, area())
    marks = {"hub_id": "h", "source": "partner:city", "status": "Actual", "provenance": "synthetic", "replayed": False}
    told = make_frame(engine, TOLD.schema, [{**row, **marks} for row in book.rows.values()])
    joined = rows_of(join_told({**tables(engine, morning()), "told_areas": told}))
    (row,) = [row for row in joined if row["told_by"]]
    assert (row["told_by"], row["level"], row["area_code"], row["provenance"]) == (
        "city",
        "high",
        "330102",
        "synthetic",
    )


def resolve(province: str, city: str, county: str, community: str) -> Resolved:
    return Resolved("330106", None, "county") if county == "West" else Resolved(None, None, "city")


READING = Reading(ZoneInfo("Asia/Shanghai"), NOW, resolve)
PUBLISHED = {"published_at": "2022-10-20T00:50:00Z"}
ONE = {"area_code": "330102", "level": "high"}


@pytest.mark.parametrize(
    ("data", "reason", "field"),
    [
        ({}, "rules.partner_field_missing", "published_at"),
        (PUBLISHED, "rules.partner_field_missing", "areas"),
        ({"published_at": "2022-10-20T03:00:00Z", "areas": [ONE]}, "rules.partner_time_ahead", "published_at"),
        ({**PUBLISHED, "areas": ONE}, "rules.partner_list", "areas"),
        ({**PUBLISHED, "areas": ["330102"]}, "rules.partner_list", "areas"),
        ({**PUBLISHED, "areas": [ONE] * (MAX_AREAS + 1)}, "rules.partner_list", "areas"),
        ({**PUBLISHED, "areas": [ONE, {**ONE, "level": "deep"}]}, "rules.partner_word", "areas[1].level"),
        ({**PUBLISHED, "areas": [{**ONE, "area_code": "3301"}]}, "rules.partner_area_code", "areas[0].area_code"),
        ({**PUBLISHED, "areas": [{**ONE, "area_code": "330100"}]}, "rules.partner_area_code", "areas[0].area_code"),
        ({**PUBLISHED, "areas": [{"level": "high"}]}, "rules.partner_field_missing", "areas[0].area_code"),
        ({**PUBLISHED, "areas": [{"level": "low", "county": "?"}]}, "rules.partner_area_unknown", "areas[0]"),
        ({**PUBLISHED, "areas": [ONE, {**ONE, "level": "low"}]}, "rules.partner_area_twice", "areas[1]"),
        ({**PUBLISHED, "areas": [ONE], "gone": [{"area_code": "330102"}]}, "rules.partner_area_twice", "areas[0]"),
        ({**PUBLISHED, "gone": [ONE]}, "rules.partner_field_unknown", "gone[0].level"),
        ({**PUBLISHED, "areas": [{**ONE, "from": "2023-10-20"}]}, "rules.partner_time", "areas[0].from"),
    ],
)
def test_areas_are_refused_as_a_whole_with_the_entry_that_is_wrong(data: Any, reason: str, field: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_content(Taken.RISK_AREAS, data, READING)
    assert (caught.value.key, caught.value.values["field"]) == (reason, field)


def test_names_are_resolved_and_a_time_without_zone_is_the_venues() -> None:
    data = {
        **PUBLISHED,
        "areas": [{"county": "West", "community": "a lane", "level": "low", "from": "2022-10-20 10:00"}],
    }
    told = read_content(Taken.RISK_AREAS, data, READING)
    assert isinstance(told, AreasTold)
    assert told.published_min == AT - 10
    assert told.areas == (AreaTold("330106", None, "county", ("", "", "West"), "a lane", "low", AT + 60),)


@given(
    st.dictionaries(
        st.sampled_from(["case", "result", "at", "ref", "areas", "gone", "published_at", "kind", "what", "due", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
            max_leaves=6,
        ),
    ),
    st.sampled_from(list(Taken)),
)
@settings(max_examples=200, deadline=None)
def test_whatever_comes_is_read_or_refused_by_name(data: Any, kind: Taken) -> None:
    with suppress(Malformed):
        read_content(kind, data, READING)


def test_one_more_message_costs_no_more_where_a_partner_told_much_before() -> None:
    looked: list[object] = []

    class Noted(dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            looked.append(name)
            return super().__getitem__(name)

    book = Book()
    book.tell(AT, *(area(place=f"place {number}") for number in range(500)))
    known = [Noted(row) for row in book.rows.values()]
    more = tuple(area(place=f"other {number}") for number in range(500))
    assert len(fold_told(AreasTold(AT + 1, more, ()), known, "city", "m2")) == 500
    assert fold_told(AreasTold(AT + 1, (), more), known, "city", "m3") == []
    assert len(looked) < 20 * len(known)

"""Reading the risk-area feed: real snapshots, interval tables, and everything that goes wrong with them."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.base.ids import stable_key
from hubtwin.base.text import catalogue
from hubtwin.connectors.risk_areas import CONNECTOR
from hubtwin.connectors.risk_areas.simulator import Areas, intervals_csv, snapshot_json, snapshots_json
from hubtwin.datasets.all import DATASETS
from hubtwin.model.place import Resolved
from hubtwin.model.record import Provenance, Quarantined, Row
from hubtwin.ports import Page, ReadContext
from hubtwin.rules.quality import check

DATA = Path(__file__).parents[2] / "data" / "risk-areas"
FIXTURES = Path(__file__).parents[2] / "src" / "hubtwin" / "connectors" / "risk_areas" / "fixtures"
ZONE = ZoneInfo("Asia/Shanghai")
UPDATED = datetime(2022, 10, 20, 9, tzinfo=ZONE)
UPDATED_MIN = epoch_minute(UPDATED)
CONTEXT = ReadContext(zone=ZoneInfo("America/Los_Angeles"), now=datetime(2022, 10, 20, 1, 30, tzinfo=UTC))
LATER = replace(CONTEXT, now=datetime(2024, 1, 1, tzinfo=UTC))
PLACE = ("浙江省", "杭州市", "上城区", "某小区（除9号楼）")
AREAS: Areas = {
    "high": [PLACE, ("北京市", "大兴区", "旧宫（地区）镇", "某园2号楼")],
    "medium": [("浙江省", "杭州市", "余杭区", "某村")],
    "low": [],
}
SNAPSHOT = snapshot_json(UPDATED, AREAS)
HEADER = "level,province,city,county,community,first_seen,gone_by\n"
LINE = "high,浙江省,杭州市,上城区,某小区,2022-10-01T09:00,2022-10-05T21:00\n"

Items = list[Row | Quarantined]


def _read(content: bytes, context: ReadContext = CONTEXT, size: int = 1 << 20) -> Items:
    chunks = (content[start : start + size] for start in range(0, len(content), size))
    return list(CONNECTOR.read(Page("page", chunks, "1"), context))


def _rows(items: Items, dataset: str = "risk_areas") -> list[Row]:
    return [item for item in items if isinstance(item, Row) and item.dataset == dataset]


def _reasons(items: Items) -> list[str]:
    return [item.reason for item in items if isinstance(item, Quarantined)]


def _changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    answer = json.loads(SNAPSHOT)
    change(answer)
    return json.dumps(answer, ensure_ascii=False).encode()


def test_a_snapshot_gives_every_place_and_a_row_per_level() -> None:
    items = _read(SNAPSHOT)
    areas = _rows(items)
    assert len(areas) == 3
    assert areas[0].values == {
        "area_key": stable_key("high", *PLACE),
        "level": "high",
        "province": "浙江省",
        "city": "杭州市",
        "county": "上城区",
        "community": "某小区（除9号楼）",
        "area_code": None,
        "street_code": None,
        "resolution": "none",
        "has_exception": True,
        "first_seen_min": UPDATED_MIN,
        "gone_by_min": None,
    }
    assert areas[0].locator == "page:highlist[0].communitys[0]"
    snapshots = _rows(items, "risk_snapshots")
    assert [(row.values["level"], row.values["declared"], row.values["listed"]) for row in snapshots] == [
        ("high", 2, 2),
        ("medium", 1, 1),
        ("low", 0, 0),
    ]
    assert _reasons(items) == []


def test_every_row_fits_its_dataset() -> None:
    for item in _read(SNAPSHOT) + _read((HEADER + LINE).encode()):
        assert isinstance(item, Row)
        assert check(DATASETS[item.dataset], item.values) == []


def test_places_are_resolved_by_the_context() -> None:
    asked: list[tuple[str, ...]] = []

    def resolve(*place: str) -> Resolved:
        asked.append(place)
        return Resolved("330102", "330102001", "street")

    areas = _rows(_read(SNAPSHOT, replace(CONTEXT, resolve=resolve)))
    assert asked[0] == PLACE
    assert (areas[0].values["area_code"], areas[0].values["resolution"]) == ("330102", "street")


def test_the_feeds_clock_is_that_of_its_publisher_and_not_of_the_hub() -> None:
    assert _rows(_read(SNAPSHOT))[0].values["first_seen_min"] == UPDATED_MIN
    (row,) = _rows(_read((HEADER + LINE).encode()))
    assert row.values["first_seen_min"] == epoch_minute(datetime(2022, 10, 1, 9, tzinfo=ZONE))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2022-10-20 9时", UPDATED),
        ("2022-10-19 24时", datetime(2022, 10, 20, tzinfo=ZONE)),
        ("2022-10-20T01:00Z", UPDATED),
        ("2022-10-20 09:00", UPDATED),
    ],
)
def test_update_times_are_read_in_every_form_the_feed_used(text: str, moment: datetime) -> None:
    items = _read(_changed(lambda answer: answer["data"].update(end_update_time=text)))
    assert _rows(items)[0].values["first_seen_min"] == epoch_minute(moment)


@pytest.mark.parametrize(
    ("content", "places", "levels"),
    [("2022041511-b38a8084", 203, 2), ("2022102009-46f650e6", 4133, 3), ("2023010715-84818142", 0, 3)],
)
def test_archived_snapshots_are_read_whole(content: str, places: int, levels: int) -> None:
    items = _read((DATA / "raw" / f"{content}.json.gz").read_bytes(), LATER)
    assert (len(_rows(items)), len(_rows(items, "risk_snapshots")), _reasons(items)) == (places, levels, [])
    assert all(row.values["declared"] == row.values["listed"] for row in _rows(items, "risk_snapshots"))


def test_an_archived_snapshot_lists_what_the_interval_table_says_of_its_minute() -> None:
    snapshot = _rows(_read((DATA / "raw" / "2022102009-46f650e6.json.gz").read_bytes(), LATER))
    with gzip.open(DATA / "risk_area_intervals.csv.gz", "rt", encoding="utf-8") as stream:
        standing = {
            stable_key(*row[:5])
            for row in list(csv.reader(stream))[1:]
            if row[5] <= "2022-10-20T09:00" < (row[6] or "9")
        }
    assert {row.values["area_key"] for row in snapshot} == standing


def test_the_fixture_of_intervals_is_read_without_loss() -> None:
    content = (FIXTURES / "intervals.csv").read_bytes()
    items = _read(content, LATER)
    assert len(_rows(items)) == len(items) == content.count(b"\n") - 1


@pytest.mark.parametrize(
    "encode", [gzip.compress, lambda content: gzip.compress(content[:99]) + gzip.compress(content[99:])]
)
@pytest.mark.parametrize("content", [SNAPSHOT, (HEADER + LINE).encode()])
def test_gzip_and_chunks_change_nothing(content: bytes, encode: Callable[[bytes], bytes]) -> None:
    assert _read(encode(content), size=7) == _read(content, size=3) == _read(content)


@pytest.mark.parametrize("content", [SNAPSHOT, (HEADER + LINE).encode()])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_other_encodings_change_nothing(content: bytes, encoding: str) -> None:
    assert _read(content.decode().encode(encoding)) == _read(content)


def test_a_level_that_is_not_published_is_not_an_empty_level() -> None:
    items = _read(snapshot_json(UPDATED, {"high": [PLACE], "medium": []}))
    assert [row.values["level"] for row in _rows(items, "risk_snapshots")] == ["high", "medium"]


def test_an_empty_snapshot_says_so_for_each_level() -> None:
    items = _read(snapshot_json(UPDATED, {"low": []}))
    assert _rows(items) == []
    assert [row.values["listed"] for row in _rows(items, "risk_snapshots")] == [0, 0, 0]


def test_a_county_without_communities_is_listed_as_a_whole() -> None:
    items = _read(_changed(lambda answer: answer["data"]["middlelist"][0].update(communitys=[])))
    assert [row.values["community"] for row in _rows(items) if row.values["level"] == "medium"] == [""]


def _refused(content: bytes, context: ReadContext = CONTEXT) -> Malformed:
    with pytest.raises(Malformed) as caught:
        _read(content, context)
    assert set(catalogue()[caught.value.key]) == {"zh", "en"}
    assert "{" not in caught.value.message("zh") + caught.value.message("en")
    return caught.value


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "nothing in it"),
        (b" \n ", "nothing in it"),
        (SNAPSHOT[:-9], "not complete JSON"),
        (b"[]", "not the form"),
        (b'{"data": 3}', "not the form"),
        (b"[" * 100_000, "not complete JSON"),
        (b'{"data": ' + b"9" * 5000 + b"}", "not complete JSON"),
        (gzip.compress(SNAPSHOT)[:-9], "damaged"),
        (b"\x1f\x8b" + SNAPSHOT, "damaged"),
        (b'{"code": 5, "data": {}}', "error code 5"),
        (b'{"data": {}, "data": {}}', "data occurs twice"),
        (b'{"\xff\xff": 1}', "encoding is not known"),
        (_changed(lambda answer: answer.update(extra=1)), "unknown field extra"),
        (_changed(lambda answer: answer["data"].update(newlist=[])), "unknown field newlist"),
        (_changed(lambda answer: answer["data"]["highlist"][0].update(street="x")), "unknown field street"),
        (_changed(lambda answer: answer["data"].pop("highlist")), "field highlist is missing"),
        (_changed(lambda answer: answer["data"].update(highlist=None)), "field highlist is missing"),
        (_changed(lambda answer: answer["data"]["highlist"][0].pop("county")), "field county is missing"),
        (_changed(lambda answer: answer["data"].pop("end_update_time")), "field end_update_time is missing"),
        (_changed(lambda answer: answer["data"].update(end_update_time="soon")), "is no time"),
        (_changed(lambda answer: answer["data"].update(end_update_time=None)), "is no time"),
        (_changed(lambda answer: answer["data"].update(end_update_time="2022-10-20 25时")), "is no time"),
        (_changed(lambda answer: answer["data"].update(end_update_time="2022-13-20 09时")), "is no time"),
        (_changed(lambda answer: answer["data"].update(hcount=-1)), "no whole number"),
        (_changed(lambda answer: answer["data"].update(hcount=True)), "no whole number"),
        ((HEADER.strip() + ",street\n" + LINE).encode(), "unknown column street"),
        ((HEADER.replace("county,", "") + LINE).encode(), "column county is missing"),
        ((HEADER.strip() + ",level\n" + LINE).encode(), "level occurs twice"),
        ("level,省\n".encode("utf-16"), "encoding is not known"),
    ],
)
def test_a_page_that_cannot_be_trusted_is_refused_by_name(content: bytes, says: str) -> None:
    assert says in _refused(content).message("en")


def test_a_feed_eight_hours_ahead_is_refused_or_its_rows_quarantined() -> None:
    early = replace(CONTEXT, now=UPDATED - timedelta(hours=8))
    problem = _refused(SNAPSHOT, early)
    assert (problem.key, problem.values["ahead_min"]) == ("connectors.common.clock_ahead", 480)
    assert _rows(_read(SNAPSHOT, replace(CONTEXT, now=UPDATED - timedelta(hours=1)))) != []
    items = _read((HEADER + LINE).encode(), replace(CONTEXT, now=datetime(2022, 10, 5, 5, tzinfo=UTC)))
    assert _reasons(items) == ["connectors.common.clock_ahead"]


def test_a_page_too_large_for_a_snapshot_is_refused_before_it_fills_the_memory() -> None:
    packed = gzip.compress(b"[" + b" " * (70 << 20))
    assert "larger than 64 MB" in _refused(packed).message("en")


def test_a_place_that_is_listed_twice_counts_once() -> None:
    items = _read(snapshot_json(UPDATED, {"high": [PLACE, PLACE], "medium": []}))
    assert len(_rows(items)) == 1
    assert _reasons(items) == ["connectors.common.repeated_row"]


def test_a_count_that_differs_is_noted_and_what_is_listed_is_kept() -> None:
    items = _read(_changed(lambda answer: answer["data"].update(hcount=9)))
    assert len(_rows(items)) == 3
    (note,) = [item for item in items if isinstance(item, Quarantined)]
    assert (note.reason, dict(note.values)) == (
        "connectors.risk_areas.count_differs",
        {"field": "highlist", "declared": 9, "found": 2},
    )


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("not an entry", "connectors.risk_areas.not_entry"),
        ({"province": "省", "city": "市", "county": 3, "communitys": ["x"]}, "connectors.risk_areas.not_entry"),
        ({"province": "省", "city": "市", "county": "县", "communitys": "x"}, "connectors.risk_areas.not_entry"),
        ({"province": "", "city": "市", "county": " ", "communitys": ["x"]}, "connectors.common.missing_value"),
        (
            {"province": "省", "city": "", "county": "县\x1f城", "communitys": ["x"]},
            "connectors.risk_areas.control_character",
        ),
        (
            {"province": "\ud800", "city": "", "county": "县", "communitys": ["x"]},
            "connectors.risk_areas.control_character",
        ),
    ],
)
def test_a_broken_entry_costs_itself_only(entry: object, reason: str) -> None:
    answer = json.loads(SNAPSHOT)
    answer["data"]["highlist"].append(entry)
    items = _read(json.dumps(answer).encode())
    assert len(_rows(items)) == 3
    assert reason in _reasons(items)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (LINE.replace("high", "extreme"), "connectors.common.unknown_value"),
        (LINE.replace("2022-10-01T09:00", "yesterday"), "connectors.common.broken_time"),
        (LINE.replace("2022-10-01T09:00", ""), "connectors.common.broken_time"),
        (LINE.replace("2022-10-05T21:00", "2022-10-01T09:00"), "connectors.risk_areas.ends_before_start"),
        (LINE.replace("浙江省", "").replace("上城区", ""), "connectors.common.missing_value"),
        (LINE.replace("某小区", "某\x02小区"), "connectors.risk_areas.control_character"),
        (LINE.replace("某小区", '"某小区'), "connectors.common.broken_quotes"),
        (LINE.replace(",某小区", ""), "connectors.common.wrong_fields"),
        (LINE.replace("某小区", "甲") + LINE.replace("某小区", "甲"), "connectors.common.repeated_row"),
        (LINE + LINE.replace("10-05", "10-06"), "connectors.common.conflicting_row"),
    ],
)
def test_a_broken_line_costs_itself_only(line: str, reason: str) -> None:
    good = LINE.replace("某小区", "好小区")
    items = _read((HEADER + good + line + good.replace("好", "另")).encode())
    kept = [row.values["community"] for row in _rows(items)]
    assert {"好小区", "另小区"} <= set(kept)
    assert _reasons(items) == [reason]


def test_closed_must_agree_with_the_end() -> None:
    header = HEADER.strip() + ",closed\n"
    assert len(_rows(_read((header + LINE.strip() + ",1\n").encode()))) == 1
    assert len(_rows(_read((header + LINE.replace("2022-10-05T21:00\n", ",0\n")).encode()))) == 1
    assert _reasons(_read((header + LINE.strip() + ",0\n").encode())) == ["connectors.risk_areas.closed_differs"]


def test_a_header_without_rows_says_that_the_table_is_empty() -> None:
    assert _reasons(_read(HEADER.encode())) == ["connectors.risk_areas.empty_table"]


def test_a_hub_elsewhere_gives_codes_and_its_own_time() -> None:
    header = HEADER.strip() + ",area_code,provenance\n"
    line = "high,California,,San Mateo County,,2022-10-01T09:00,,06081,synthetic\n"
    (row,) = _rows(_read((header + line).encode()))
    assert (row.values["area_code"], row.values["resolution"]) == ("06081", "county")
    assert row.values["first_seen_min"] == epoch_minute(datetime(2022, 10, 1, 9, tzinfo=CONTEXT.zone))
    assert row.marks.provenance is Provenance.SYNTHETIC
    assert _reasons(_read((header + line.replace("06081", "06-081")).encode())) == ["connectors.risk_areas.broken_code"]
    assert _reasons(_read((header + line.replace("synthetic", "guess")).encode())) == [
        "connectors.common.unknown_value"
    ]


def test_the_simulator_speaks_both_forms() -> None:
    (name, packed), *_ = snapshots_json([(UPDATED, AREAS)], zipped=True)
    assert name == "2022102009.json.gz"
    assert _read(packed) == _read(SNAPSHOT)
    table = b"".join(intervals_csv([("high", PLACE, UPDATED_MIN - 60, UPDATED_MIN), ("low", PLACE, UPDATED_MIN, None)]))
    ends = [(row.values["first_seen_min"], row.values["gone_by_min"]) for row in _rows(_read(table))]
    assert ends == [(UPDATED_MIN - 60, UPDATED_MIN), (UPDATED_MIN, None)]


def _answer(content: bytes) -> Iterable[Row | Quarantined]:
    try:
        return _read(content)
    except Malformed:
        return []


TEXTS = st.text(max_size=6)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.binary(max_size=200) | st.binary(max_size=100).map(gzip.compress) | st.binary(max_size=80).map(b"{".__add__))
@settings(max_examples=300)
def test_reading_is_total_on_any_bytes(content: bytes) -> None:
    for item in _answer(content):
        assert isinstance(item, Row | Quarantined)


@given(JSONS, st.sampled_from(["end_update_time", "hcount", "highlist", "middlelist", "lowlist", "lcount"]), JSONS)
@settings(max_examples=200)
def test_reading_is_total_on_any_json(entry: object, field: str, value: object) -> None:
    answer = json.loads(SNAPSHOT)
    answer["data"]["highlist"].append(entry)
    answer["data"][field] = value
    for item in _answer(json.dumps(answer).encode()):
        if isinstance(item, Row):
            assert check(DATASETS[item.dataset], item.values) == []


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS), max_size=4))
@settings(max_examples=200)
def test_reading_is_total_on_any_fields_and_keeps_the_good_line(lines: list[tuple[str, ...]]) -> None:
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows((*line, "2022-10-01T09:00", "") for line in lines)
    items = _read(HEADER.encode() + LINE.encode() + table.getvalue().encode("utf-8", "replace"))
    assert _rows(items)[0].values["community"] == "某小区"
    for row in _rows(items):
        assert check(DATASETS[row.dataset], row.values) == []


@given(st.integers(0, len(SNAPSHOT) - 1), st.integers(0, 255))
@settings(max_examples=200)
def test_one_damaged_byte_never_raises_anything_else(at: int, byte: int) -> None:
    damaged = SNAPSHOT[:at] + bytes([byte]) + SNAPSHOT[at + 1 :]
    for item in _answer(damaged):
        assert isinstance(item, Row | Quarantined)


def test_an_aware_time_keeps_its_own_offset() -> None:
    moment = datetime(2022, 10, 1, 9, tzinfo=timezone(timedelta(hours=2)))
    (row,) = _rows(_read((HEADER + LINE.replace("2022-10-01T09:00", moment.isoformat())).encode()))
    assert row.values["first_seen_min"] == epoch_minute(moment)

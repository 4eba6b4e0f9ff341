"""Weather: real CAP files of others, an attack, bulletins, and warnings that come out of order."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import narwhals as nw
import pyarrow as pa
import pytest

from hubtwin.base.errors import Malformed
from hubtwin.connectors.weather import CONNECTOR
from hubtwin.connectors.weather import __file__ as module
from hubtwin.connectors.weather.bulletin import find_colour, parse_bulletin
from hubtwin.connectors.weather.fold import fold
from hubtwin.connectors.weather.simulator import Info, Warned, cap
from hubtwin.datasets.all import DATASETS
from hubtwin.model.record import Quarantined, Row, Status
from hubtwin.ports import Page, ReadContext

FIXTURES = Path(module).parent / "fixtures"
ZONE = ZoneInfo("Asia/Shanghai")
CONTEXT = ReadContext(zone=ZONE, now=datetime(2026, 1, 1, tzinfo=UTC))


def read(data: bytes) -> list[Row | Quarantined]:
    return list(CONNECTOR.read(Page("page", iter((data,)), "1"), CONTEXT))


def rows(data: bytes) -> list[Row]:
    return [item for item in read(data) if isinstance(item, Row)]


@pytest.mark.parametrize(
    ("name", "event", "severity", "msg_type", "sent"),
    [
        ("weather.cap", "Flash Flood Watch", "Severe", "Alert", "2010-08-30T04:07:00-06:00"),
        ("thunderstorm.cap", "SEVERE THUNDERSTORM", "Severe", "Alert", "2003-06-17T14:57:00-07:00"),
        ("australia.cap", "Fire", "Minor", "Alert", "2011-10-05T23:04:00+10:00"),
        ("sc_valid.xml", None, None, "Alert", None),
    ],
)
def test_messages_of_others_are_read(name: str, event: str, severity: str, msg_type: str, sent: str) -> None:
    (found,) = rows((FIXTURES / name).read_bytes())
    told = found.values
    assert told["msg_type"] == msg_type
    assert told["headline"]
    assert told["area"]
    if sent:
        assert told["at_s"] == int(datetime.fromisoformat(sent).timestamp())
        assert (told["event"], told["severity"]) == (event, severity)


def test_another_encoding_is_read_as_it_says() -> None:
    found = rows((FIXTURES / "earthquake-iso8859-1.cap").read_bytes())
    assert found
    assert "Earthquake" in str(found[0].values["event"])


def test_an_attack_is_refused_and_nothing_is_fetched() -> None:
    with pytest.raises(Malformed) as caught:
        read((FIXTURES / "xee.cap").read_bytes())
    assert caught.value.key == "connectors.weather.unsafe_xml"


@pytest.mark.parametrize("name", ["invalid.cap", "canada_errors.cap"])
def test_a_wrong_message_says_what_is_wrong_with_it(name: str) -> None:
    found = read((FIXTURES / name).read_bytes())
    assert [type(item) for item in found] == [Quarantined], found


def test_alerts_inside_a_feed_are_found_and_each_stands_alone() -> None:
    at = datetime(2022, 10, 20, 8, tzinfo=ZONE)
    info = Info("zh-CN", "大雾", "大雾黄色预警", "能见度小于500米")
    one, other = (cap(Warned(name, "s", at, (info,))).split(b"?>\n")[1] for name in ("a", "b"))
    page = b"<feed xmlns='http://www.w3.org/2005/Atom'><entry><content>" + one + b"</content></entry>"
    page += b"<entry>" + other.replace(b"<msgType>Alert", b"<msgType>Nonsense") + b"</entry></feed>"
    found = read(page)
    assert [type(item) for item in found] == [Row, Quarantined]
    assert isinstance(found[0], Row)
    assert (found[0].values["warning_id"], found[0].values["colour"]) == ("a", "yellow")


def test_an_exercise_is_never_actual() -> None:
    at, info = datetime(2022, 10, 20, 8, tzinfo=ZONE), Info("en", "Fog", "Fog", "Fog")
    marks = {status: rows(cap(Warned("a", "s", at, (info,), status=status)))[0].marks.status for status in STATUSES}
    assert marks == STATUSES


STATUSES = {
    "Actual": Status.ACTUAL,
    "Exercise": Status.EXERCISE,
    "System": Status.TEST,
    "Test": Status.TEST,
    "Draft": Status.TEST,
}


def test_the_shipped_bulletins_are_one_warning_that_changes_and_is_lifted() -> None:
    found = rows((FIXTURES / "bulletins.txt").read_bytes())
    told = [
        (row.values["msg_type"], row.values["colour"], row.values["severity"], row.values["in_force"]) for row in found
    ]
    assert told == [
        ("Alert", "orange", "Severe", True),
        ("Update", "red", "Extreme", True),
        ("Cancel", "red", "Extreme", False),
    ]
    assert {row.values["warning_id"] for row in found} == {"上城区气象台:暴雨"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("杭州市气象台2024年7月3日9:05变更高温橙色预警信号", ("Update", "高温", "orange")),
        (
            "浦东新区气象台2023年07月12日11时26分发布高温橙色预警[Ⅱ级/严重]：黄色更新为橙色",
            ("Update", "高温", "orange"),
        ),
        ("某县气象局2024年1月2日03时00分继续发布道路结冰黄色预警【Ⅲ级/较重】", ("Update", "道路结冰", "yellow")),
        ("某县气象台2024年1月2日03时00分解除台风预警", ("Cancel", "台风", None)),
    ],
)
def test_bulletins_of_several_wordings(line: str, expected: tuple[str, str, str | None]) -> None:
    found = parse_bulletin(line, ZONE)
    assert (found.msg_type, found.event, found.colour) == expected


def test_a_bulletin_in_gb18030_is_the_same() -> None:
    text = (FIXTURES / "bulletins.txt").read_text(encoding="utf-8")
    assert [row.values for row in rows(text.encode("gb18030"))] == [row.values for row in rows(text.encode())]


def test_the_colour_of_a_headline_is_that_of_a_signal_only() -> None:
    assert [find_colour(text) for text in ("暴雨红色预警", "Orange warning of wind", "Red Flag", "黄色转橙色", "")] == [
        *("red", "orange", None, None, None)
    ]


def test_a_warning_that_comes_after_what_replaced_it_is_not_in_force() -> None:
    at = datetime(2022, 10, 20, 8, tzinfo=ZONE)
    info = Info("zh-CN", "暴雨", "暴雨橙色预警", "雨")
    first, second = Warned("a", "s", at, (info,)), Warned("b", "s", at + timedelta(hours=1), (info,), "Update")
    second = second._replace(earlier=(("a", at),))
    empty = {"weather_warnings": nw.from_native(DATASETS["weather_warnings"].schema.empty_table()).lazy()}
    in_order = list(fold(rows(cap(first)) + rows(cap(second)), empty))
    assert [row.values["in_force"] for row in in_order] == [True, True]
    backwards = list(fold(rows(cap(second)) + rows(cap(first)), empty))
    assert [row.values["in_force"] for row in backwards] == [True, False]
    held = pa.table({"supersedes": ["x a", None]})
    late = list(fold(rows(cap(first)), {"weather_warnings": nw.from_native(held).lazy()}))
    assert [row.values["in_force"] for row in late] == [False]

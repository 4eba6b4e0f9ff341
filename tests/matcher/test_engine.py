"""The matcher at work in this process: what stops it, what it says of itself, and what it never does."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from hubtwin.base.clock import PacedClock, from_epoch_minute, system_clock
from hubtwin.base.errors import Absent, Denied, Retry
from hubtwin.matcher.engine import Matcher, Rung, Setup
from hubtwin.matcher.held import Held
from hubtwin.matcher.manifests import Folder, read_timetable
from hubtwin.matcher.match import epoch_of_run
from hubtwin.matcher.server import build, listen
from hubtwin.matcher.table import HubKey
from hubtwin.model.risk_table import CotravelQuery, RiskTable, WrappedKey, key_label
from hubtwin.sim.small import ZONE
from hubtwin.stores.signing import Signer
from hubtwin.stores.wrapping import wrap
from tests.matcher.test_match import truth
from tests.matcher.test_table import query
from tests.matcher.town import DAY, HUB, NIGHT_MIN, folder_of, sealed, table_of

KEY = bytes(range(32))
EPOCH = epoch_of_run("T1", DAY.world.hub_date)


class Railway:
    """A matcher, its clock, and the hub that signs for it."""

    def __init__(self, base: Path, folder: Folder) -> None:
        self.signer = Signer(base / "hub")
        self.clock = PacedClock(from_epoch_minute(NIGHT_MIN), 0.0, system_clock)
        setup = Setup(HubKey(HUB, self.signer.public_hex), folder, base / "matcher")
        self.held = Held(setup.home, NIGHT_MIN)
        self.matcher = Matcher(setup, self.held, self.clock)

    def keys(self, epoch: int = EPOCH) -> tuple[WrappedKey, ...]:
        public = self.matcher.unwrapper.public_hex
        return (WrappedKey(epoch, wrap(KEY, public, key_label(HUB, epoch))),)

    def take(self, table: RiskTable) -> bool:
        return self.matcher.take(sealed(self.signer, table.body()))[1]

    def ask(self, **told: object) -> dict[str, object]:
        asked: CotravelQuery = query(**{"key": self.keys()[0], **told})
        return self.matcher.list_traced(sealed(self.signer, asked.body()))


@pytest.fixture
def railway(tmp_path: Path) -> Iterator[Railway]:
    made = Railway(tmp_path, folder_of(tmp_path))
    yield made
    made.held.close()


def test_without_a_table_nothing_is_read_and_nothing_found(railway: Railway) -> None:
    assert railway.matcher.beat() is False
    assert railway.matcher.match() == 0
    assert railway.matcher.status()["table"] is None
    assert railway.held.find_page(0) is None


def test_hits_are_new_once_and_a_page_is_read_again_from_its_cursor(railway: Railway) -> None:
    assert railway.take(table_of(keys=railway.keys()))
    assert railway.matcher.beat() is True
    assert railway.matcher.beat() is False
    page = railway.held.find_page(0)
    assert page is not None
    assert (page[0], len(page[1])) == (1, len(truth()))
    assert railway.matcher.match() == 0
    assert railway.held.find_page(1) is None
    assert railway.held.find_page(0) == page


def test_a_hit_that_changes_its_level_comes_again_and_one_that_is_none_any_more_goes(railway: Railway) -> None:
    railway.take(table_of(keys=railway.keys()))
    railway.matcher.match()
    low = tuple(area._replace(level="low") for area in table_of().areas)
    railway.take(table_of(2, keys=railway.keys(), areas=low))
    assert railway.matcher.match() == len(truth())
    page = railway.held.find_page(1)
    assert page is not None
    assert {hit.level for hit in page[1]} == {"low"}
    assert railway.held.count_kept() == len(truth())
    railway.take(table_of(3, keys=railway.keys(), areas=low[:1]))
    assert railway.matcher.match() == 0
    assert 0 < railway.held.count_kept() < len(truth())


def test_a_table_that_grows_stale_stops_the_match_and_a_new_one_starts_it(railway: Railway) -> None:
    railway.take(table_of(keys=railway.keys()))
    railway.clock.jump(from_epoch_minute(NIGHT_MIN + 600))
    with pytest.raises(Denied) as caught:
        railway.matcher.match()
    assert caught.value.key == "matcher.stale"
    table = railway.matcher.status()["table"]
    assert isinstance(table, dict)
    assert table["stale"] is True
    assert railway.take(table_of(2, NIGHT_MIN + 600, keys=railway.keys()))
    assert railway.matcher.match() == len(truth())


def test_without_the_key_of_the_day_hits_are_counted_and_not_named(railway: Railway) -> None:
    railway.take(table_of(keys=railway.keys(EPOCH + 1)))
    assert railway.matcher.match() == 0
    told = railway.matcher.status()["match"]
    assert isinstance(told, dict)
    assert (told["hits"], told["without_key"]) == (0, len(truth()))


def test_a_key_wrapped_for_somebody_else_is_an_error_that_shows(railway: Railway) -> None:
    other = WrappedKey(EPOCH, railway.keys(EPOCH)[0].sealed[:-2] + "00")
    railway.take(table_of(keys=(other,)))
    railway.matcher.start()
    for _ in range(200):
        if railway.matcher.failed:
            break
        railway.matcher._thread.join(0.05)  # type: ignore[union-attr]
    assert railway.matcher.status()["error"] == "stores.not_wrapped_for_us"
    railway.take(table_of(2, keys=railway.keys()))  # wakes it
    for _ in range(200):
        if railway.held.count_kept():
            break
        railway.matcher._thread.join(0.05)  # type: ignore[union-attr]
    railway.matcher.stop()
    assert railway.held.count_kept() == len(truth())
    assert railway.matcher.status()["error"] == ""


def test_a_folder_that_is_gone_is_to_be_tried_again(railway: Railway, tmp_path: Path) -> None:
    railway.take(table_of(keys=railway.keys()))
    (tmp_path / "manifests").rename(tmp_path / "away")
    with pytest.raises(Retry):
        railway.matcher.beat()
    (tmp_path / "away").rename(tmp_path / "manifests")
    assert railway.matcher.beat() is True


def test_hits_of_a_day_that_is_over_are_forgotten(railway: Railway) -> None:
    railway.take(table_of(keys=railway.keys()))
    railway.matcher.match()
    late = NIGHT_MIN + 3 * 1440
    railway.clock.jump(from_epoch_minute(late))
    railway.take(table_of(2, late, keys=railway.keys()))
    assert railway.matcher.match() == 0
    assert railway.held.count_kept() == 0


def test_an_older_table_is_refused_after_a_restart_too(railway: Railway) -> None:
    railway.take(table_of(5))
    again = Held(railway.matcher.setup.home, NIGHT_MIN)
    for version in (4, 5):
        with pytest.raises(Denied) as caught:
            again.take_table(version, b"other", NIGHT_MIN)
        assert caught.value.key == "matcher.older"
    again.close()


def test_private_set_intersection_is_refused_before_anything_is_served(railway: Railway, tmp_path: Path) -> None:
    with pytest.raises(Denied) as caught:
        Matcher(replace(railway.matcher.setup, rung=Rung.PSI), railway.held, railway.clock)
    assert caught.value.key == "matcher.no_psi"


def test_plain_http_is_refused_beyond_this_machine() -> None:
    for host in ("0.0.0.0", "192.0.2.1", "localhost"):
        with pytest.raises(Denied) as caught:
            listen(host, 0, tls=False)
        assert caught.value.key == "matcher.plain_beyond_loopback"
    listen("127.0.0.1", 0, tls=False).close()


def test_a_question_with_the_key_of_another_epoch_or_an_unknown_plan_is_refused(railway: Railway) -> None:
    assert railway.ask()["traced"] is True
    with pytest.raises(Denied):
        railway.ask(key=railway.keys(EPOCH + 1)[0])
    with pytest.raises(Absent):
        railway.ask(pathogen_id="plague-14th-century")
    assert railway.ask(trip_id="nowhere")["cases_aboard"] == 0


def answer_of(railway: Railway, method: str, path: str, content: bytes = b"") -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(build(railway.matcher))
        async with httpx.AsyncClient(transport=transport, base_url="http://matcher") as client:
            return await client.request(method, path, content=content)

    return asyncio.run(ask())


def test_the_server_answers_each_error_by_what_to_do(railway: Railway) -> None:
    assert answer_of(railway, "GET", "/hits").status_code == 204
    assert answer_of(railway, "GET", "/hits?after=x").status_code == 400
    assert answer_of(railway, "PUT", "/table", b"x").json()["error"] == "matcher.unreadable"
    assert answer_of(railway, "GET", "/nowhere").status_code == 404
    assert answer_of(railway, "POST", "/cotravel", b"x" * (2 << 20)).json()["error"] == "matcher.too_large"
    answer = answer_of(railway, "GET", "/status")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["rung"] == "hits"


def test_a_program_error_tells_no_text_of_its_own(railway: Railway) -> None:
    railway.held.close()  # whatever is asked now fails inside
    answer = answer_of(railway, "GET", "/status")
    assert (answer.status_code, answer.json()) == (500, {"error": "matcher.failed"})


def test_a_timetable_that_is_missing_is_named(tmp_path: Path) -> None:
    for files in ((), (tmp_path / "none.zip",)):
        with pytest.raises(Absent):
            read_timetable(files, ZONE, from_epoch_minute(NIGHT_MIN))

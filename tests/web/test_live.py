"""The live feed over a real socket: opening, resuming, alarms, slow pages, ends."""

import asyncio
import json
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from hubtwin.base.errors import Retry
from hubtwin.model.thing import Thing
from hubtwin.web import feed as feed_module
from hubtwin.web import live
from hubtwin.web.change import View
from hubtwin.web.page import Page
from hubtwin.web.things import Things
from hubtwin.wiring.panorama import Panorama
from tests.web.fake_desk import FakeDesk
from tests.web.served import Served, serving

Event = tuple[str | None, str, dict[str, object]]


class Ear:
    """Reads server-sent events of a socket as a browser does."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.rest, self.status = sock, b"", b""
        self.last_id: str | None = None

    def events(self, seconds: float = 60.0) -> Iterator[Event]:
        """Yield (id, name, data) until the stream ends or the time is up."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            while b"\n\n" in self.rest:
                block, _, self.rest = self.rest.partition(b"\n\n")
                lines = dict(line.split(b": ", 1) for line in block.replace(b"\r", b"").split(b"\n") if b": " in line)
                if b"id" in lines:
                    self.last_id = lines[b"id"].decode()
                if b"data" in lines:
                    number = lines[b"id"].decode() if b"id" in lines else None
                    yield number, lines[b"event"].decode(), json.loads(lines[b"data"])
            self.sock.settimeout(left)
            try:
                more = self.sock.recv(1 << 20)
            except TimeoutError:
                return
            if not more:
                return
            if not self.status:
                self.status, _, more = more.partition(b"\r\n\r\n")
            self.rest += more

    def until(self, name: str, seconds: float = 60.0) -> list[Event]:
        """Return the events up to the first one of a name."""
        found = []
        for event in self.events(seconds):
            found.append(event)
            if event[1] == name:
                return found
        raise AssertionError(f"no {name} in {[event[1] for event in found]}")


def wait_until(is_so: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for what a thread does."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def served(desk: FakeDesk) -> Iterator[Served]:
    with serving(desk) as running:
        yield running


def test_a_page_hears_a_snapshot_then_deltas_alarms_and_a_heartbeat(desk: FakeDesk, served: Served) -> None:
    desk.append("case", "case-0", {"before": True}, alarm=True)
    wait_until(lambda: served.edge.feed.rev == 1)  # read later, it would be told beside the picture that has it
    with served.listen(served.token("scene_officer")) as sock:
        ear = Ear(sock)
        number, name, snapshot = next(ear.events())
        assert str(number).startswith("1.0.")  # how often the board was seen is open
        assert name == "snapshot"
        assert b"text/event-stream" in ear.status
        assert snapshot["board"]
        assert [alarm["rev"] for alarm in snapshot["alarms"]] == [1]  # type: ignore[attr-defined]
        desk.append("case", "case-1", {"state": "reported"})
        desk.append("task", "task-1", {"state": "escalated"}, alarm=True)
        *_, (no_id, _, alarm) = ear.until("alarm")
        assert no_id is None
        assert (alarm["topic"], alarm["key"], alarm["rev"]) == ("task", "task-1", 3)
        *_, (number, _, delta) = ear.until("delta")
        assert str(number).startswith("3.0.")
        assert {c["key"] for c in delta["changes"]} >= {"case-1", "task-1"}  # type: ignore[attr-defined]
        *_, (_, _, beat) = ear.until("heartbeat")
        assert beat["mode"] == "replay"


def test_a_page_that_comes_back_hears_what_it_missed_and_each_alarm(desk: FakeDesk, served: Served) -> None:
    token = served.token("scene_officer")
    with served.listen(token) as sock:
        ear = Ear(sock)
        ear.until("snapshot")
    for number in range(1, 9):
        desk.append("case", f"case-{number % 2}", {"step": number}, alarm=number in (3, 4))
    with served.listen(token, last_id=ear.last_id) as sock:
        events = Ear(sock).until("delta")
        assert [(name, data.get("rev")) for _, name, data in events] == [("alarm", 3), ("alarm", 4), ("delta", 8)]
        told = [c for c in events[-1][2]["changes"] if c["topic"] == "case"]  # type: ignore[attr-defined]
        assert {c["key"]: c["rev"] for c in told} == {"case-0": 8, "case-1": 7}


def test_a_long_break_or_a_revision_that_never_was_brings_a_snapshot(
    desk: FakeDesk, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "RESUME", 5)
    for number in range(9):
        desk.append("case", "case-1", {"step": number})
    token = served.token("scene_officer")
    for last_id in ("1.0.0.0", "1.0", "999999.0.0.0", "-1.0.0.0", "one", "1e3.0.0.0", "9" * 30, "٣.0.0.0"):
        with served.listen(token, last_id=last_id) as sock:
            assert next(Ear(sock).events())[1] == "snapshot"


def test_a_role_hears_only_what_it_may_see(desk: FakeDesk, served: Served) -> None:
    with served.listen(served.token("auditor")) as sock:
        ear = Ear(sock)
        *_, (_, _, snapshot) = ear.until("snapshot")
        assert (snapshot["board"], snapshot["trains"], snapshot["alarms"]) == (None, None, [])
        assert snapshot["positions"]
        desk.append("case", "case-1", {"secret": 1}, alarm=True)
        desk.append("position", "G1", {"lon": 120.0})
        *_, (_, _, delta) = ear.until("delta")
        assert [c["topic"] for c in delta["changes"]] == ["position"]  # type: ignore[attr-defined]


def test_a_slow_page_gets_the_newest_states_and_all_alarms_and_stops_nobody(desk: FakeDesk, served: Served) -> None:
    token = served.token("scene_officer")
    big = "x" * 40_000
    with served.listen(token) as slow, served.listen(token) as quick:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        ear, other = Ear(slow), Ear(quick)
        ear.until("snapshot")
        other.until("snapshot")
        heard: list[Event] = []
        for number in range(30):
            for key in range(3):
                desk.append("case", f"case-{key}", {"step": number, "fill": big})
            if number % 10 == 0:
                desk.append("task", f"task-{number}", {}, alarm=True)
            heard += list(other.events(0.1))
        assert len([1 for _, name, _ in heard if name == "alarm"]) == 3
        slow_events: list[Event] = []
        last: dict[str, int] = {}
        for event in ear.events(10):
            slow_events.append(event)
            last |= {c["key"]: c["value"]["step"] for c in event[2].get("changes", ()) if c["topic"] == "case"}  # type: ignore[attr-defined]
            if last == dict.fromkeys(("case-0", "case-1", "case-2"), 29):
                break
        assert last == dict.fromkeys(("case-0", "case-1", "case-2"), 29)
        assert [d["key"] for _, name, d in slow_events if name == "alarm"] == [f"task-{n}" for n in range(0, 30, 10)]
        count = len([1 for _, name, _ in slow_events if name == "delta"])
        assert count < len([1 for _, name, _ in heard if name == "delta"])


def test_a_stream_ends_when_its_session_ends(desk: FakeDesk, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "RECHECK_S", 0.1)
    with served.listen(served.token("scene_officer")) as sock:
        ear = Ear(sock)
        ear.until("snapshot")
        desk.sessions.clear()
        desk.append("case", "case-1", {})
        time.sleep(0.2)
        list(ear.events(5))
        desk.append("case", "case-2", {"after": True})
        assert all(data.get("rev") != 2 for _, _, data in ear.events(1))
        assert sock.recv(10) == b""


def test_a_stream_starts_anew_when_a_role_is_taken_away(
    desk: FakeDesk, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "RECHECK_S", 0.1)
    token = served.token("scene_officer")
    with served.listen(token) as sock:
        ear = Ear(sock)
        ear.until("snapshot")
        desk.people["scene_officer"] = desk.people["auditor"]
        time.sleep(0.2)
        desk.append("case", "case-1", {})
        began = time.monotonic()
        list(ear.events(20))
        assert time.monotonic() - began < 20
    with served.listen(token, last_id=ear.last_id) as sock:
        assert Ear(sock).until("snapshot")[-1][2]["board"] is None


def test_who_may_see_more_is_told_all_of_it_though_nothing_was_missed(desk: FakeDesk, served: Served) -> None:
    desk.append("case", "case-0", {}, alarm=True)
    wait_until(lambda: served.edge.feed.rev == 1)
    token = served.token("auditor")
    with served.listen(token) as sock:
        ear = Ear(sock)
        assert ear.until("snapshot")[-1][2]["alarms"] == []
    desk.people["auditor"] = desk.people["scene_officer"]
    with served.listen(token, last_id=ear.last_id) as sock:
        *_, (_, _, snapshot) = Ear(sock).until("snapshot")
        assert [alarm["rev"] for alarm in snapshot["alarms"]] == [1]  # type: ignore[attr-defined]
        assert snapshot["board"]


def test_alarms_of_a_long_break_are_told_though_they_are_over(
    desk: FakeDesk, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "RESUME", 5)
    token = served.token("scene_officer")
    with served.listen(token) as sock:
        ear = Ear(sock)
        ear.until("snapshot")
    for number in range(9):
        desk.append("task", "task-1", {"step": number}, alarm=number == 2)
    monkeypatch.setattr(desk, "alarms", list)
    for told in ({"last_id": ear.last_id}, {"query": f"?last_event_id={ear.last_id}"}):
        with served.listen(token, **told) as sock:
            assert [name for _, name, _ in Ear(sock).until("snapshot")] == ["alarm", "snapshot"]


def test_there_is_no_heartbeat_while_something_cannot_be_read(
    desk: FakeDesk, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither where what is looked at fails, nor where the ledger does: what stands still must not look live."""
    monkeypatch.setattr(feed_module, "UNREAD_S", 0.2)
    told = Retry("stores.busy", path="rows", seconds=20)

    def fail(*_: object) -> list[object]:
        raise told

    with served.listen(served.token("scene_officer")) as sock:
        ear = Ear(sock)
        for name in ("pulse", "events_after"):
            ear.until("heartbeat")
            with monkeypatch.context() as failing:
                failing.setattr(desk, name, fail)
                list(ear.events(0.5))  # one may be on its way
                desk.panorama.take([Thing(f"zone:{name}", "zone", 1, "counters", "H")])
                assert {name for _, name, _ in ear.events(3)} == {"delta"}
        ear.until("heartbeat")


def test_pages_that_leave_are_forgotten(served: Served) -> None:
    token = served.token("scene_officer")
    socks = [served.listen(token) for _ in range(5)]
    for sock in socks:
        Ear(sock).until("snapshot")
    assert sum(map(len, served.edge.feed.pages.values())) == 5
    for sock in socks:
        sock.close()
    end = time.monotonic() + 5
    while served.edge.feed.pages and time.monotonic() < end:
        time.sleep(0.05)
    assert not served.edge.feed.pages


def test_a_ledger_that_fails_for_now_is_asked_again(desk: FakeDesk, served: Served) -> None:
    with served.listen(served.token("scene_officer")) as sock:
        ear = Ear(sock)
        ear.until("snapshot")
        desk.failing = Retry("stores.busy", path="rows", seconds=20)
        time.sleep(0.2)
        desk.append("case", "case-1", {"late": True}, alarm=True)
        desk.failing = None
        assert ear.until("alarm")[-1][2]["key"] == "case-1"


def test_the_server_stops_at_once_though_pages_listen(desk: FakeDesk) -> None:
    with serving(desk) as served:
        sock = served.listen(served.token("scene_officer"))
        ear = Ear(sock)
        ear.until("snapshot")
        began = time.monotonic()
    assert time.monotonic() - began < 4.5  # a page that hangs costs five
    with sock:
        list(ear.events(1))
        assert sock.recv(10) == b""


def test_a_page_that_takes_nothing_any_more_is_let_go_without_a_bug(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(live, "STALL_S", 0.05)
    page = Page(View(frozenset()), Things(Panorama()))
    asyncio.run(live.Live(served.edge, page, "", None)._send(never, b"data: 1\n\n"))
    assert page.closed == "gone"

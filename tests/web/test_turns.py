"""One session that asks for much at once waits; others are answered meanwhile, and nobody waits for ever."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Lock

import httpx
import pytest

from hubtwin.web import turns
from hubtwin.web.schemas.loop import Board
from tests.web.fake_desk import FakeDesk
from tests.web.served import Served, serving

MANY = 30


class SlowDesk(FakeDesk):
    """A desk whose board is answered when `go` is set; it counts how many are made at once."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.most, self.now_made, self._lock = Event(), 0, 0, Lock()

    def board(self) -> Board:
        with self._lock:
            self.now_made += 1
            self.most = max(self.most, self.now_made)
        try:
            assert self.go.wait(20)
            return super().board()
        finally:
            with self._lock:
                self.now_made -= 1


@pytest.fixture
def slow() -> Iterator[tuple[SlowDesk, Served]]:
    desk = SlowDesk()
    with serving(desk) as served:
        try:
            yield desk, served
        finally:
            desk.go.set()


def boards(served: Served, cookie: str, count: int) -> list[int]:
    """Ask for so many boards at once with one session; return how each was answered."""

    def ask(_: int) -> int:
        with httpx.Client(base_url=served.url, headers={"cookie": cookie}, timeout=30) as client:
            return client.get("/api/v1/board").status_code

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask, range(count)))


@contextmanager
def full(slow: tuple[SlowDesk, Served]) -> Iterator[tuple[httpx.Client, Callable[[], None]]]:
    """Give a client of a session whose turns are all taken, and what has those answered that took them."""
    desk, served = slow
    cookie = served.token("duty_commander")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(boards, served, cookie, turns.AT_ONCE)
        until(lambda: desk.now_made == turns.AT_ONCE)
        with httpx.Client(base_url=served.url, headers={"cookie": cookie}, timeout=30) as client:

            def answer_all() -> None:
                desk.go.set()
                assert asked.result() == [200] * turns.AT_ONCE

            yield client, answer_all


def until(true: object) -> None:
    """Wait until something holds, ten seconds at most."""
    assert callable(true)
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


def test_who_asks_for_much_waits_and_the_others_do_not(slow: tuple[SlowDesk, Served]) -> None:
    desk, served = slow
    greedy = served.token("duty_commander")
    with ThreadPoolExecutor(1) as pool, served.client("scene_officer") as other:
        asked = pool.submit(boards, served, greedy, MANY)
        until(lambda: desk.most == turns.AT_ONCE)
        for _ in range(5):
            assert other.get("/api/v1/hub").status_code == 200
        with served.client() as nobody:
            assert nobody.get("/health").status_code == 200
        assert desk.most == turns.AT_ONCE
        desk.go.set()
        assert asked.result() == [200] * MANY
    assert desk.most == turns.AT_ONCE


def test_who_waits_too_long_is_told_and_loses_nothing(
    slow: tuple[SlowDesk, Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "WAIT_S", 0.3)
    with full(slow) as (client, answer_all):
        refused = client.get("/api/v1/hub", headers={"accept-language": "en"})
        assert refused.status_code == 429
        assert refused.json()["key"] == "web.many_at_once"
        assert refused.headers["retry-after"] == "2"
        assert refused.headers["x-content-type-options"] == "nosniff"
        answer_all()
        assert client.get("/api/v1/hub").status_code == 200


def test_a_line_that_is_too_long_is_refused_at_once(
    slow: tuple[SlowDesk, Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "WAITING", 0)
    with full(slow) as (client, answer_all):
        began = time.monotonic()
        assert client.get("/api/v1/hub").status_code == 429
        assert time.monotonic() - began < 5
        answer_all()

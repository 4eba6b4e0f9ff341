"""The matcher's commands: what they refuse before anything is opened, the keys they print, the state they show."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubtwin.base.clock import PacedClock, from_epoch_minute, system_clock
from tests.cli.kit import Hub, Ran, hubtwin
from tests.matcher.hubside import HUB_TOML, Process, open_hub, start_matcher, wait_until
from tests.matcher.test_match import truth
from tests.matcher.town import NIGHT_MIN, folder_of, make_authority

HEX = re.compile(r"[0-9a-f]{64}\n")


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    (tmp_path / "hub.toml").write_text(HUB_TOML, encoding="utf-8")
    folder_of(tmp_path)
    return Hub(tmp_path / "hub.toml", tmp_path / "home")


@pytest.fixture
def running() -> Iterator[list[Process]]:
    """Give a list of processes that are ended after the test."""
    started: list[Process] = []
    yield started
    for one in started:
        one.child.kill()
        one.child.communicate()


def test_both_keys_are_printed_and_stay_the_same(hub: Hub, tmp_path: Path) -> None:
    for words in (("hub-key",), ("key",), ("key", "--home", tmp_path / "elsewhere")):
        first = hub.done("matcher", *words)
        assert HEX.fullmatch(first)
        assert hub.done("matcher", *words) == first
    assert hub.done("matcher", "key") != hub.done("matcher", "hub-key")


def test_what_is_missing_or_wrong_is_said_in_both_languages_before_anything_is_opened(hub: Hub, tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "pki")
    plain = ("--insecure-loopback",)
    tls = ("--tls-cert", authority.server.cert, "--tls-key", authority.server.key, "--client-ca", authority.ca)
    wrong = ("--tls-cert", authority.ca, "--tls-key", authority.server.key, "--client-ca", authority.ca)
    known = ("--timetable", tmp_path / "timetable.zip")
    told = {
        (): "--client-ca",
        tls[:4]: "--client-ca",
        (*plain, *tls): "--insecure-loopback",
        wrong: "belong together",
        plain: "--timetable",
        (*plain, *known, "--hub-key", "abc"): "--hub-key",
        (*plain, *known, "--rung", "psi"): "counts",
        (*plain, *known, "--host", "0.0.0.0"): "0.0.0.0",
    }
    for more, part in told.items():
        words = ("matcher", "serve", "--hub-key", "00" * 32, "--manifests", tmp_path / "manifests", *more)
        for lang in ("zh", "en"):
            ran: Ran = hub(*words, lang=lang)
            assert (ran.code, ran.out) == (1, ""), ran
            assert part in ran.err or lang == "zh", ran.err
            assert bool(re.search(r"[\u4e00-\u9fff]", ran.err)) is (lang == "zh"), ran.err


def test_the_state_of_a_matcher_is_shown_in_words_and_as_json(hub: Hub, tmp_path: Path, running: list[Process]) -> None:
    authority = make_authority(tmp_path / "pki")
    clock = PacedClock(from_epoch_minute(NIGHT_MIN), 1.0, system_clock)
    with open_hub(tmp_path / "store", clock) as made:
        running.append(start_matcher(tmp_path, made.signer.public_hex, authority=authority))
        peer = running[0].peer(authority)
        ours = ("--ca-file", authority.ca, "--tls-cert", authority.client.cert, "--tls-key", authority.client.key)
        status = ("matcher", "status", peer.url, *ours)
        assert "nothing is matched" in hub.done(*status)
        publisher = made.publisher(peer, clock)
        assert publisher.step(clock()) == 1
        publisher.stop()
        wait_until(lambda: json.loads(hub.done(*status, "--format", "json"))["match"] is not None)
        assert f"{len(truth())} hits" in hub.done(*status)
        assert f"命中 {len(truth())} 人" in hub.done(*status, lang="zh")
        refused = hub("matcher", "status", peer.url, "--ca-file", authority.ca)
        assert (refused.code, refused.out) == (1, "")
        assert hub("matcher", "status", peer.url, "--tls-key", authority.client.key).code == 1


def test_an_address_that_is_none_is_refused_with_its_reason(hub: Hub) -> None:
    for address in ("ftp://x", "http://127.0.0.1:9"):
        ran = hub("matcher", "status", address)
        assert (ran.code, ran.out) == (1, "")
        assert address in ran.err


def test_serve_needs_a_folder_of_manifests() -> None:
    ran = hubtwin("--lang", "en", "matcher", "serve", "--hub-key", "0")
    assert ran.code == 2
    assert "--manifests" in ran.err

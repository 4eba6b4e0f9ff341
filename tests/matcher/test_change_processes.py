"""Changes of the table between two processes: killed in the middle, cut off, not fitting, or not signed."""

from dataclasses import replace
from pathlib import Path

import pytest

from hubtwin.base.clock import PacedClock
from hubtwin.model.record import Row
from hubtwin.model.risk_table import RiskTable
from hubtwin.stores.signing import Signer
from hubtwin.wiring.asking import ask, fetch_status, reason_of
from hubtwin.wiring.risk_tables import make_table
from tests.matcher.hubside import Hub, Process, matched, start_matcher, wait_until
from tests.matcher.test_table_change import made
from tests.matcher.town import NIGHT_MIN, area_rows, sealed, table_of


def another(number: int) -> list[Row]:
    return [replace(area_rows()[0], values={**area_rows()[0].values, "area_key": f"new{number}"})]


@pytest.mark.parametrize("point", ["matcher.before_commit", "matcher.after_commit"])
def test_a_matcher_killed_in_the_middle_of_a_change_ends_with_the_table_that_was_signed(
    tmp_path: Path,
    hub: Hub,
    clock: PacedClock,
    running: list[Process],
    point: str,
) -> None:
    running.append(start_matcher(tmp_path / "rail", hub.signer.public_hex, failpoint=f"{point}:2"))
    peer = running[0].peer(None, "http")
    publisher = hub.publisher(peer, clock)
    assert publisher.step(clock()) == 1
    hub.add(another(1))
    assert publisher.step(clock()) == 1
    hub.add(another(2))
    assert publisher.step(clock()) == 0
    assert running[0].child.wait(10) == -9
    running.append(start_matcher(tmp_path / "rail", hub.signer.public_hex, port=running[0].port))
    stands = fetch_status(peer)["table"]["version"]
    assert stands == (2 if point == "matcher.before_commit" else 3)
    wait_until(lambda: publisher.step(clock()) == 1)
    wait_until(lambda: matched(peer, 3))
    status = fetch_status(peer)["table"]
    assert (status["version"], status["areas"]) == (3, len(area_rows()) + 2)
    assert "matcher.other_base" not in running[1].end()  # the change still fitted, or was there already
    publisher.stop()


def test_a_matcher_that_lost_what_it_had_gets_the_whole_table(
    tmp_path: Path, hub: Hub, clock: PacedClock, running: list[Process]
) -> None:
    running.append(start_matcher(tmp_path / "rail", hub.signer.public_hex))
    peer = running[0].peer(None, "http")
    publisher = hub.publisher(peer, clock)
    assert publisher.step(clock()) == 1
    running[0].end(9)
    (tmp_path / "rail" / "matcher" / "matcher.sqlite").unlink()
    hub.add(another(1))
    assert publisher.step(clock()) == 0  # cut off
    running.append(start_matcher(tmp_path / "rail", hub.signer.public_hex, port=running[0].port))
    wait_until(lambda: publisher.step(clock()) == 1)
    assert fetch_status(peer)["table"]["areas"] == len(area_rows()) + 1
    publisher.stop()
    log = running[1].end()
    assert "matcher.other_base" in log
    assert log.rindex("PATCH") < log.rindex("PUT")


def test_a_change_that_nobody_signed_or_that_does_not_fit_leaves_the_table_as_it_is(
    tmp_path: Path, hub: Hub, clock: PacedClock, running: list[Process]
) -> None:
    running.append(start_matcher(tmp_path / "rail", hub.signer.public_hex))
    peer = running[0].peer(None, "http")
    publisher = hub.publisher(peer, clock)
    assert publisher.step(clock()) == 1
    stranger, (head, listing) = Signer(tmp_path / "stranger"), make_table(hub.side(), clock())
    stands = replace(head, areas=listing.areas.areas())
    following = replace(stands, version=2, areas=stands.areas[:-1])

    def told(signer: Signer, base: RiskTable, table: RiskTable) -> tuple[int, str]:
        answer = ask(peer, "PATCH", "table", sealed(signer, made(base, table).body()))
        return answer.status_code, reason_of(answer)

    assert told(stranger, stands, following) == (403, "matcher.other_key")
    stale = replace(following, made_min=NIGHT_MIN - 900, valid_until_min=NIGHT_MIN - 300)
    assert told(hub.signer, stands, stale) == (403, "matcher.stale")
    assert told(hub.signer, table_of(1, areas=stands.areas[1:]), following) == (409, "matcher.other_base")
    assert told(hub.signer, replace(stands, version=2), replace(following, version=3)) == (409, "matcher.other_base")
    assert told(hub.signer, stands, replace(following, version=2)) == (200, "")
    assert told(hub.signer, stands, replace(stands, version=2)) == (409, "matcher.older")
    assert fetch_status(peer)["table"]["areas"] == len(stands.areas) - 1
    publisher.stop()

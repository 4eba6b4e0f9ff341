"""The hub's side without a matcher: when a table is made anew, what is in it, and what is not."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hubtwin.base.clock import PacedClock, from_epoch_minute, system_clock
from hubtwin.base.errors import Denied
from hubtwin.rules.privacy import EPOCH_MIN, epoch_of
from hubtwin.scenes.epidemic.profiles import PROFILES
from hubtwin.wiring.asking import Peer, Trace, ask_cotravel
from hubtwin.wiring.risk_tables import NOTHING, VALID_MIN, make_table, wrap_keys
from tests.matcher.hubside import Hub, open_hub
from tests.matcher.town import DAY, NIGHT_MIN, area_rows

NOBODY = Peer("rail", "http://127.0.0.1:9", "09" + "00" * 31)


@pytest.fixture
def clock() -> PacedClock:
    return PacedClock(from_epoch_minute(NIGHT_MIN), 0.0, system_clock)


@pytest.fixture
def hub(tmp_path: Path, clock: PacedClock) -> Iterator[Hub]:
    with open_hub(tmp_path, clock) as made:
        yield made


def test_a_version_is_made_when_something_changes_or_half_of_its_time_is_over(hub: Hub, clock: PacedClock) -> None:
    publisher = hub.publisher(NOBODY, clock)

    def version() -> int:
        publisher.step(clock())
        return publisher.states()[0].version

    assert [version(), version()] == [1, 1]
    clock.jump(from_epoch_minute(NIGHT_MIN + 5))
    assert version() == 1
    hub.add([replace(area_rows()[0], values={**area_rows()[0].values, "area_key": "new"})])
    assert [version(), version()] == [2, 2]
    clock.jump(from_epoch_minute(NIGHT_MIN + 5 + VALID_MIN // 2))
    assert version() == 3
    hub.in_force = False
    clock.jump(from_epoch_minute(NIGHT_MIN + 6 + VALID_MIN // 2))
    assert version() == 4
    assert publisher.states()[0].sent_version == 0
    publisher.stop()


def test_a_table_holds_what_was_known_then_and_touches_the_look_back(hub: Hub) -> None:
    def keys() -> set[str]:
        return {area.area_key for area in make_table(hub.side(), from_epoch_minute(NIGHT_MIN))[1].areas.areas()}

    assert keys() == {"a1", "a2", "b1", "d1"}
    hub.rule = replace(hub.rule, lookback_d=3)
    assert keys() == {"a1", "d1"}
    hub.rule = replace(hub.rule, levels=("high",))
    assert keys() == {"a1"}
    hub.rule = replace(hub.rule, lookback_d=60)
    start = DAY.world.listed[2].first_seen_min  # b1 stands: that it will be withdrawn is not known then
    _, then = make_table(hub.side(), from_epoch_minute(start + 1))
    assert [(area.area_key, area.gone_by_min) for area in then.areas.areas()] == [("b1", None)]


def test_a_listing_that_is_carried_on_is_the_one_that_is_made_anew(hub: Hub) -> None:
    start, listing = DAY.world.listed[2].first_seen_min, NOTHING
    for minute in (start - 1, start + 1, NIGHT_MIN - 1440 * 10, NIGHT_MIN, start + 1):  # areas come, change and go
        now = from_epoch_minute(minute)
        listing = make_table(hub.side(), now, listing)[1]
        assert listing.areas == make_table(hub.side(), now)[1].areas
    assert listing.areas.by_hash


def test_only_keys_of_service_dates_under_way_are_handed_over(hub: Hub) -> None:
    middle = (epoch_of(NIGHT_MIN) * EPOCH_MIN) + EPOCH_MIN // 2
    assert [key.epoch for key in wrap_keys(hub.side(), NOBODY.wrapping_key, middle)] == [epoch_of(middle)]
    border = (epoch_of(NIGHT_MIN) + 1) * EPOCH_MIN
    assert [key.epoch for key in wrap_keys(hub.side(), NOBODY.wrapping_key, border)] == [
        epoch_of(border) - 1,
        epoch_of(border),
    ]
    hub.vault.destroy_epoch(epoch_of(border) - 1)
    assert [key.epoch for key in wrap_keys(hub.side(), NOBODY.wrapping_key, border)] == [epoch_of(border)]


def test_no_key_of_the_hub_stands_in_the_clear_in_what_waits(hub: Hub, clock: PacedClock, tmp_path: Path) -> None:
    publisher = hub.publisher(NOBODY, clock)
    publisher.step(clock())
    publisher.stop()
    key = hub.vault.find_epoch_key(epoch_of(NIGHT_MIN))
    assert key is not None
    written = (tmp_path / "matching.sqlite").read_bytes()
    assert key not in written
    assert key.hex().encode() not in written


def test_a_question_that_the_plan_answers_is_not_sent_and_a_destroyed_key_ends_it(hub: Hub, clock: PacedClock) -> None:
    none = next(plan for plan in PROFILES if not plan.traces_cotravellers)
    some = next(plan for plan in PROFILES if plan.traces_cotravellers)
    asked = Trace("T1", DAY.world.hub_date, ("0" * 32,), none)
    assert ask_cotravel(hub.side(), NOBODY, asked, clock()) == {"pathogen_id": none.pathogen_id, "traced": False}
    epoch = epoch_of(NIGHT_MIN)
    hub.vault.find_epoch_key(epoch)
    hub.vault.destroy_epoch(epoch)
    with pytest.raises(Denied) as caught:
        ask_cotravel(hub.side(), NOBODY, replace(asked, plan=some), clock())
    assert caught.value.key == "rules.epoch_destroyed"

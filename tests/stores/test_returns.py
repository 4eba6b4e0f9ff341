"""What streets send back: stored once, sealed, settled by somebody else, escalated, forgotten."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.base.failpoint import arm, disarm
from hubtwin.model.returning import MOVES, Return, ReturnKind, ReturnState, Said, move
from hubtwin.stores.erasure import person_digest
from hubtwin.stores.returns import KEPT_DAYS
from hubtwin.stores.shelf_erasure import naming
from tests.databases import Engine
from tests.stores.returns_town import NOON, Town

DUE_MIN = int(NOON.timestamp() // 60) + 1_000
SECRET = "青石巷一号"
DISPUTE = Return(
    *("", ReturnKind.DISPUTE, "residents", "street-1", "330102001", "sun", 0, DUE_MIN),
    row_no=7,
    column="address",
)
SAID = Said({"address": SECRET}, "the house was renumbered")


@pytest.fixture
def town(tmp_path: Path, engine: Engine) -> Iterator[Town]:
    made = Town(tmp_path, engine)
    yield made
    made.close()


def test_a_return_is_stored_once_and_nobody_reads_it_without_the_key(
    town: Town, engine: Engine, tmp_path: Path
) -> None:
    first, second = (town.returns.send(DISPUTE, SAID, key="k1") for _ in range(2))
    assert first == second
    assert town.returns.read(first.return_id) == SAID
    assert town.returns.list_returns(agency="street-1") == [first]
    assert town.returns.list_returns(dataset="houses") == []
    assert SECRET.encode() not in engine.content(tmp_path)
    assert town.kinds() == ["ReturnSent"]
    assert len(town.vault.list_keys()) == 1


def test_an_agency_sees_what_it_sent_and_what_is_about_the_datasets_it_answers_for(town: Town) -> None:
    told = {"a": ("street-1", "residents"), "b": ("street-2", "residents"), "c": ("street-2", "houses")}
    ids = {
        town.returns.send(replace(DISPUTE, agency=agency, dataset=dataset), SAID, key=key).return_id: key
        for key, (agency, dataset) in told.items()
    }

    def seen(agency: str, *answers: str) -> str:
        return "".join(sorted(ids[each.return_id] for each in town.returns.list_seen(agency, answers)))

    assert (seen("street-1"), seen("street-2"), seen("street-3")) == ("a", "bc", "")
    assert seen("civil-affairs", "residents") == "ab"
    assert seen("civil-affairs", "residents", "houses", "weather") == "abc"
    assert seen("street-1", "houses") == "ac"
    assert len(town.returns.list_seen("street-2", (), limit=1)) == 1


def test_the_source_answers_once_and_never_who_sent_it(town: Town) -> None:
    one = town.returns.send(DISPUTE, SAID, key="k1")
    with pytest.raises(Denied, match="sent themselves"):
        town.returns.settle(one.return_id, ReturnState.ACCEPTED, by="sun")
    with pytest.raises(Malformed):
        town.returns.settle(one.return_id, ReturnState.REFUSED, by="owner", answer=" ")
    settled = town.returns.settle(one.return_id, ReturnState.REFUSED, by="owner", answer="seen on site: number 3")
    assert (settled.state, settled.answer) == (ReturnState.REFUSED, "seen on site: number 3")
    with pytest.raises(Denied, match="already"):
        town.returns.settle(one.return_id, ReturnState.ACCEPTED, by="owner")
    with pytest.raises(Absent):
        town.returns.settle("nothing", ReturnState.ACCEPTED, by="owner")
    assert town.kinds() == ["ReturnSent", "ReturnRefused"]


def test_only_who_sent_it_withdraws_it() -> None:
    with pytest.raises(Denied, match="Only who sent it"):
        move(DISPUTE, ReturnState.WITHDRAWN, by="li", at_min=1)
    assert move(DISPUTE, ReturnState.WITHDRAWN, by="sun", at_min=1).state is ReturnState.WITHDRAWN


def test_no_state_is_left_twice_and_every_end_is_an_end() -> None:
    ends = {state for state, following in MOVES.items() if not following}
    assert ends == {ReturnState.APPLIED, ReturnState.REFUSED, ReturnState.WITHDRAWN}
    assert set(MOVES) == set(ReturnState)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (DISPUTE, Said({"address": "x"}, " ")),
        (DISPUTE, Said({"name": "x"}, "why")),
        (DISPUTE, Said({"address": "x" * 501}, "why")),
        (Return("", ReturnKind.ADDITION, "residents", "s", "1", "sun", 0, 1), Said({"name": " "}, "why")),
    ],
)
def test_what_says_too_little_or_too_much_is_refused(town: Town, one: Return, said: Said) -> None:
    with pytest.raises(Malformed):
        town.returns.send(one, said, key="k")
    assert town.returns.list_returns() == []


def test_what_nobody_answers_in_time_is_told_once(town: Town) -> None:
    one = town.returns.send(DISPUTE, SAID, key="k1")
    assert town.returns.escalate() == []
    town.now = datetime.fromtimestamp(one.due_min * 60, UTC)
    assert town.returns.escalate() == [one]
    assert town.returns.escalate() == []
    assert town.kinds() == ["ReturnSent", "ReturnOverdue"]


def test_what_was_said_goes_some_time_after_it_was_settled_and_the_rest_stays(town: Town) -> None:
    one, other = (town.returns.send(DISPUTE, SAID, key=key) for key in ("k1", "k2"))
    town.returns.settle(one.return_id, ReturnState.WITHDRAWN, by="sun")
    town.now += timedelta(days=KEPT_DAYS, minutes=1)
    before_min = int(town.now.timestamp() // 60) - KEPT_DAYS * 24 * 60
    assert town.returns.forget(before_min) == 1
    assert town.returns.read(one.return_id) is None
    assert town.returns.read(other.return_id) == SAID
    assert town.returns.forget(before_min) == 0
    assert {each.state for each in town.returns.list_returns()} == {ReturnState.WITHDRAWN, ReturnState.SENT}
    assert town.audit.verify().problems == ()


def test_what_was_said_about_a_dataset_goes_by_when_it_was_sent_and_what_is_open_lapses(town: Town) -> None:
    first = town.returns.send(DISPUTE, SAID, key="k1")
    town.now += timedelta(days=1)
    later, other = (
        town.returns.send(replace(DISPUTE, dataset=name), SAID, key=name) for name in ("residents", "houses")
    )
    until_min = later.sent_min
    assert town.returns.forget_datasets((), 0, 1 << 40, by="dan") == 0
    assert town.returns.forget_datasets(("residents",), 0, until_min, by="dan") == 1
    assert [town.returns.read(each.return_id) for each in (first, later, other)] == [None, SAID, SAID]
    gone = town.returns.get(first.return_id)
    assert (gone.state, gone.answered_by) == (ReturnState.WITHDRAWN, "dan")
    assert town.returns.forget_datasets(("residents",), 0, until_min, by="dan") == 0
    assert town.returns.forget_datasets(("residents",), 0, 1 << 40, by="dan") == 1
    assert len(town.vault.list_keys()) == 1
    assert town.audit.verify().problems == ()


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (Said({"address": f" {SECRET} "}, "why"), "no"),
        (Said({"address": "x"}, f"{SECRET}; moved"), "no"),
        (Said({"address": "x"}, "why"), f"it is {SECRET}"),
    ],
)
def test_what_names_somebody_goes_in_whatever_state_it_is(town: Town, said: Said, answer: str) -> None:
    settled, refused, other = (town.returns.send(DISPUTE, said, key=key) for key in ("k1", "k2", "k3"))
    town.returns.settle(settled.return_id, ReturnState.ACCEPTED, by="owner", answer=answer)
    town.returns.settle(refused.return_id, ReturnState.REFUSED, by="owner", answer=answer)
    town.returns.settle(other.return_id, ReturnState.REFUSED, by="owner", answer=answer)
    same = town.returns.send(DISPUTE, Said({"address": f"{SECRET}二"}, "another address"), key="k4")
    names = naming(frozenset({person_digest(SECRET)}), SECRET)
    assert town.returns.forget_naming(["houses"], names, by="zheng") == {}
    assert town.returns.forget_naming(["residents"], names, by="zheng") == {"residents": 3}
    found = [town.returns.get(each.return_id) for each in (settled, refused)]
    assert [(each.state, each.answer) for each in found] == [(ReturnState.WITHDRAWN, ""), (ReturnState.REFUSED, "")]
    assert [town.returns.read(each.return_id) for each in (settled, refused)] == [None, None]
    assert town.returns.get(same.return_id).state is ReturnState.SENT
    assert town.returns.read(same.return_id) is not None
    assert town.returns.forget_naming(["residents"], names, by="zheng") == {}
    assert town.kinds()[-1] == "ReturnWithdrawn"


@pytest.mark.parametrize("at", ["returns.lapsed", "returns.keys_gone"])
def test_an_erasure_that_is_stopped_on_the_way_leaves_nothing_that_can_be_accepted(town: Town, at: str) -> None:
    one = town.returns.send(DISPUTE, SAID, key="k1")
    names = naming(frozenset({person_digest(SECRET)}))
    arm(partial(_stop_at, at))
    try:
        with pytest.raises(InterruptedError):
            town.returns.forget_naming(["residents"], names, by="zheng")
    finally:
        disarm()
    assert town.returns.get(one.return_id).state is ReturnState.WITHDRAWN
    town.returns.forget_naming(["residents"], names, by="zheng")
    assert town.returns.read(one.return_id) is None


def _stop_at(wanted: str, name: str) -> None:
    if name == wanted:
        raise InterruptedError


def test_only_what_is_open_lapses(town: Town) -> None:
    one = town.returns.send(DISPUTE, SAID, key="k1")
    assert town.returns.lapse(one.return_id, by="system").state is ReturnState.WITHDRAWN
    with pytest.raises(Denied):
        town.returns.lapse(one.return_id, by="system")
    with pytest.raises(Absent):
        town.returns.lapse("nothing", by="system")
    assert town.kinds() == ["ReturnSent", "ReturnWithdrawn"]

"""What streets send back: stored once, sealed, settled by somebody else, escalated, forgotten."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.model.returning import MOVES, Return, ReturnKind, ReturnState, Said, move
from hubtwin.stores.returns import KEPT_DAYS
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
    assert town.returns.forget(0, datasets=("residents",)) == 1
    assert town.returns.read(other.return_id) is None
    assert {each.state for each in town.returns.list_returns()} == {ReturnState.WITHDRAWN, ReturnState.SENT}
    assert town.audit.verify().problems == ()

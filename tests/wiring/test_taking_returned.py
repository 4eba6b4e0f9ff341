"""Messages about messages, and those that somebody else of the hub reads: noted once, and never answered."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubtwin.base.failpoint import arm, disarm
from hubtwin.channels.replies import REFUSED, TASK_STATE
from hubtwin.flow.dispatch import REPLIES
from hubtwin.model.event import EventKind
from hubtwin.model.message import Received
from hubtwin.wiring.taking import Taking
from tests.walk.town import Town, town
from tests.wiring.hub_kept import stop_at
from tests.wiring.partner_kit import Line, open_line

FACT = "hubtwin.disclosure.health"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path / "town") as made:
        yield made


@pytest.fixture
def line(here: Town, tmp_path: Path) -> Line:
    return open_line(here.works, tmp_path / "partner")


def _replies(here: Town) -> int:
    return sum(message.channel == REPLIES for message in here.works.ledger.list_outbox(1_000))


@pytest.mark.parametrize("kind", [REFUSED, TASK_STATE])
def test_what_became_of_our_message_is_noted_and_not_answered(here: Town, line: Line, kind: str) -> None:
    line.tell_of("case-1", key="ours")
    event = line.sends(kind, "about ours", {"message_id": "ours", "reason": "any", "state": "any"})
    assert event.kind == EventKind.PARTNER_DATA_USED
    assert (event.payload["answers"], event.payload["changed"], event.payload["type"]) == ("ours", 0, kind)
    assert line.is_refused(kind, "about others", {"message_id": "never sent"}) == "wiring_partner_not_told"
    assert _replies(here) == 0, "or two hubs would refuse each other's refusals for ever"


def test_a_type_that_nobody_reads_is_answered_once(here: Town, line: Line) -> None:
    assert line.is_refused(FACT, "case-1", {"level": "high"}) == "wiring_partner_not_agreed"
    assert _replies(here) == 1


def test_facts_of_another_hub_are_read_by_whoever_is_there_for_them(here: Town, line: Line) -> None:
    seen: list[str] = []

    def read(number: int, received: Received) -> int:
        seen.append(received.id)
        return 1

    beside = {FACT: read}
    line.taking = Taking(here.works, line.wire.wire, line.taking.registry, beside=beside)
    line.say(FACT, "case-1", {"level": "high"}, key="fact 1")
    arm(stop_at("taking.passed_on"))
    with pytest.raises(KeyboardInterrupt):
        line.take()
    disarm()
    line.taking = Taking(here.works, line.wire.wire, line.taking.registry, beside=beside)
    (event,) = line.take()
    assert seen == ["fact 1", "fact 1"], "after a kill once more, under the same id"
    assert (event.kind, event.payload["type"]) == (EventKind.PARTNER_DATA_USED, FACT)
    assert (line.take(), _replies(here)) == ([], 0)

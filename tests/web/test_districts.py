"""A scan says where a person goes by a code that exists; districts are found by name."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubtwin.base.errors import Malformed
from hubtwin.model.agency import AgencyKind, Person, Role
from hubtwin.model.verified import DESTINATION
from hubtwin.web.real import RealDesk
from hubtwin.web.schemas.asked import EvidenceIn, MoveCase
from hubtwin.web.start import desk_of
from tests.flow.loop_story import SCENE
from tests.wiring.hub_kept import KeptHub, opened

OFFICER = Person(
    *("officer", "Officer", "health", AgencyKind.HEALTH, frozenset({Role.SCENE_OFFICER}), frozenset({SCENE}))
)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[KeptHub]:
    with opened(tmp_path / "home") as kept:
        yield kept


def _desk(hub: KeptHub) -> RealDesk:
    return desk_of(hub.works)


def test_a_district_is_found_by_name_and_by_code_the_near_ones_first(hub: KeptHub) -> None:
    found = _desk(hub).districts("西湖区")
    assert found[0].code == "330106"
    assert "杭州市" in found[0].name
    assert len(found) > 1  # Nanchang has one too
    assert {one.code for one in _desk(hub).districts("330106")} == {"330106"}
    assert _desk(hub).districts("nowhere at all") == []


def test_a_scan_with_a_wrong_destination_is_refused_and_moves_nothing(hub: KeptHub) -> None:
    hub.declare()
    case = hub.open("p1")["p1"]

    def scan(code: str) -> MoveCase:
        return MoveCase(command="report", evidence=[EvidenceIn(kind="scan", ref="scan 1", values={DESTINATION: code})])

    with pytest.raises(Malformed, match="xihu"):
        _desk(hub).move_case(OFFICER, case.case_id, scan("xihu"))
    assert hub.works.ledger.get_case(case.case_id).version == 0
    moved = _desk(hub).move_case(OFFICER, case.case_id, scan("330106"))
    assert moved.case.state == "reported"

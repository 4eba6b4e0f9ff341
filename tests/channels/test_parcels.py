"""From verified facts to the wire: who gets what, and that the bytes on it hold nothing else."""

from pathlib import Path
from typing import Any

import pytest

from hubtwin.base.errors import Denied, Malformed
from hubtwin.channels.parcels import Facts, Told, parcels_of
from hubtwin.channels.simulator import Faults
from hubtwin.model.event import Message
from hubtwin.rules.routing import Office, check_offices
from hubtwin.scenes.epidemic.disclosures import DISCLOSURES
from tests.contracts.channel_pairs import webhook_pair
from tests.contracts.channel_suite import AT_MIN, MADE, PARTNER

OFFICES = check_offices(
    [Office("/p/police", "police", "330102"), Office("/p/health", "health", "3301"), Office(PARTNER, "bus", "33")]
)
CASE = "case-0123456789"
FACTS: dict[str, Any] = {
    "case": CASE,
    "identity": {"name": "合成旅客甲", "id_no": "synthetic-1", "phone": "synthetic-2"},
    "place": {"destination": "清波街道", "destination_code": "330102001"},
    "task": {"kind": "escort"},
    "exposure": {"level": "high", "kind": "stay"},
    "tests": [{"kind": "antigen", "result": "positive", "remark": "咳嗽"}],
    "transport": {"persons": 3, "pickup_point": "B2", "pickup_min": AT_MIN + 20, "protection_class": "P2"},
    "remarks": "合成备注",
}


def _told(destination: str = "330102001", verified_by: str | None = "zhao", facts: dict[str, Any] = FACTS) -> Told:
    known = Facts(CASE, facts, destination, verified_by, MADE)
    return parcels_of(known, ("police", "health", "bus"), DISCLOSURES, OFFICES)


def test_each_partner_gets_its_part() -> None:
    police, health, bus = _told().parcels
    assert set(police.data) == {"case", "identity", "place", "task"}
    assert set(health.data) == {"case", "identity", "exposure", "tests"}
    assert health.data["tests"] == [{"kind": "antigen", "result": "positive"}]
    assert bus.data == {"transport": FACTS["transport"]}
    assert (police.subject, health.subject) == (CASE, CASE)
    assert police.dataschema == "urn:hubtwin:disclosure:police:1"
    assert all(parcel.marks == MADE for parcel in (police, health, bus))


def test_what_nobody_verified_stays_here() -> None:
    for nobody in (None, ""):
        with pytest.raises(Denied):
            _told(verified_by=nobody)
    with pytest.raises(Malformed):
        _told("somewhere")


def test_where_nobody_is_there_or_nothing_is_left_it_is_said() -> None:
    assert _told("330200").nobody == ("police", "health")
    assert _told(facts={"transport": {"persons": "many"}, "case": CASE}).nothing == ("bus",)


def test_the_bytes_to_the_bus_hold_no_person_no_case_and_no_diagnosis(tmp_path: Path) -> None:
    pair = webhook_pair(tmp_path, Faults())
    bus = _told().parcels[2]
    pair.sender.route = lambda message: [bus]
    pair.sender(Message("k", "partners", {}, AT_MIN))
    line = pair.hub.books.list_waiting(PARTNER, 1)[0].signed.line.decode()
    for hidden in (CASE, "合成旅客甲", "synthetic-1", "synthetic-2", "清波", "positive", "antigen", "high", "备注"):
        assert hidden not in line
    pair.run()
    assert pair.applied() == ["k"]
    pair.close()

"""The venue over the wire: once for each edition, and ways through it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import TypeAdapter

from hubtwin.base.errors import Absent, Malformed
from hubtwin.model.agency import Role
from hubtwin.settings import load_settings
from hubtwin.web.real_venue import RealVenue
from hubtwin.web.schemas.venue import VenueReply, WayReply
from tests.venue_kit import id_of, station
from tests.web.fake_desk import FakeDesk
from tests.web.served import Served, serving
from tests.wiring.test_venues import HUB

WAY = "/api/v1/venue/way"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(FakeDesk()) as running:
        yield running


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client(Role.DUTY_COMMANDER.value) as opened:
        yield opened


@pytest.fixture
def real(tmp_path: Path) -> RealVenue:
    (tmp_path / "hub.toml").write_text(HUB, encoding="utf-8")
    (tmp_path / "venue.imdf.zip").write_bytes(station().packed())
    return RealVenue(load_settings(str(tmp_path), tmp_path / "home", "en", {}))


def _reply(real: RealVenue) -> VenueReply:
    return TypeAdapter(VenueReply).validate_json(real.venue().body)


def test_a_reader_who_has_the_edition_is_not_sent_it_again(client: httpx.Client) -> None:
    first = client.get("/api/v1/venue")
    assert first.status_code == 200
    assert first.headers["cache-control"] == "private, no-cache"
    for told in (first.headers["etag"], f'"older", {first.headers["etag"]}', f"W/{first.headers['etag']}"):
        again = client.get("/api/v1/venue", headers={"if-none-match": told})
        assert (again.status_code, again.content) == (304, b"")
    assert client.get("/api/v1/venue", headers={"if-none-match": '"older"'}).status_code == 200


def test_a_way_is_given_and_refused_with_a_reason(client: httpx.Client) -> None:
    assert client.get(WAY, params={"from": "N1", "to": "P-1", "step_free": True}).json()["step_free"] is True
    unknown = client.get(WAY, params={"from": "N1", "to": "P-9"}, headers={"accept-language": "zh"})
    assert (unknown.status_code, unknown.json()["message"]) == (404, "场所里没有“P-9”这个地方；请核对代号。")
    none = client.get(WAY, params={"from": "N1", "to": "nowhere"})
    assert (none.status_code, none.json()["key"]) == (409, "web.no_way")
    assert client.get(WAY, params={"from": "N1"}).status_code == 422


def test_the_venue_of_a_hub_holds_all_that_is_drawn(real: RealVenue) -> None:
    reply, draft = _reply(real), station()
    assert (reply.schematic, reply.note.en, reply.name.zh) == (True, "For tests", "V号")
    assert [level.code for level in reply.levels] == ["L0", "G", "L1"]
    features = {feature.code: feature for feature in reply.features}
    kinds = {"unit", "opening", "relationship", "amenity", "footprint"}
    drawn = {draft.extension["codes"][each.feature_id] for each in draft.features if each.feature_type in kinds}
    assert features.keys() == drawn
    hall, door, stairs = (features[code] for code in ("HALL", "N1", "STAIRS"))
    assert (hall.kind, hall.persons, hall.basis, hall.level_id) == ("unit", 900, "published", id_of("L0"))
    assert hall.geometry["coordinates"][0] == draft.find("HALL").geometry["coordinates"][0]
    assert (door.persons_per_min, door.persons, door.name) == (60.0, None, None)
    assert (stairs.kind, stairs.category, stairs.level_id) == ("link", "stairs", None)
    assert len(stairs.geometry["coordinates"]) == 2


def test_a_new_edition_of_the_archive_has_a_new_etag(real: RealVenue) -> None:
    first = real.venue()
    assert real.venue() is first
    assert real.settings.venue is not None
    draft = station()
    draft.change("HALL", category="waitingroom")
    real.settings.venue.archive.write_bytes(draft.packed())
    assert real.venue().etag != first.etag


def test_a_way_through_the_venue_of_a_hub_names_its_places(real: RealVenue) -> None:
    way = real.way("N1", "1", step_free=False)
    assert [(leg.by, leg.to_code) for leg in way.legs] == [
        ("walk", "ESC0"),
        ("escalator", "ESCALATOR"),
        ("walk", "P-1"),
    ]
    assert way.legs[2].to_name is not None
    assert way.legs[2].to_name.en == "No. P-1"
    assert TypeAdapter(WayReply).validate_python(way) == way
    with pytest.raises(Absent, match="P-9"):
        real.way("N1", "P-9", step_free=False)


def test_no_way_and_no_venue_are_told(real: RealVenue, tmp_path: Path) -> None:
    closed = HUB + 'closed = ["STAIRS", "ESCALATOR", "LIFT"]\n'
    (tmp_path / "hub.toml").write_text(closed, encoding="utf-8")
    shut = RealVenue(load_settings(str(tmp_path), tmp_path / "home", "en", {}))
    with pytest.raises(Malformed, match="N1"):
        shut.way("N1", "P-1", step_free=False)
    (tmp_path / "hub.toml").write_text(HUB.partition("[venue]")[0], encoding="utf-8")
    without = RealVenue(load_settings(str(tmp_path), tmp_path / "home", "en", {}))
    with pytest.raises(Absent, match="archive"):
        without.venue()

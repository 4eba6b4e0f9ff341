"""What messages are compared with, from a library with a train whose number changes and one that goes past midnight."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from hubtwin.channels.cloudevent import write_event
from hubtwin.channels.receipts import read_receipt
from hubtwin.channels.receive import Reception, receive
from hubtwin.channels.repairs import Known, PositionFields, TrainFields
from hubtwin.connectors.risk_areas.gazetteer import ADMIN_FILES, parse_gazetteer
from hubtwin.datasets.all import DATASETS
from hubtwin.model.message import Envelope, Handling
from hubtwin.ports import Batch
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.wiring.known import known_of, list_runs
from tests.contracts.channel_suite import HUB, MADE, PARTNER, open_side
from tests.contracts.store_suite import HUB as HERE

ADMIN = Path(__file__).parents[2] / "data" / "cn-admin"
ZONE, DAYS = ZoneInfo("Asia/Shanghai"), (date(2022, 10, 19), date(2022, 10, 21))
KIND = "hubtwin.met"


def _table(name: str, *rows: dict[str, Any]) -> pa.Table:
    dataset = DATASETS[name]
    marks = {"hub_id": HERE, "source": "t", "status": "Actual", "provenance": "synthetic", "replayed": False}
    empty = {field.name: None for field in dataset.schema}
    return pa.Table.from_pylist([{**empty, **marks, **row} for row in rows], schema=dataset.schema)


def _trip(trip: str, code: str, later: str | None = None) -> dict[str, Any]:
    return {"trip_id": trip, "code": code, "origin": "AOH", "destination": "HGH", "continues_as": later}


def _calls(trip: str, *told: tuple[str, int]) -> list[dict[str, Any]]:
    return [
        {"trip_id": trip, "seq": seq, "station_id": "AOH", "code": code, "arrive_min": at, "depart_min": at}
        for seq, (code, at) in enumerate(told)
    ]


@pytest.fixture
def known(tmp_path: Path) -> Known:
    store = EmbeddedStore(tmp_path, HERE, clock=lambda: datetime(2022, 10, 20, tzinfo=UTC), threads=1)
    calls = [*_calls("t1", ("C2901", 420), ("C2904", 540)), *_calls("t2", ("Z7", 1200), ("Z7", 1500))]
    calls += [*_calls("t3", ("K1", 480), ("K1", 600)), *_calls("t4", ("K2", 610), ("K2", 700))]
    hall = {"station_id": "AOH", "name": "上海虹桥", "lon": 121.3194, "lat": 31.1955, "area_basis": "unknown"}
    tables = {
        "rail_stations": _table("rail_stations", hall, {"station_id": "X", "name": "x", "area_basis": "unknown"}),
        "rail_trips": _table(
            "rail_trips", _trip("t1", "C2901/C2904"), _trip("t2", "Z7"), _trip("t3", "K1", "t4"), _trip("t4", "K2")
        ),
        "rail_calls": _table("rail_calls", *calls),
        "rail_service_days": _table(
            "rail_service_days",
            *(
                {"trip_id": trip, "service_date": day}
                for trip in ("t1", "t2", "t3", "t4")
                for day in (DAYS[0], date(2022, 10, 20), DAYS[1])
            ),
        ),
    }
    store.write(Batch("k", "t", tables))
    gazetteer = parse_gazetteer({name: (ADMIN / name).read_bytes() for name in ADMIN_FILES.values()})
    found = known_of(store, gazetteer, ZONE, DAYS)
    assert len(list_runs(store, ZONE, DAYS)) == 12
    assert len(list_runs(store, ZONE, (DAYS[0], DAYS[0]))) == 4
    store.close()
    return found


def test_stations_runs_and_counties_are_there(known: Known) -> None:
    assert known.place_of("AOH") == known.place_of("上海虹桥") == (121.3194, 31.1955)
    assert known.place_of("X") is None
    assert [run.trip_id for run in known.runs_of("C2904", DAYS[0])] == ["t1"]
    assert {run.trip_id for run in known.runs_of("K1", DAYS[0])} == {"t3", "t4"}, "with what its vehicle goes on as"
    assert known.successors["330104"] == "330102", "江干区 is part of 上城区 since 2021"
    assert {"330102", "310112"} <= set(known.counties)


def test_a_message_is_taken_as_it_is_meant_and_every_repair_is_kept(known: Known, tmp_path: Path) -> None:
    hub, partner = open_side(tmp_path / "hub", HUB), open_side(tmp_path / "partner", PARTNER)
    kind = KIND
    reception = Reception(
        PARTNER,
        {HUB: hub.peer},
        ZONE,
        times={kind: ("met_at",)},
        positions={kind: (PositionFields(place="station"),)},
        trains={kind: (TrainFields(at="met_at"),)},
        areas={kind: ("from_area",)},
        known=known,
    )
    now = datetime(2022, 10, 20, 17, 0, tzinfo=UTC)  # 01:00 of the 21st at the hub

    def told(sequence: int, **data: object) -> Handling:
        event = Envelope(
            f"m{sequence}", HUB, kind, "c", sequence, "2022-10-20T16:50:00Z", PARTNER, "urn:x:1", data, MADE
        )
        line = hub.signing(write_event(event))
        signed = receive(partner.books, [line], HUB, reception, signing=partner.signing, now=now)
        return read_receipt(signed, partner.peer, HUB).verdicts[0].handling

    shifted = {"lon": 121.32404, "lat": 31.19357, "station": "上海虹桥"}
    train = {"train": "z7次", "service_date": "2022-10-21", "met_at": "2022-10-21 00:45"}
    assert told(1, **shifted, **train, from_area=330104) is Handling.APPLIED
    assert told(2, train="G9", lon=-0.1, lat=51.5, from_area="990101") is Handling.APPLIED
    assert told(3, train="no train") is Handling.REFUSED
    assert told(4, lon=200, lat=1) is Handling.REFUSED
    (_, first), (_, second) = partner.books.list_applied()
    assert first.envelope is not None
    data = dict(first.envelope.data)
    lon, lat = data.pop("lon"), data.pop("lat")
    assert (lon, lat) == pytest.approx((121.3194, 31.1955), abs=0.001)
    assert data == {
        "station": "上海虹桥",
        "train": "Z7",
        "trip_id": "t2",
        "service_date": "2022-10-20",
        "met_at": "2022-10-20T16:45:00+00:00",
        "from_area": "330102",
    }
    assert first.repairs == {
        "lon": "gcj02_found",
        "train": "service_date",
        "met_at": "no_zone",
        "from_area": "former_area",
    }
    assert second.repairs == {"train": "unknown_train", "from_area": "unknown_area"}
    assert second.envelope is not None
    assert second.envelope.data == {"train": "G9", "lon": -0.1, "lat": 51.5, "from_area": "990101"}
    hub.books.close()
    partner.books.close()

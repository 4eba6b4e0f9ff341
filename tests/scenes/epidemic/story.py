"""A small morning at a hub: four trains, three areas, known passengers. Times are minutes after local midnight."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import narwhals as nw

from hubtwin.datasets.all import DATASETS
from hubtwin.ports import Tables
from hubtwin.scenes.epidemic.scene import NEEDS, SCENE
from tests.engines.frames import make_frame

DAY = date(2022, 10, 20)
MIDNIGHT = datetime(2022, 10, 19, 16, tzinfo=UTC)  # 00:00 in Shanghai
ZERO = int(MIDNIGHT.timestamp()) // 60
NOW = MIDNIGHT + timedelta(minutes=540)  # 09:00
PARAMS: dict[str, Any] = {**SCENE.params, "stations": ("HUB",), "zone": "Asia/Shanghai", "rung": "auto"}
MARKS = {"hub_id": "hub", "source": "s", "status": "Actual", "provenance": "real", "replayed": False}
Story = dict[str, list[dict[str, Any]]]


def at(minute: int) -> int:
    return ZERO + minute


def area(key: str, code: str, level: str, first: int, gone: int | None = None, **more: Any) -> dict[str, Any]:
    return {
        "area_key": key,
        "level": level,
        "province": "p",
        "city": "c",
        "county": f"county {code}",
        "community": f"place {key}",
        "area_code": code,
        "resolution": "county",
        "has_exception": False,
        "first_seen_min": at(first),
        "gone_by_min": None if gone is None else at(gone),
        **more,
    }


def count(trip: str, station: str, booked: int, boarded: int | None, as_of: int) -> dict[str, Any]:
    return {
        "trip_id": trip,
        "service_date": DAY,
        "station_id": station,
        "booked": booked,
        "boarded": boarded,
        "as_of_min": at(as_of),
    }


def calls(trip: str, code: str, *stops: tuple[str, int | None, int | None]) -> list[dict[str, Any]]:
    return [
        {"trip_id": trip, "seq": n, "station_id": s, "code": code, "arrive_min": a, "depart_min": d}
        for n, (s, a, d) in enumerate(stops, 1)
    ]


def booking(trip: str, pid: str, board: int, alight: int, **more: Any) -> dict[str, Any]:
    return {
        "trip_id": trip,
        "service_date": DAY,
        "pid": pid,
        "order_ref": f"o{pid}",
        "board_seq": board,
        "alight_seq": alight,
        "state": "booked",
        "as_of_min": at(0),
        **more,
    }


def morning() -> Story:
    """G1 and G2 pass areas, G3 passes none, G4 passed one that ended before it came."""
    return {
        "rail_stations": [
            {"station_id": s, "name": s.lower(), "area_code": c, "area_basis": "given"}
            for s, c in (("AAA", "110101"), ("BBB", "220202"), ("CCC", "330303"), ("DDD", "440404"), ("HUB", "999999"))
        ],
        "rail_trips": [
            {"trip_id": t, "code": t.upper(), "origin": "AAA", "destination": "HUB"} for t in ("g1", "g2", "g3", "g4")
        ],
        "rail_service_days": [{"trip_id": t, "service_date": DAY} for t in ("g1", "g2", "g3", "g4")],
        "rail_calls": [
            *calls("g1", "G1", ("AAA", None, 400), ("CCC", 480, 482), ("HUB", 570, 575)),
            *calls("g2", "G2", ("BBB", None, 500), ("CCC", 560, 562), ("HUB", 600, None)),
            *calls("g3", "G3", ("CCC", None, 500), ("HUB", 580, None)),
            *calls("g4", "G4", ("DDD", None, 450), ("HUB", 590, None)),
        ],
        "running_information": [
            {
                "trip_id": "g2",
                "service_date": DAY,
                "seq": 1,
                "departure_delay_s": 600,
                "relation": "SCHEDULED",
                "observed_min": at(511),
            }
        ],
        "boarding_counts": [
            count("g1", "AAA", 30, None, 300),
            count("g1", "AAA", 32, 31, 401),
            count("g1", "CCC", 50, 49, 483),
            count("g2", "BBB", 8, 7, 512),
            count("g2", "CCC", 12, None, 512),
            count("g3", "CCC", 90, 88, 501),
        ],
        "risk_areas": [
            area("high in A", "110101", "high", 0),
            area("medium in B", "220202", "medium", -1440 * 7),
            area("over in D", "440404", "high", -2000, 300),
            area("low in C", "330303", "low", 0),
        ],
        "risk_freezes": [],
        "risk_hits": [],
        "bookings": [],
        "stays": [],
        "pseudonym_links": [],
    }


def with_persons(story: Story) -> Story:
    """The same morning with a manifest: p1 stayed in the area of A, p2 boarded there, p3 did neither."""
    stay = {"pid": "p1", "area_code": "110101", "in_min": at(100), "out_min": at(200)}
    old = {"pid": "p3", "area_code": "110101", "in_min": at(-9000), "out_min": at(-8000)}
    story["bookings"] = [
        booking("g3", "p1", 1, 2),
        booking("g1", "p2", 1, 3),
        booking("g3", "p3", 1, 2),
        booking("g1", "p4", 2, 3, state="cancelled"),
    ]
    story["stays"] = [stay, old]
    return story


def tables(engine: str, story: Story) -> Tables:
    """Return the story on an engine; system columns that a row does not set are those of real, actual rows."""
    return {
        name: make_frame(engine, DATASETS[name].schema, [{**MARKS, **row} for row in story.get(name, [])])
        for name in (*NEEDS, *SCENE.watches)
    }


def frame_count(frame: nw.LazyFrame[Any]) -> int:
    return len(frame.collect("pyarrow").to_native())

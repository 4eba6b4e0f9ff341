"""The shipped venue as grounds: areas in square metres, levels by code, scales by category."""

from pathlib import Path

from hubtwin.connectors.imdf import make_venue, parse_archive, read_zip
from hubtwin.rules.grounds import grounds_of
from hubtwin.settings import find_data_dir


def test_the_places_of_the_shipped_venue() -> None:
    packed = (Path(find_data_dir()) / "hubs/hangzhou-east/venue.imdf.zip").read_bytes()
    archive, _ = parse_archive(read_zip(packed)[0])
    venue, _ = make_venue(archive)
    assert venue is not None
    found = grounds_of(venue)
    hall, platform, camera = found["HALL-N"], found["P-1"], found["CAM-PASS-E"]
    assert (hall.level, hall.scale, platform.level, platform.scale) == ("F2", "queue", "L1", "queue")
    assert hall.area_m2 is not None
    assert abs(hall.area_m2 - 123.5 * 45) < 10, "its rectangle in venue.toml"
    assert (camera.area_m2, camera.level) == (None, "B1")
    assert abs((camera.lon or 0) - 120.21) < 0.01
    assert {found[code].scale for code in ("PASS-E", "WHALL", "TAXI-N1")} == {"walkway"}

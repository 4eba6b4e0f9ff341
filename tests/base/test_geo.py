"""GCJ-02 against published pairs, and there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtwin.base.geo import distance_m, gcj02_to_wgs84, shifted_in_gcj02, wgs84_to_gcj02

# pairs that the public implementations test themselves with (lat, lon in WGS 84, then in GCJ-02); some of them take
# 6,378,137 m for the axis, which moves a point by up to a centimetre
PUBLISHED = (
    ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
    ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),
    ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),
)


@pytest.mark.parametrize(("wgs", "gcj"), PUBLISHED)
def test_published_pairs(wgs: tuple[float, float], gcj: tuple[float, float]) -> None:
    lon, lat = wgs84_to_gcj02(wgs[1], wgs[0])
    assert distance_m(lon, lat, gcj[1], gcj[0]) < 0.05
    lon, lat = gcj02_to_wgs84(gcj[1], gcj[0])
    assert distance_m(lon, lat, wgs[1], wgs[0]) < 0.05


@given(st.floats(73.5, 135.0), st.floats(18.0, 53.5))
def test_there_and_back(lon: float, lat: float) -> None:
    back = gcj02_to_wgs84(*wgs84_to_gcj02(lon, lat))
    assert back == pytest.approx((lon, lat), abs=1e-6)
    assert shifted_in_gcj02(lon, lat)


def test_other_countries_are_not_shifted() -> None:
    for lon, lat in ((-122.39, 37.78), (2.35, 48.86), (139.77, 35.68), (151.2, -33.9)):
        assert not shifted_in_gcj02(lon, lat)

"""Geography on the sphere; WGS 84 inside, GCJ-02 converted at import."""

from math import asin, cos, pi, radians, sin, sqrt

EARTH_RADIUS_M = 6_371_008.8  # mean radius, IUGG
_GCJ_A = 6_378_245.0  # Krasovsky 1940 semi-major axis, used by GCJ-02
_GCJ_EE = 0.006_693_421_622_965_943
_GCJ_WEST, _GCJ_EAST, _GCJ_SOUTH, _GCJ_NORTH = 72.004, 137.8347, 0.8293, 55.8271  # outside nothing is shifted


def distance_m(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Return the great-circle distance in metres (haversine); arguments in degrees."""
    d_lat, d_lon = radians(lat2 - lat1), radians(lon2 - lon1)
    half = sin(d_lat / 2) ** 2 + cos(radians(lat1)) * cos(radians(lat2)) * sin(d_lon / 2) ** 2
    return 2 * EARTH_RADIUS_M * asin(sqrt(min(1.0, half)))


def shifted_in_gcj02(lon: float, lat: float) -> bool:
    """Tell whether GCJ-02 differs from WGS 84 at a point: within the rectangle that public implementations agree on. It
    reaches beyond the borders, so what is not declared as GCJ-02 is not to be moved on its word alone."""
    return _GCJ_WEST <= lon <= _GCJ_EAST and _GCJ_SOUTH <= lat <= _GCJ_NORTH


def wgs84_to_gcj02(lon: float, lat: float) -> tuple[float, float]:
    """Return (lon, lat) as GCJ-02 shows it. Formula: the public reconstruction of the GCJ-02 offset."""
    x, y = lon - 105.0, lat - 35.0
    ripple = (20 * sin(6 * x * pi) + 20 * sin(2 * x * pi)) * 2 / 3
    d_lat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + ripple
    d_lat += (20 * sin(y * pi) + 40 * sin(y / 3 * pi)) * 2 / 3
    d_lat += (160 * sin(y / 12 * pi) + 320 * sin(y * pi / 30)) * 2 / 3
    d_lon = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + ripple
    d_lon += (20 * sin(x * pi) + 40 * sin(x / 3 * pi)) * 2 / 3
    d_lon += (150 * sin(x / 12 * pi) + 300 * sin(x / 30 * pi)) * 2 / 3
    magic = 1 - _GCJ_EE * sin(radians(lat)) ** 2
    d_lat = d_lat * 180 / (_GCJ_A * (1 - _GCJ_EE) / (magic * sqrt(magic)) * pi)
    d_lon = d_lon * 180 / (_GCJ_A / sqrt(magic) * cos(radians(lat)) * pi)
    return lon + d_lon, lat + d_lat


def gcj02_to_wgs84(lon: float, lat: float) -> tuple[float, float]:
    """Return (lon, lat) in WGS 84 from GCJ-02, exact to about a millimetre by fixed-point iteration."""
    w_lon, w_lat = lon, lat
    for _ in range(4):
        g_lon, g_lat = wgs84_to_gcj02(w_lon, w_lat)
        w_lon, w_lat = w_lon - (g_lon - lon), w_lat - (g_lat - lat)
    return w_lon, w_lat

"""Write the county of each station of the shipped timetable from its published postal address.

    python data/cn-stations-2019/derive_station_areas.py

An address that names no county of its province, or two, or one that is far from the station (another place of the
same name), gives nothing: such a station keeps the county whose centre is nearest, and its row says so. Former
counties lead to their successors.
"""

import csv
import gzip
import json
from pathlib import Path

from hubtwin.base.geo import distance_m
from hubtwin.connectors.risk_areas.gazetteer import ADMIN_FILES, parse_gazetteer

DATA = Path(__file__).resolve().parent.parent
FAR_M = 100_000  # no county of the timetable's lines is wider
TARGET = DATA / "cn-rail-timetable-2016" / "station_areas.csv"


def main() -> None:
    """Match the stations by telecode, else by a name that occurs once, and write what the addresses say."""
    gazetteer = parse_gazetteer({name: (DATA / "cn-admin" / name).read_bytes() for name in ADMIN_FILES.values()})
    listed = json.loads(gzip.decompress((DATA / "cn-stations-2019" / "station_list.json.gz").read_bytes()))
    by_code = {entry["abbreviation"]: entry for entry in listed if entry.get("abbreviation")}
    names = [entry["name"] for entry in listed]
    by_name = {entry["name"]: entry for entry in listed if names.count(entry["name"]) == 1}
    with (DATA / "cn-rail-timetable-2016" / "stations.csv").open(encoding="utf-8", newline="") as stream:
        stations = list(csv.DictReader(stream))
    with (DATA / "cn-admin" / "adcodes_lonlat_2020.csv").open(encoding="utf-8", newline="") as stream:
        centres = {row["adcode"][:6]: row for row in csv.DictReader(stream)}
    rows = []
    for station in stations:
        entry = by_code.get(station["telecode"]) or by_name.get(station["name"])
        code = find_county(gazetteer, entry) if entry else None
        if code and is_near(station, centres.get(code)):
            rows.append((station["telecode"], code))
    with TARGET.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("station_id", "area_code"))
        writer.writerows(sorted(rows))
    print(f"{len(rows)} of {len(stations)} stations")  # noqa: T201


def is_near(station, centre):  # type: ignore[no-untyped-def]
    """Return whether a county's centre lies within FAR_M of a station; True where its centre is not known."""
    if centre is None or not centre["longitude"]:
        return True
    place = (float(station["lon"]), float(station["lat"]), float(centre["longitude"]), float(centre["latitude"]))
    return distance_m(*place) < FAR_M


def find_county(gazetteer, entry):  # type: ignore[no-untyped-def]
    """Return the code of the one county that the address names, the longest name first; None for none or several."""
    address, province = entry.get("address") or "", entry["province"]
    named: dict[str, str] = {}
    for (of, city, county), code in gazetteer.counties.items():
        stem = city.removesuffix("市")
        in_city = city in ("市辖区", "县", of) or stem in address or stem in (entry["city"] or "")
        if of.startswith(province) and in_city and county in address:
            named[county] = code
    longest = [name for name in named if not any(name in other and name != other for other in named)]
    return gazetteer.successors.get(named[longest[0]], named[longest[0]]) if len(longest) == 1 else None


if __name__ == "__main__":
    main()

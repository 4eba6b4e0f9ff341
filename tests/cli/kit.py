"""Runs the command as a user would, and makes the smallest hub there is: three stations, one train, one risk area."""

import contextlib
import fcntl
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hubtwin.cli.app import run

ROOT = Path(__file__).parents[2]
SECOND = ROOT / "examples" / "second-hub"
DAY = "2017-07-24"
AT = ("--date", DAY, "--at", "08:00")

HUB = """
[hub]
id = "tiny"
name = { zh = "小站", en = "Tiny" }
timezone = "Asia/Shanghai"
stations = ["HUB"]
[feeds]
gtfs = ["feed"]
station_areas = ["areas.csv"]
risk_areas = ["risk.csv"]
"""
FEED = {
    "agency.txt": "agency_name,agency_url,agency_timezone\nA,http://a.example,Asia/Shanghai\n",
    "routes.txt": "route_id,route_short_name,route_type\nR,R,2\n",
    "calendar_dates.txt": "service_id,date,exception_type\nS,20220301,1\nS,20220302,1\n",
    "trips.txt": "route_id,service_id,trip_id,trip_short_name\nR,S,T1,{train}\n",
    "stops.txt": "stop_id,stop_name,stop_lat,stop_lon\nA1,{station},30.1,120.1\nB1,B,30.2,120.2\nHUB,Hub,30.3,120.3\n",
    "stop_times.txt": (
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
        "T1,08:00:00,08:00:00,A1,1\nT1,08:30:00,08:32:00,B1,2\nT1,09:30:00,09:30:00,HUB,3\n"
    ),
}
AREAS = "station_id,area_code\nA1,330102\nB1,330103\nHUB,330104\n"
RISK = (
    "level,province,city,county,community,first_seen,gone_by,closed,area_code,provenance\n"
    "high,p,c,{county},somewhere,2022-02-28T12:00,,0,330102,synthetic\n"
)
COUNTS = "trip_id,train_code,service_date,boarding_station,booked,boarded,as_of,provenance\n"


@dataclass(frozen=True)
class Ran:
    """What a run of the command left: its exit code and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Hub:
    """A hub and the home that its data are in."""

    hub: Path
    home: Path
    lang: str = "en"

    def __call__(self, *arguments: object, lang: str | None = None) -> Ran:
        """Run the command for this hub."""
        given = ("--hub", self.hub, "--home", self.home, "--lang", lang or self.lang, *arguments)
        return hubtwin(*given)

    def done(self, *arguments: object, lang: str | None = None) -> str:
        """Run the command, which must succeed; return what it printed."""
        ran = self(*arguments, lang=lang)
        assert ran.code == 0, ran
        return ran.out


def hubtwin(*arguments: object) -> Ran:
    """Run the command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([str(argument) for argument in arguments])
    return Ran(code, out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class Town:
    """A hub of a district, with its home, whose accounts, grants and audit stand in one of the two databases."""

    hub: Path
    home: Path
    told: Callable[[], list[str]]

    def run(self, *arguments: object, lang: str = "en") -> Ran:
        """Run a command of the hub."""
        return hubtwin("--hub", self.hub, "--home", self.home, "--lang", lang, *arguments)

    def library(self, *arguments: object, lang: str = "en") -> Ran:
        """Run a command of the library."""
        return self.run("library", *arguments, lang=lang)

    def audit(self) -> list[str]:
        """Return the rows of the audit as text, as they lie in the database."""
        return self.told()


def build_once(base: Path, name: str, build: Callable[[Path], None]) -> Path:
    """Return a folder that the first of all workers builds, while the others wait for it."""
    folder = base / name
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "built").exists():
            folder.mkdir()
            build(folder)
            (folder / "built").touch()
    return folder


def make_tiny_hub(folder: Path, *, train: str = "T1", station: str = "A", county: str = "A county") -> Hub:
    """Write a hub with one train that comes from one risk area; nothing is imported yet."""
    (folder / "feed").mkdir(parents=True)
    (folder / "hub.toml").write_text(HUB, encoding="utf-8")
    for name, content in FEED.items():
        told = content.replace("{train}", train).replace("{station}", station)
        (folder / "feed" / name).write_text(told, encoding="utf-8")
    (folder / "areas.csv").write_text(AREAS, encoding="utf-8")
    (folder / "risk.csv").write_text(RISK.replace("{county}", county), encoding="utf-8")
    return Hub(folder / "hub.toml", folder / "home")


def write_counts(path: Path, *lines: str) -> Path:
    """Write a counts file of the tiny hub: each line is station, booked, boarded."""
    rows = "".join(f"T1,T1,2022-03-01,{line},2022-03-01T07:00,synthetic\n" for line in lines)
    path.write_text(COUNTS + rows, encoding="utf-8")
    return path

"""All tables of an archive at once: each into its dataset with its own quarantine, the others offered or left."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.cli.kit import Ran, hubtwin
from tests.cli.test_library_load import BAD, GOOD, HEADER

AREAS = "community_code,name,street_code,comment\nc1,东站社区,330102001,x\nc2,火车社区,330102001,y\n"
STOPS = "stop_id,stop_name,stop_lat,stop_lon\nA1,East,30.1,120.1\nB1,West,30.2,120.2\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    return _zip(tmp_path / "feed.zip")


def _zip(path: Path, **more: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("registers/residents.csv", (HEADER + GOOD + BAD + GOOD).encode("gb18030"))
        archive.writestr("registers/家庭户.json", '[{"household_no": "h1", "persons": 3}]')
        archive.writestr("registers/areas.txt", AREAS)
        archive.writestr("registers/stops.txt", STOPS)
        archive.writestr("registers/picture.bin", bytes(range(256)))
        for name, content in more.items():
            archive.writestr(f"{name}.csv", content)
    return path


def _run(home: Path, *arguments: object, lang: str = "en") -> Ran:
    return hubtwin("--hub", "hangzhou-east", "--home", home, "--lang", lang, "library", *arguments)


def _told(ran: Ran) -> dict[str, dict[str, Any]]:
    return {Path(each["table"]).stem: each for each in json.loads(ran.out)}


def _rows(home: Path, dataset: str) -> list[dict[str, Any]]:
    folder = home / "hangzhou-east" / "library" / "rows" / dataset
    return [row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def test_a_look_says_what_would_become_of_each_table_and_stores_nothing(home: Path, feed: Path) -> None:
    ran = _run(home, "load-zip", feed, "--look", "--format", "json")
    assert ran.code == 0, ran
    told = _told(ran)
    residents = told["residents"]
    assert (residents["dataset"], residents["mapped"], residents["columns"]) == ("residents", 6, 7)
    assert (residents["rows"], residents["bad"]) == (3, 1)
    assert told["家庭户"]["dataset"] == "households"
    assert told["areas"]["offers"][0] == "communities"
    assert told["stops"]["offers"] == told["picture"]["offers"] == []
    assert "Nothing was loaded yet." in _run(home, "loads").out
    table = _run(home, "load-zip", feed, "--look", lang="zh").out
    assert "--as areas=communities" in table.replace("\n", " ")


def test_each_table_is_loaded_into_its_dataset_once_with_its_own_quarantine(home: Path, feed: Path) -> None:
    mapping = ("--map", "areas.comment=", "--as", "areas=communities")
    ran = _run(home, "load-zip", feed, *mapping, "--synthetic", "--part", "p1")
    assert ran.code == 0, ran
    assert "3 tables loaded, 2 skipped, 0 refused: 5 rows, 1 in quarantine." in " ".join(ran.out.split())
    for said in ("registers/residents.csv goes into residents", "registers/stops.txt: no dataset has its name"):
        assert said in ran.err, ran.err
    assert [row["name"] for row in _rows(home, "communities")] == ["东站社区", "火车社区"]
    assert {row["provenance"] for name in ("residents", "households") for row in _rows(home, name)} == {"synthetic"}
    (bad,) = json.loads(_run(home, "quarantine", "list", "--format", "json").out)
    assert bad["dataset"] == "residents"
    again = _run(home, "load-zip", feed, *mapping, "--synthetic", "--part", "p1")
    assert again.code == 0
    assert again.err.count("was loaded before") == 3
    assert len(_rows(home, "residents")) == 2
    alone = _run(home, "load", feed, "--dataset", "residents", "--table", "residents", "--synthetic", "--part", "p1")
    assert "was loaded before" in alone.err, "the same table by itself is the same load"


def test_what_is_refused_holds_up_no_other_table(home: Path, feed: Path) -> None:
    mapping = ("--as", "stops=communities", "--as", "areas=", "--as", "picture=penalties")
    ran = _run(home, "load-zip", feed, *mapping, "--format", "json")
    assert ran.code == 1, ran
    told = _told(ran)
    assert "stops" in told["stops"]["problem"] or "communities" in told["stops"]["problem"]
    assert (told["residents"]["rows"], told["residents"]["quarantined"]) == (2, 1)
    assert told["家庭户"]["rows"] == 1
    assert "registers/areas.txt: left out as asked." in ran.err
    mapped = ("--as", "stops=communities", "--map", "stops.stop_id=community_code", "--map", "stops.stop_name=name")
    assert _run(home, "load-zip", feed, *mapped).code == 0
    assert [(row["community_code"], row["name"]) for row in _rows(home, "communities")] == [
        ("A1", "East"),
        ("B1", "West"),
    ]


def test_what_is_asked_for_wrongly_is_said(home: Path, feed: Path, tmp_path: Path) -> None:
    (tmp_path / "plain.csv").write_text(AREAS, encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as archive:
        archive.writestr("stops.txt", STOPS)
    with zipfile.ZipFile(tmp_path / "alike.zip", "w") as archive:
        archive.writestr("a/stops.txt", STOPS)
        archive.writestr("b/stops.txt", STOPS)
    for arguments, said in (
        ((feed, "--as", "trips=communities"), "has no table trips"),
        ((feed, "--as", "areas=nothing"), "nothing"),
        ((feed, "--as", "areas=residents"), "would both go into residents"),
        ((tmp_path / "plain.csv",), "plain.csv"),
        ((tmp_path / "absent.zip",), "absent.zip"),
        ((tmp_path / "none.zip",), "no dataset has its name"),
        ((tmp_path / "alike.zip",), "tables of the same name"),
    ):
        ran = _run(home, "load-zip", *arguments)
        assert (ran.code, said in ran.err) == (1, True), ran
    assert _run(home, "load-zip", feed, "--as", "areas").code == 2
    assert _run(home, "load-zip", feed, "--map", "stop_id=x").code == 2
    assert "Nothing was loaded yet." in _run(home, "loads").out

"""Synthetic registers of a district: they fit together, are the same each time, and have the faults asked for."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, Malformed
from hubtwin.datasets.listing import Catalogue, Check
from hubtwin.library.districts import Recipe, read_district, read_recipe
from hubtwin.library.hub_listings import hub_catalogue
from hubtwin.model.colour import Colour
from hubtwin.rules.identifiers import VALIDATORS
from hubtwin.settings import find_data_dir, load_settings
from hubtwin.sim.district.columns import Maker
from hubtwin.sim.district.faults import PLANTED, Planter
from hubtwin.sim.district.identifiers import MAKERS, MOST
from hubtwin.sim.district.registers import Registers, broken
from hubtwin.stores.quality import Quality, Source
from hubtwin.stores.shelves import Shelves
from hubtwin.wiring.library_simulated import simulate_district

NOW = datetime(2026, 11, 1, tzinfo=UTC)
NOW_MIN = epoch_minute(NOW)
SECOND = Path(__file__).parents[1] / "library" / "second_district"
SHIPPED = find_data_dir() / "districts" / "shangcheng"
CATALOGUE = read_district(SHIPPED, hub_catalogue())
MAKER = Maker(CATALOGUE, read_recipe(SHIPPED), NOW_MIN)
SOME = ("low_income_persons", "building_tenants", "building_figures", "grid_events", "street_330102001_residents")


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return {listing.name: table for listing, table in Registers(MAKER, 1, 300).make(SOME)}


def test_numbers_are_valid_and_never_twice() -> None:
    numbers = np.arange(0, MOST, MOST // 5000, dtype=np.int64)
    for name, make in MAKERS.items():
        made = make(numbers, 33).to_pylist()
        assert all(VALIDATORS[name](each) for each in made), name
    for name in ("citizen_id", "social_credit_code"):
        assert len(set(MAKERS[name](numbers, 33).to_pylist())) == len(numbers)
        assert all("9999" in each[:9] or each.startswith("3399") for each in MAKERS[name](numbers, 33).to_pylist())


def test_what_is_referred_to_is_made_first_and_is_there(tables: dict[str, pa.Table]) -> None:
    assert {"residents", "households", "addresses", "communities", "legal_entities", "buildings"} < tables.keys()
    for name, table in tables.items():
        listing = CATALOGUE.get(name)
        assert table.num_rows == 300
        keys = list(zip(*(table.column(each).to_pylist() for each in listing.dataset.key), strict=True))
        assert len(set(keys)) == 300, name
        for column in listing.dataset.columns:
            trait = listing.trait(column.name)
            values = table.column(column.name).drop_null().to_pylist()
            if trait.required:
                assert len(values) == 300, (name, column.name)
            if trait.refers_to:
                target, _, there = trait.refers_to.partition(".")
                assert set(values) <= set(tables[target].column(there).to_pylist())
            if column.values:
                assert set(values) <= set(column.values)
        assert not broken(table, {each.name: each.holds for each in listing.checks}).any()
    assert tables["street_330102001_residents"].column("street_code").unique().to_pylist() == ["330102001"]


def test_what_is_copied_is_the_same_as_its_source(tables: dict[str, pa.Table]) -> None:
    people = dict(
        zip(*(tables["residents"].column(each).to_pylist() for each in ("citizen_id", "person_name")), strict=True)
    )
    copied = tables["low_income_persons"]
    for citizen, name in zip(*(copied.column(each).to_pylist() for each in ("citizen_id", "person_name")), strict=True):
        assert people[citizen] == name
    born = dict(
        zip(*(tables["residents"].column(each).to_pylist() for each in ("citizen_id", "birth_date")), strict=True)
    )
    assert all(citizen[6:14] == day.strftime("%Y%m%d") for citizen, day in born.items())


def test_the_governance_finds_what_was_planted_and_nothing_else(tmp_path: Path) -> None:
    planter = Planter(MAKER, dict.fromkeys(PLANTED, 7), 5)
    shelves, quality = Shelves(tmp_path / "lib", at_min=NOW_MIN), Quality(tmp_path / "lib", at_min=NOW_MIN)
    truths, loaded = {}, {}
    for listing, table in Registers(MAKER, 5, 250).make(SOME):
        loaded[listing.name], truths[listing.name] = planter.plant(listing, table)
        shelves.append(listing, "all", [_marked(loaded[listing.name])], key=listing.name, at_min=NOW_MIN)
    source = Source(shelves.files, lambda _: [], lambda _: 0)
    for name, truth in truths.items():
        quality.govern(CATALOGUE.get(name), CATALOGUE, source, now_min=NOW_MIN, by="steward")
        found = duckdb.connect(config={"threads": 1}).execute(quality.colours_sql(name)).fetchall()
        colours = [Colour(colour) for _, colour, _ in sorted(found)]
        counted = {colour: count for colour, count in Counter(colours).items() if colour in PLANTED}
        assert counted == truth.planted, name
        for colour, places in truth.places.items():
            if colour is not Colour.YELLOW:  # which of two alike survives is for the governance to say
                assert {place for place, each in enumerate(colours) if each is colour} == set(places), (name, colour)
    assert {colour for truth in truths.values() for colour in truth.planted} == set(PLANTED)
    quality.close()
    shelves.close()


def _marked(table: pa.Table) -> pa.Table:
    marks = {"hub_id": "h", "source": "test", "status": "Actual", "provenance": "synthetic", "replayed": False}
    for name, value in marks.items():
        table = table.append_column(name, pa.array([value] * table.num_rows))
    return table


def test_a_folder_says_what_it_is_and_what_is_wrong_in_it(tmp_path: Path) -> None:
    settings = replace(load_settings("palo-alto", home=tmp_path, environ={}), district=str(SECOND))
    told = {"rows": 40, "seed": 3, "now": NOW, "faults": {"red": 2, "yellow": 3, "grey": 1}}
    manifest = simulate_district(settings, tmp_path / "out", form="csv", **told)  # type: ignore[arg-type]
    assert manifest["provenance"] == "synthetic"
    assert manifest["planted"]["cars"] == {"red": 2, "yellow": 3, "grey": 1}
    rows = pacsv.read_csv(tmp_path / "out" / "rows" / "cars.csv")
    assert rows.column_names == ["plate", "street", "seats", "seen"]
    assert rows.num_rows == 43
    truth = json.loads((tmp_path / "out" / "truth.json").read_text(encoding="utf-8"))
    seats = rows.column("seats").to_pylist()
    assert sum(not 1 <= each <= 60 for each in seats if each is not None) == len(truth["cars"]["places"]["red"]) == 2
    with pytest.raises(Malformed, match="out"):
        simulate_district(settings, tmp_path / "out", form="csv", **told)  # type: ignore[arg-type]
    simulate_district(settings, tmp_path / "p", form="parquet", datasets=["cars"], **told)  # type: ignore[arg-type]
    assert pq.read_schema(tmp_path / "p" / "rows" / "cars.parquet").metadata[b"provenance"] == b"synthetic"
    with pytest.raises(Absent):
        simulate_district(settings, tmp_path / "q", form="csv", datasets=["ships"], **told)  # type: ignore[arg-type]
    with pytest.raises(Absent):
        simulate_district(replace(settings, district=""), tmp_path / "r", form="csv", **told)  # type: ignore[arg-type]


PROGRAM = """
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from hubtwin.settings import load_settings
from hubtwin.wiring.library_simulated import simulate_district
settings = replace(load_settings("palo-alto", home=Path(sys.argv[1]), environ={}), district=sys.argv[2])
faults = {"red": 2, "orange": 2, "yellow": 2, "brown": 2, "grey": 2}
for form in ("csv", "parquet"):
    folder, now = Path(sys.argv[1]) / form, datetime(2026, 11, 1, tzinfo=UTC)
    simulate_district(settings, folder, rows=50, seed=9, now=now, form=form, faults=faults)
"""


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for seed in ("1", "2"):
        name = f"run{seed}"
        (tmp_path / name).mkdir()
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / name), str(SECOND)]
        subprocess.run(
            command, check=True, env={"PYTHONHASHSEED": name.encode().hex()[:4].replace("a", "1")[:4], **ENV}
        )
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        written.append({str(path.relative_to(tmp_path / name)): path.read_bytes() for path in files})
    assert written[0] == written[1]
    assert len(written[0]) == 2 * (4 + 2)


ENV = {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}


def test_a_rule_that_no_row_can_meet_is_told() -> None:
    second = read_district(SECOND, hub_catalogue())
    never = Check("never", {"zh": "不可能", "en": "never"}, Colour.RED, "seats > 100")
    listings = tuple(replace(each, checks=(never,)) if each.name == "cars" else each for each in second.listings)
    impossible: Catalogue = replace(second, listings=listings)
    with pytest.raises(Malformed, match="cars"):
        list(Registers(Maker(impossible, Recipe(), NOW_MIN), 1, 20).make(["cars"]))

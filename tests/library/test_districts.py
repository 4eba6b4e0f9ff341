"""A district is read from its folder; every mistake in it is refused, naming the file and the entry."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from hubtwin.base.errors import Absent, Malformed
from hubtwin.datasets.all import DATASETS
from hubtwin.datasets.listing import Catalogue, LibraryKind, Sharing
from hubtwin.datasets.table import Grade
from hubtwin.library.district_checks import judge_condition
from hubtwin.library.districts import find_folder, read_district
from hubtwin.library.hub_listings import hub_catalogue
from hubtwin.model.agency import AgencyKind
from hubtwin.model.colour import Colour
from hubtwin.rules import retention
from hubtwin.rules.retention import read_retention
from hubtwin.settings import find_data_dir

SECOND = Path(__file__).parent / "second_district"
SHIPPED = find_data_dir() / "districts"
TOLD = (SECOND / "all.toml").read_text(encoding="utf-8")

MISTAKES: dict[str, tuple[str, str, str]] = {  # what is written, what instead, and the entry that the error names
    "unknown owner": (
        'owner = "registry"\nsharing = "restricted"',
        'owner = "nobody"\nsharing = "restricted"',
        "datasets.cars.owner",
    ),
    "unknown steward": ('steward = "registry"', 'steward = "x"', "street_datasets.street_330203001_spaces.steward"),
    "unknown library": (
        'name = "cars"\nlibrary = "vehicles"',
        'name = "cars"\nlibrary = "ships"',
        "datasets.cars.library",
    ),
    "library of the hub": (
        'name = "cars"\nlibrary = "vehicles"',
        'name = "cars"\nlibrary = "hub"',
        "datasets.cars.library",
    ),
    "dataset of the hub": ('name = "car_owners"', 'name = "bookings"', "datasets.bookings.name"),
    "unknown element": (
        'name = "plate"\nelement = "plate"',
        'name = "plate"\nelement = "plat"',
        "datasets.cars.columns.plate.element",
    ),
    "unknown reference": (
        'refers_to = "cars.plate"',
        'refers_to = "cars.plates"',
        "datasets.car_owners.columns.plate.refers_to",
    ),
    "reference of another type": ('refers_to = "cars.plate"', 'refers_to = "cars.seats"', "columns.plate.refers_to"),
    "source without the key": (
        'refers_to = "cars.plate"',
        'same_as = "street_330203001_spaces.place"',
        "columns.plate.same_as",
    ),
    "unknown parent": ('parents = ["cars"]', 'parents = ["carts"]', "spaces.parents"),
    "unknown purpose": ('purposes = ["parking"]', 'purposes = ["fun"]', "datasets.cars.purposes"),
    "key is no column": ('key = ["plate"]', 'key = ["plat"]', "datasets.cars.key"),
    "no key": ('key = ["plate"]', "key = []", "datasets.cars.key"),
    "column twice": ('name = "seats"', 'name = "street"', "datasets.cars.columns.street.name"),
    "dataset twice": ('name = "car_owners"', 'name = "cars"', "datasets.cars.name"),
    "street twice": ('code = "330203002"', 'code = "330203001"', "streets.330203001.code"),
    "street elsewhere": ('code = "330203002"', 'code = "330102001"', "streets.330102001.code"),
    "street of six digits": ('code = "330203002"', 'code = "330203"', "streets.330203.code"),
    "grade without reason": (
        'grade = 1\nreason = { zh = "公开", en = "public" }\nrequired',
        "grade = 1\nrequired",
        "columns.seats",
    ),
    "reason in one language": (
        'reason = { zh = "公开", en = "public" }\nrequired',
        'reason = { zh = "公开" }\nrequired',
        "seats.reason",
    ),
    "no grade": ('grade = 1\nreason = { zh = "公开", en = "public" }\nrequired', "required", "columns.seats"),
    "grade five": (
        'grade = 1\nreason = { zh = "公开", en = "public" }\nrequired',
        "grade = 5\nrequired",
        "columns.seats.grade",
    ),
    "above the ceiling": ("ceiling = 3", "ceiling = 2", "datasets.cars"),
    "below its parent": ("lowered =", "# lowered =", "street_datasets.street_330203001_spaces"),
    "lowered without a day": ("on = 2026-01-01, ", "", "spaces.lowered.on"),
    "lineage in a circle": (
        'street_column = "street"',
        'street_column = "street"\nparents = ["street_330203002_spaces"]',
        "parents",
    ),
    "warehouse without a street": ('kind = "base"', 'kind = "street"', "libraries.vehicles.street"),
    "warehouse of no street": ('kind = "base"', 'kind = "street"\nstreet = "330203009"', "libraries.vehicles.street"),
    "confirmed by no column": (
        'confirmed_column = "seen"',
        'confirmed_column = "saw"',
        "datasets.cars.confirmed_column",
    ),
    "confirmed by a text": (
        'confirmed_column = "seen"',
        'confirmed_column = "street"',
        "datasets.cars.confirmed_column",
    ),
    "street column": ('street_column = "street"', 'street_column = "seats"', "datasets.cars.street_column"),
    "condition on what is not there": ("seats < 60 OR", "doors < 60 OR", "datasets.cars.checks.seats_of_a_bus.holds"),
    "condition with a query": ("seats < 60 OR", "seats < (select 1) OR", "checks.seats_of_a_bus.holds"),
    "condition with a function of no rule": (
        "seats < 60 OR",
        "sqrt(seats) < 60 OR",
        "datasets.cars.checks.seats_of_a_bus.holds",
    ),
    "colour of no rule": ('colour = "red"', 'colour = "green"', "checks.seats_of_a_bus.colour"),
    "format of nobody": ('format = "plate"', 'format = "plates"', "elements.plate.format"),
    "format of a number": ('type = "minute"', 'type = "minute"\nformat = "plate"', "elements.seen.format"),
    "mask of nobody": ('mask = "keep_first_2"', 'mask = "keep_all"', "elements.plate.mask"),
    "mask of another type": ('type = "minute"', 'type = "minute"\nmask = "surname"', "elements.seen.mask"),
    "mask of a column": ("required = true", 'required = true\nmask = "surname"', "columns.seats.mask"),
    "slip of the pen": ("update_every_min", "update_evry_min", "datasets.cars.update_evry_min"),
    "unknown block": ("[legal_bases]", "[legal_basis]", "legal_basis"),
    "type": ('type = "int"\nminimum', 'type = "integer"\nminimum', "columns.seats.type"),
    "sharing": ('sharing = "not_shared"', 'sharing = "secret"', "datasets.car_owners.sharing"),
    "name with a path": ('name = "car_owners"', 'name = "../owners"', "datasets.../owners.name"),
    "blank text": ('en = "registered cars"', 'en = " "', "datasets.cars.about.en"),
    "bound": ("maximum = 60", 'maximum = "many"', "columns.seats.maximum"),
    "promise": ("update_every_min = 1440", "update_every_min = 0", "datasets.cars.update_every_min"),
    "table": ("[street_library]", "[[street_library]]", "street_library"),
    "tables": ("[[streets]]", "[streets]", ""),
}


def _read(told: str, folder: Path) -> Catalogue:
    (folder / "all.toml").write_text(told, encoding="utf-8")
    return read_district(folder, hub_catalogue())


def test_the_shipped_district_has_two_base_seven_thematic_and_fourteen_street_libraries() -> None:
    found = read_district(SHIPPED / "shangcheng", hub_catalogue())
    kinds = Counter(each.kind for each in found.libraries)
    assert kinds == {LibraryKind.BASE: 2, LibraryKind.THEMATIC: 7, LibraryKind.STREET: 14, LibraryKind.HUB: 1}
    streets = {each.street for each in found.libraries if each.street}
    assert streets == set(found.agency_streets.values())
    assert len(streets) == 14
    for listing in found.listings:
        assert all(listing.trait(column.name).reason for column in listing.dataset.columns), listing.name
        assert all(listing.trait(column.name).source for column in listing.dataset.columns), listing.name
        if listing.library != "hub":
            assert listing.contract, listing.name
            assert listing.update_every_min, listing.name
            assert listing.keywords, listing.name
    held = Counter(each.library for each in found.listings)
    assert set(held) == set(found.library_by_name), "every library holds something"
    assert found.get("residents").dataset.grade is Grade.L4
    assert found.get("street_330102014_residents").trait("person_no").reason


def test_a_second_district_shares_nothing_with_the_first() -> None:
    found = read_district(SECOND, hub_catalogue())
    assert found.title == {"zh": "海曙区", "en": "Haishu District"}
    assert [each.name for each in found.libraries] == ["vehicles", "street_330203001", "street_330203002", "hub"]
    cars = found.get("cars")
    assert cars.sharing is Sharing.RESTRICTED
    assert cars.trait("plate").mask == "keep_first_2"
    assert cars.trait("plate").graded_by == "rule"
    assert cars.trait("plate").graded_on == date(2026, 1, 1)
    assert cars.trait("seats").graded_by == "person"
    assert cars.trait("plate").required, "a key is always there"
    assert cars.checks[0].colour is Colour.RED
    assert not cars.dataset.by_name["plate"].nullable
    spaces = found.get("street_330203002_spaces")
    assert (spaces.owner, spaces.library, spaces.dataset.en) == (
        "jiangxia",
        "street_330203002",
        "parking spaces of Jiangxia",
    )
    assert spaces.lowered is not None
    assert found.street_of("jiangxia") == "330203002"
    assert found.street_of("registry") == ""
    kinds = {each.agency_id: each.kind for each in found.agencies}
    assert kinds["street-330203001"] is AgencyKind.STREET
    assert "parking" in found.purposes
    assert "hub_operation" in found.purposes
    assert not any("上城" in str(each) for each in found.listings)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_with_its_file_and_entry(mistake: str, tmp_path: Path) -> None:
    written, instead, entry = MISTAKES[mistake]
    assert written in TOLD
    with pytest.raises(Malformed) as caught:
        _read(TOLD.replace(written, instead), tmp_path)
    for lang in ("zh", "en"):
        assert "all.toml" in caught.value.message(lang)
        assert entry in caught.value.message(lang), caught.value.message(lang)


def test_an_office_that_is_declared_already_is_not_a_second_agency(tmp_path: Path) -> None:
    found = _read(TOLD.replace('agency = "jiangxia"', 'agency = "registry"'), tmp_path)
    assert found.street_of("registry") == "330203002"
    assert [each.en for each in found.agencies if each.agency_id == "registry"] == ["Registry"]


@pytest.mark.parametrize("content", [b"[district\n", b"\xff\xfe[district]", b"x = " + b"[" * 100_000])
def test_what_is_no_toml_is_told_with_its_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_bytes(content)
    with pytest.raises(Malformed, match=r"bad\.toml"):
        read_district(tmp_path, hub_catalogue())


def test_a_huge_file_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Absent, match="no TOML file"):
        read_district(tmp_path, hub_catalogue())
    (tmp_path / "big.toml").write_bytes(b"#" * (5 << 20))
    with pytest.raises(Malformed, match=r"big\.toml is larger"):
        read_district(tmp_path, hub_catalogue())


def test_a_folder_is_found_by_name_beside_the_hub_or_by_path(tmp_path: Path) -> None:
    assert find_folder("shangcheng", tmp_path, SHIPPED) == SHIPPED / "shangcheng"
    assert find_folder(str(SECOND), tmp_path, SHIPPED) == SECOND
    (tmp_path / "shangcheng").mkdir()
    assert find_folder("shangcheng", tmp_path, SHIPPED) == tmp_path / "shangcheng"
    with pytest.raises(Absent, match="shangcheng"):
        find_folder("nowhere", tmp_path, SHIPPED)


def test_the_hubs_own_datasets_are_listed_without_a_district() -> None:
    found = hub_catalogue()
    assert {each.name for each in found.listings} == set(DATASETS)
    assert all(each.dataset is DATASETS[each.name] for each in found.listings)
    assert {str(each.sharing) for each in found.listings} == {"restricted", "not_shared"}
    known = {each.agency_id for each in found.agencies}
    for listing in found.listings:
        assert {listing.owner, listing.steward} <= known
        assert set(listing.purposes) <= set(found.purposes)
        assert set(listing.parents) <= set(found.by_name)
        assert listing.confirmed_column in {"", *listing.dataset.by_name}
        assert listing.sharing is Sharing.NOT_SHARED or listing.dataset.grade < Grade.L4


def test_the_hubs_datasets_are_kept_as_long_as_the_rules_of_retention_say() -> None:
    table = Path(retention.__file__).with_name("retention.toml").read_text(encoding="utf-8")
    rules = {each.dataset: each.days for each in read_retention(table).rows}
    for listing in hub_catalogue().listings:
        assert listing.retain_days == (rules.get(listing.name) or None), listing.name


@pytest.mark.parametrize(
    ("condition", "sound"),
    [
        ("a IS NULL OR a <= b", True),
        ("substr(a, 7, 4) = b", True),
        ("a IN ('x', 'y')", True),
        ("c = 1", False),
        ("t.a = 1", False),
        ("a = 1; DROP TABLE x", False),
        ("a = 1 -- b", False),
        ("a = 1 /* b */", False),
        ("count(a) > 1", False),
        ("a = $1", False),
        ("getenv('HOME') = a", False),
        ("EXISTS (FROM x)", False),
        ("row_number() OVER () = 1", False),
        ("", False),
        ("a = '" + "x" * 1000 + "'", False),
    ],
)
def test_a_condition_names_only_columns_and_known_functions(condition: str, sound: bool) -> None:
    assert (judge_condition(condition, {"a": 1, "b": 1}) == "") is sound

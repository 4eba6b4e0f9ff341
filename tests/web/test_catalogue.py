"""The catalogue over the wire, and that of a hub at work: who may see a dataset, who used it, contracts."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pyarrow as pa
import pytest
import yaml

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.library.odcs import contract_of
from hubtwin.library.search import EVERYTHING, narrow
from hubtwin.model.agency import AgencyKind, Person, Role
from hubtwin.model.sharing import Delivery, Lane, Rows, Share
from hubtwin.settings import load_settings
from hubtwin.stores.quality import Source
from hubtwin.web.desk_catalogue import CatalogueDesk
from hubtwin.web.real_catalogue import Beside, RealCatalogue, open_real_catalogue
from hubtwin.web.schemas.catalogue import ContractReply
from hubtwin.wiring.works import Works, open_works
from tests.web.fake_desk import FakeDesk
from tests.web.served import serving

SECOND = Path(__file__).parents[1] / "library" / "second_district"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
NOW_MIN = epoch_minute(NOW)
LIBRARY = "/api/v1/library"


def _person(role: Role, agency: str, kind: AgencyKind) -> Person:
    return Person(role.value, role.value, agency, kind, frozenset({role}), frozenset())


STEWARD = _person(Role.DATA_STEWARD, "registry", AgencyKind.DEPARTMENT)
OTHER = _person(Role.DATA_STEWARD, "jiangxia", AgencyKind.STREET)
ANALYST = _person(Role.ANALYST, "jiangxia", AgencyKind.STREET)


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    home = tmp_path_factory.mktemp("home")
    settings = replace(load_settings("palo-alto", home=home, environ={}), district=str(SECOND))
    with open_works(settings, clock=lambda: NOW, real_clock=lambda: NOW, clocks_min={}, mode="replay") as opened:
        yield opened


@pytest.fixture
def real(works: Works) -> RealCatalogue:
    assert works.library is not None
    digest = works.library.catalogue().get("cars").digest
    shares = [_share("a", digest), _share("b", "another shape"), replace(_share("c", digest), until_min=NOW_MIN)]
    return RealCatalogue(works.library, works.access.audit, Beside(lambda _: shares, lambda _: "jiangxia"))


def _share(share_id: str, digest: str) -> Share:
    return Share(
        share_id,
        "basket",
        "agency:jiangxia",
        "cars",
        frozenset({"plate", "seats"}),
        (("plate", "keep_first_2"),),
        Rows(everything=True),
        "parking",
        "local_rule",
        frozenset({Delivery.QUERY}),
        Lane.AUTOMATIC,
        digest,
        NOW_MIN - 10,
        NOW_MIN + 10,
        "owner",
        probed_min=NOW_MIN - 5,
    )


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with serving(FakeDesk()) as served, served.client(Role.DATA_STEWARD.value) as opened:
        opened.headers["x-base"] = served.url
        yield opened


def test_the_part_is_a_part_of_a_desk(works: Works) -> None:
    part: CatalogueDesk = open_real_catalogue(works)
    assert part.library(ANALYST).title.en == "Haishu District"
    assert part.dataset(ANALYST, "cars").seen_by == []


def test_the_colours_of_the_rows_are_told_once_somebody_has_judged_them(works: Works) -> None:
    opened = works.library
    assert opened is not None
    part = open_real_catalogue(works)
    assert part.dataset(ANALYST, "cars").line.colours is None
    listing = opened.catalogue().get("cars")
    cars = pa.table({"plate": ["浙YAAAAA", "wrong"], "street": ["a", "a"], "seats": [4, 4], "seen": [NOW_MIN, NOW_MIN]})
    marks = {"hub_id": "h", "source": "t", "status": "Actual", "provenance": "synthetic", "replayed": False}
    for name, value in marks.items():
        cars = cars.append_column(name, pa.array([value] * 2))
    seen = pa.array([NOW_MIN, NOW_MIN], pa.int32())
    opened.shelves.append(listing, "all", [cars.set_column(3, "seen", seen)], key="k", at_min=NOW_MIN)
    source = Source(opened.shelves.files, lambda _: [], lambda _: 0)
    opened.quality.govern(listing, opened.catalogue(), source, now_min=NOW_MIN, by="steward")
    found = part.dataset(ANALYST, "cars")
    assert found.line.colours == {"red": 1, "blue": 1}
    assert (found.line.rows, found.line.synthetic_rows, found.line.fresh) == (2, 2, "kept")


def test_who_may_see_a_dataset_are_those_with_a_live_share_of_its_present_shape(real: RealCatalogue) -> None:
    found = real.dataset(ANALYST, "cars")
    assert [(each.grantee, each.grantee_name.en, each.columns, each.until_min) for each in found.seen_by] == [
        ("agency:jiangxia", "Jiangxia", 2, NOW_MIN + 10)
    ]
    assert found.seen_by[0].purpose.en == "parking"


def test_who_used_a_dataset_is_counted_from_the_audit(real: RealCatalogue, works: Works) -> None:
    assert real.dataset(ANALYST, "cars").used_by == []
    for rows, dataset in ((5, "cars"), (7, "cars"), (9, "car_owners")):
        told = {"purpose": "parking", "datasets": {dataset: ["plate"]}, "rows": rows, "shares": ["a"]}
        works.access.audit.append("LibraryAsked", "analyst", told)
    (used,) = real.dataset(ANALYST, "cars").used_by
    assert (used.agency, used.asked, used.rows, used.last_min) == ("jiangxia", 2, 12, NOW_MIN)


def test_a_dataset_is_told_whole(real: RealCatalogue) -> None:
    found = real.dataset(ANALYST, "cars")
    plate = found.columns[0]
    assert (plate.key, plate.required, plate.grade, plate.leaves_as_rows) == (True, True, "L3", True)
    assert plate.element is not None
    assert plate.element.format == "plate"
    assert found.referring == {"car_owners": ("plate",)}
    assert found.children == ("street_330203001_spaces", "street_330203002_spaces")
    assert real.dataset(ANALYST, "car_owners").line.fresh == "empty"
    assert found.line.colours is None
    assert real.dataset(ANALYST, "bookings").columns[2].leaves_as_rows is False
    with pytest.raises(Absent):
        real.dataset(ANALYST, "nothing")


def test_it_is_searched_and_narrowed(real: RealCatalogue) -> None:
    assert real.datasets(ANALYST, "车主", EVERYTHING).datasets[0].name == "car_owners"
    found = real.datasets(ANALYST, "", narrow(sharing="unconditional"))
    assert {each.name for each in found.datasets} == {"street_330203001_spaces", "street_330203002_spaces"}
    assert found.listed == len(real.dcat(ANALYST, "http://x")["@graph"][0]["dcat:dataset"])


def _put(real: RealCatalogue, works: Works, who: Person, *, publish: bool, **changed: object) -> ContractReply:
    assert works.library is not None
    told = contract_of(works.library.catalogue().get("cars"))
    told.update(changed)
    return real.propose_contract(who, "cars", yaml.safe_dump(told).encode(), publish=publish)


def test_only_a_steward_of_the_owner_publishes_a_contract(real: RealCatalogue, works: Works) -> None:
    for who in (OTHER, ANALYST):
        with pytest.raises(Denied):
            _put(real, works, who, publish=True, version="1.0.0")
    assert real.dataset(STEWARD, "cars").may_publish
    assert not real.dataset(OTHER, "cars").may_publish
    preview = _put(real, works, STEWARD, publish=False, version="1.0.0", tags=["auto"])
    assert [each.where for each in preview.changes] == ["contract", "keywords"]
    assert preview.published is None
    assert real.dataset(STEWARD, "cars").line.contract == ""
    made = _put(real, works, STEWARD, publish=True, version="1.0.0", tags=["auto"])
    assert made.published is not None
    found = real.dataset(STEWARD, "cars")
    assert (found.line.contract, found.keywords) == ("1.0.0", ("auto",))
    assert [each.version for each in found.versions] == ["1.0.0"]
    assert not made.suspends
    secret = contract_of(works.library.catalogue().get("cars"))["customProperties"]  # type: ignore[union-attr]
    secret = [{**each, "value": "not_shared"} if each["property"] == "hubtwin.sharing" else each for each in secret]
    closed = _put(real, works, STEWARD, publish=False, version="1.1.0", customProperties=secret)
    assert ({each.where for each in closed.changes}, closed.suspends) == ({"contract", "sharing"}, True)
    again = _put(real, works, STEWARD, publish=True)
    assert (again.changes, again.published) == ([], None)
    with pytest.raises(Malformed, match=r"not above 1\.0\.0"):
        _put(real, works, STEWARD, publish=True, tags=["other"])
    assert yaml.safe_load(real.contract(ANALYST, "cars", ""))["version"] == "1.0.0"
    assert real.contract(ANALYST, "cars", "1.0.0").startswith("apiVersion")
    with pytest.raises(Absent):
        real.contract(ANALYST, "cars", "9.0.0")
    (entry,) = works.access.audit.list_entries(kind="ContractPublished")
    assert (entry.by, entry.payload["dataset"], entry.payload["changes"]) == ("data_steward", "cars", 2)


def test_rules_of_a_contract_that_nobody_checks_are_told_before_and_after(real: RealCatalogue, works: Works) -> None:
    assert works.library is not None
    (table,) = contract_of(works.library.catalogue().get("cars"))["schema"]
    table["properties"][0]["quality"] = [{"type": "text", "description": "as on the plate"}]
    preview = _put(real, works, STEWARD, publish=False, version="1.1.0", schema=[table])
    (one,) = preview.unchecked
    assert (one.column, one.title.en, one.rule) == ("plate", "plate", "as on the plate")
    assert one.why.zh != one.why.en
    assert real.dataset(ANALYST, "cars").unchecked == []
    _put(real, works, STEWARD, publish=True, version="1.1.0", schema=[table])
    assert real.dataset(ANALYST, "cars").unchecked == [one]
    told = yaml.safe_load(real.contract(ANALYST, "cars", ""))
    assert told["schema"][0]["properties"][0]["quality"] == table["properties"][0]["quality"]


def test_the_wire_gives_yaml_and_json_ld_and_takes_yaml(client: httpx.Client) -> None:
    found = client.get(f"{LIBRARY}/datasets/cars/contract")
    assert found.headers["content-type"] == "application/yaml"
    assert found.headers["content-disposition"] == 'attachment; filename="cars.odcs.yaml"'
    graph = client.get(f"{LIBRARY}/dcat")
    assert graph.headers["content-type"] == "application/ld+json"
    assert graph.json()["@graph"][0]["@id"].startswith("http://127.0.0.1")
    told = yaml.safe_load(found.content)
    told["version"], told["tags"] = "1.0.0", ["auto"]
    answer = client.put(f"{LIBRARY}/datasets/cars/contract", content=yaml.safe_dump(told))
    assert answer.status_code == 200, answer.text
    assert [each["where"] for each in answer.json()["changes"]] == ["contract", "keywords"]


def test_a_bomb_and_a_huge_file_get_a_clear_answer(client: httpx.Client) -> None:
    bomb = "kind: DataContract\na: &a [x, x]\nb: &b [*a, *a]\n"
    answer = client.put(f"{LIBRARY}/datasets/cars/contract", content=bomb, headers={"accept-language": "zh"})
    assert answer.json()["key"] == "library.contract_not_yaml"
    assert "锚点" in answer.json()["message"]
    answer = client.put(f"{LIBRARY}/datasets/cars/contract", content=b"x" * (2 << 20))
    assert answer.status_code == 413


def test_a_search_goes_over_the_wire_in_chinese(client: httpx.Client) -> None:
    found = client.get(f"{LIBRARY}/datasets", params={"q": "车位", "library": "street_330203002"}).json()
    assert [each["name"] for each in found["datasets"]] == ["street_330203002_spaces"]
    assert found["datasets"][0]["where"][0] == "title"
    assert client.get(f"{LIBRARY}/datasets", params={"grade": "L9"}).status_code == 422

"""Disclosure: for every profile and every field of a fact, nothing outside the list leaves. Nested values too."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtwin.base.errors import Malformed
from hubtwin.rules.disclosure import Field, Profile, disclose, is_of_kind, paths_of, read_disclosures
from hubtwin.scenes.epidemic.disclosures import DISCLOSURES

PROFILES = sorted(DISCLOSURES.profiles)
FACTS = {field.path: field for field in DISCLOSURES.facts}
HEALTH_WORDS = ("exposure", "tests", "health", "pathogen", "outcome")
SECRET = "李四 330102199001011234"


def _good(kind: str) -> object:
    if kind.startswith("code:"):
        return kind.removeprefix("code:").split(",")[0]
    return {"text": SECRET, "area": "330102004", "truth": True}.get(kind, 3)


def _put(facts: dict[str, Any], path: str, value: object) -> None:
    name, _, rest = path.partition(".")
    if name.endswith("[]"):
        places = facts.setdefault(name[:-2], [{}, {}])
        for place in places:
            _put(place, rest, value)
    elif rest:
        _put(facts.setdefault(name, {}), rest, value)
    else:
        facts[name] = value


def _everything() -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for field in DISCLOSURES.facts:
        _put(facts, field.path, _good(field.kind))
    return facts


@pytest.mark.parametrize("name", PROFILES)
def test_all_that_is_listed_leaves_and_nothing_else(name: str) -> None:
    profile = DISCLOSURES.profiles[name]
    told = disclose(profile, _everything())
    assert set(paths_of(told)) == {field.path for field in profile.fields}


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("path", sorted(FACTS))
def test_a_field_leaves_alone_only_where_it_is_listed(name: str, path: str) -> None:
    facts: dict[str, Any] = {}
    _put(facts, path, _good(FACTS[path].kind))
    listed = path in {field.path for field in DISCLOSURES.profiles[name].fields}
    assert bool(disclose(DISCLOSURES.profiles[name], facts)) is listed


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just(SECRET)
NAMES = st.sampled_from(
    sorted({part.removesuffix("[]") for path in FACTS for part in path.split(".")} | {"diagnosis", "notes"})
)
TREES = st.recursive(LEAVES, lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(NAMES, deeper, max_size=6))


def _leaves(value: object, path: str = "") -> list[tuple[str, object]]:
    if isinstance(value, Mapping):
        return [leaf for name, part in value.items() for leaf in _leaves(part, f"{path}.{name}" if path else name)]
    if isinstance(value, list):
        return [leaf for part in value for leaf in _leaves(part, f"{path}[]")]
    return [(path, value)]


@pytest.mark.parametrize("name", PROFILES)
@given(facts=st.dictionaries(NAMES, TREES, max_size=8))
def test_whatever_the_facts_hold_only_listed_values_of_their_kind_leave(name: str, facts: dict[str, Any]) -> None:
    profile = DISCLOSURES.profiles[name]
    listed = {field.path: field.kind for field in profile.fields}
    for path, value in _leaves(disclose(profile, facts)):
        assert path in listed
        assert is_of_kind(value, listed[path])
        assert (path, value) in _leaves(facts), "nothing is made up"


@given(facts=st.dictionaries(NAMES, TREES, max_size=8))
def test_the_bus_learns_nothing_of_a_person(facts: dict[str, Any]) -> None:
    bus = DISCLOSURES.profiles["bus"]
    assert not any(field.personal or field.path.startswith(HEALTH_WORDS) for field in bus.fields)
    told = disclose(bus, facts)
    assert set(told) <= {"transport"}


def test_each_profile_is_what_was_agreed() -> None:
    tops = {name: {field.path.partition(".")[0] for field in p.fields} for name, p in DISCLOSURES.profiles.items()}
    assert tops["police"] == {"case", "identity", "place", "task", "verified"}
    assert tops["health"] == {"case", "pathogen", "identity", "exposure", "tests[]", "outcome", "verified"}
    assert tops["bus"] == {"transport"}
    assert tops["province"] == {"case", "identity", "place", "exposure", "tests[]", "outcome", "verified"}
    assert DISCLOSURES.profiles["bus"].schema == "urn:hubtwin:disclosure:bus:1"


def test_a_value_of_another_kind_stays_here() -> None:
    bus = DISCLOSURES.profiles["bus"]
    for wrong in (SECRET, {"name": SECRET}, [SECRET], -1, True, 2.5, None, 1 << 50):
        assert disclose(bus, {"transport": {"persons": wrong}}) == {}
    assert disclose(bus, {"transport": [{"persons": 3}]}) == {}
    assert disclose(bus, {"transport": {"protection_class": SECRET}}) == {}
    police = DISCLOSURES.profiles["police"]
    assert disclose(police, {"identity": SECRET, "task": {"kind": "locate", "note": SECRET}}) == {
        "task": {"kind": "locate"}
    }


def test_a_list_of_values_is_cut_down_to_its_kind() -> None:
    plain = Profile("x", 1, "p", "b", (Field("seats[]", "count", False),))
    assert disclose(plain, {"seats": [1, SECRET, {"a": 1}, 2]}) == {"seats": [1, 2]}


GOOD = '[facts]\n"a" = {kind="text", personal=true}\n[profiles.p]\nversion=1\npurpose="x"\nbasis="y"\nfields=["a"]\n'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[facts]", "[facts"),
        ('kind="text"', 'kind="words"'),
        (", personal=true", ""),
        ('fields=["a"]', 'fields=["b"]'),
        ('fields=["a"]', 'fields=["*"]'),
        ('fields=["a"]', 'fields=["a", "a"]'),
        ('fields=["a"]', "fields=[]"),
        ('purpose="x"', 'purpose=""'),
        ("version=1", 'version="1"'),
        ("version=1", "version=1\nanonymous=true"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused_whole(old: str, new: str) -> None:
    assert read_disclosures(GOOD).profiles["p"].fields[0].path == "a"
    with pytest.raises(Malformed):
        read_disclosures(GOOD.replace(old, new))

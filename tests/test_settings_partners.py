"""Partners of a hub.toml: read whole, or refused by the name of the entry that is wrong."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from hubtwin.base.errors import Malformed
from hubtwin.cli.alone import lock_of
from hubtwin.model.partner import Level, Taken, Way
from hubtwin.model.record import Status
from hubtwin.rules.routing import Office, offices_on
from hubtwin.settings import Settings, as_exercise, find_data_dir, load_settings

SHIPPED = (find_data_dir() / "hubs" / "hangzhou-east" / "hub.toml").read_text(encoding="utf-8")
KEY = "ab" * 32
PARTNERS = f"""
[partners.city-health]
name = {{ zh = "市疾控", en = "City health" }}
level = "city"
way = "https"
url = "https://health.example/wire"
jurisdictions = ["3301"]
keys = ["{KEY}"]
answer_min = 20
contact = {{ office = "Duty desk", phone = "0571-0000", hours = "24 h" }}

[[partners.city-health.agreements]]
id = "H-1"
purpose = "test and care"
basis = "Law, article 33"
profile = "health"
takes = ["hubtwin.trace", "hubtwin.answer"]
from = 2026-01-01
until = 2026-06-30

[partners.depot]
name = {{ zh = "公交", en = "Bus depot" }}
level = "district"
way = "page"
jurisdictions = ["330102"]

[[partners.depot.agreements]]
id = "B-1"
purpose = "send a vehicle"
basis = "order"
profile = "bus"
from = 2026-01-01
until = 2026-12-31
"""
MISTAKES = {
    "[partners.city-health]": ("[partners.City_Health]", "City_Health"),
    'way = "https"': ('way = "pigeon"', "way"),
    'level = "city"': ('level = "moon"', "level"),
    'url = "https://health.example/wire"': ("", "url"),
    'jurisdictions = ["3301"]': ('jurisdictions = ["Hangzhou"]', "jurisdictions"),
    f'keys = ["{KEY}"]': ('keys = ["AB"]', "keys"),
    "answer_min = 20": ("answer_min = 0", "answer_min"),
    'takes = ["hubtwin.trace", "hubtwin.answer"]': ('takes = ["gossip"]', "takes"),
    "until = 2026-06-30": ("until = 2025-06-30", "until"),
    "from = 2026-01-01": ("since = 2026-01-01", "since"),
    'office = "Duty desk"': ('bureau = "Duty desk"', "bureau"),
}


def _load(folder: Path, partners: str) -> Settings:
    file = folder / "hub.toml"
    file.write_text(SHIPPED + partners, encoding="utf-8")
    return load_settings(str(file), environ={})


def test_a_partner_is_read_with_what_was_agreed(tmp_path: Path) -> None:
    found = _load(tmp_path, PARTNERS).partners
    health = found["city-health"].partner
    assert (health.level, health.way, health.answer_min) == (Level.CITY, Way.HTTPS, 20)
    assert found["depot"].url is None
    last = date(2026, 6, 30)
    assert health.profiles(last) == {"health"}
    assert health.takes(last) == {Taken.TRACE, Taken.ANSWER}
    after = last + timedelta(days=1)
    assert not health.profiles(after) | health.takes(after)
    offices = offices_on([one.partner for one in found.values()], last)
    assert offices["health", "3301"] == Office("city-health", "health", "3301")
    assert set(offices_on([one.partner for one in found.values()], after)) == {("bus", "330102")}


def test_an_exercise_leaves_sources_and_folders_of_the_hub_alone(tmp_path: Path) -> None:
    """Two that read one folder take each other's receipts, two at one broker each other's place."""
    drop = PARTNERS.replace('way = "page"', 'way = "files"\nfolder = "drop"')
    source = '[sources.gates]\nurl = "mqtts://broker.example:8883"\nuser = "hub"\nsecret_env = "SECRET"\n'
    settings = _load(tmp_path, drop + source)
    drill = as_exercise(settings)
    assert (len(settings.sources), settings.status) == (1, Status.ACTUAL)
    assert (len(drill.sources), len(drill.matchers), drill.status) == (0, 0, Status.EXERCISE)
    assert settings.partners["depot"].folder == tmp_path / "drop"
    assert drill.partners["depot"].folder == tmp_path / "drop" / "exercise"
    assert drill.partners["city-health"] == settings.partners["city-health"]
    assert lock_of(drill) != lock_of(settings)


@pytest.mark.parametrize(("right", "wrong", "entry"), [(right, *found) for right, found in MISTAKES.items()])
def test_a_mistake_is_refused_by_the_name_of_its_entry(tmp_path: Path, right: str, wrong: str, entry: str) -> None:
    assert right in PARTNERS
    with pytest.raises(Malformed) as refused:
        _load(tmp_path, PARTNERS.replace(right, wrong, 1))
    assert entry in refused.value.message("en")


def test_two_partners_cannot_both_answer_for_a_place(tmp_path: Path) -> None:
    rival = PARTNERS.replace("city-health", "other-health").partition("[partners.depot]")[0]
    with pytest.raises(Malformed, match="3301"):
        _load(tmp_path, PARTNERS + rival)

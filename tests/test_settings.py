"""A hub.toml with any kind of mistake is refused, naming the file and the entry."""

from datetime import datetime
from pathlib import Path

import pytest

from hubtwin.base.errors import Malformed
from hubtwin.model.source import Agreed, Contact, Once, Weekly
from hubtwin.rules.lanes import Limits
from hubtwin.settings import Settings, find_data_dir, load_settings
from hubtwin.web.guard import csp_of

SHIPPED = (find_data_dir() / "hubs" / "hangzhou-east" / "hub.toml").read_text(encoding="utf-8")
MISTAKES = {
    'id = "hangzhou-east"': ('id = ""', "id"),
    "Asia/Shanghai": ("Mars/Base", "timezone"),
    '"Asia/Shanghai"': ("8", "timezone"),
    'stations = ["HGH"]': ('stations = "HGH"', "stations"),
    '["HGH"]': ("[5]", "stations"),
    'en = "Hangzhou East"': ('de = "x"', "name"),
    "[feeds]": ("[feds]", "feds"),
    "risk_areas = [": ("risk_aeras = [", "feeds.risk_aeras"),
    "pattern_week = 2016-02-29": ("pattern_week = 2016-03-01", "pattern_week"),
    "pattern_week = 2016-02-2": ("pattern_week = 2016-02-29T00:00:00  # ", "pattern_week"),
    "last_published = 2016-03-29": ("", "pattern_week"),
    "seed = 20221020": ("seed = -1", "seed"),
    "arrivals = 120000": ("arrivals = true", "arrivals"),
    '"14", "15"]': ('"14", "14"]', "platforms"),
    "lanes = 10": ("lanes = 0", "lanes"),
    "lane_capacity_per_min = 12.0": ("lane_capacity_per_min = nan", "lane_capacity_per_min"),
    "count = 12": ("count = 1000000000", "count"),
    'posts = ["N1", "N2", "S1", "S2"]': ('posts = ["X9"]', "posts"),
    "base_s = 90": ("base_s = -90", "base_s"),
    'low_end = ["N1", "S1"]': ('low_end = ["Q"]', "low_end"),
    "step_s = 12": ("", "step_s"),
    "[hub]": ("[[hub]]", "hub"),
    "[simulation]": ("[scenes]\nepidemic = 5\n[simulation]", "epidemic"),
}


@pytest.mark.parametrize(("right", "wrong", "entry"), [(right, *found) for right, found in MISTAKES.items()])
def test_a_mistake_is_refused_by_the_name_of_its_entry(tmp_path: Path, right: str, wrong: str, entry: str) -> None:
    assert right in SHIPPED
    file = tmp_path / "hub.toml"
    file.write_text(SHIPPED.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(Malformed) as refused:
        load_settings(str(file), environ={})
    assert str(file) in refused.value.message("en")
    assert entry in refused.value.message("zh")


BAD_MAPS = {
    'tiles = "http://tiles.example.org/{z}/{x}/{y}.png"': "map.tiles",
    'tiles = "https://tiles.example.org/{z}/{x}.png"': "map.tiles",
    'tiles = "https://user:word@tiles.example.org/{z}/{x}/{y}.png"': "map.tiles",
    "tiles = \"https://a.example; script-src 'unsafe-inline'/{z}/{x}/{y}\"": "map.tiles",
    'style = "https://[::bad/style.json"': "map.style",
    'style = "javascript:alert(1)"': "map.style",
    'style = "https://a.example/s"\ntiles = "https://a.example/{z}/{x}/{y}"': "map.tiles, map.style",
    "style = 5": "map.style",
    'tile = "https://a.example/{z}/{x}/{y}"': "map.tile",
}


def load_with(tmp_path: Path, more: str) -> Settings:
    """Return the settings of the shipped hub with something more in its file."""
    file = tmp_path / "hub.toml"
    file.write_text(f"{SHIPPED}\n{more}\n", encoding="utf-8")
    return load_settings(str(file), environ={})


@pytest.mark.parametrize(("wrong", "entry"), BAD_MAPS.items())
def test_a_base_map_from_nowhere_safe_is_refused(tmp_path: Path, wrong: str, entry: str) -> None:
    with pytest.raises(Malformed) as refused:
        load_with(tmp_path, f"[map]\n{wrong}")
    assert entry in refused.value.message("en")


def test_a_base_map_of_the_deployments_own_opens_exactly_its_origin(tmp_path: Path) -> None:
    assert load_with(tmp_path, "").map.origin == ""
    told = 'tiles = "https://Tiles.example.org:8443/a/{z}/{x}/{y}.png?key=1"\nattribution = "© nobody"'
    found = load_with(tmp_path, f"[map]\n{told}\n[journal]\ndays = 7").map
    assert (found.origin, found.attribution) == ("https://tiles.example.org:8443", "© nobody")
    assert (
        load_with(tmp_path, '[map]\nstyle = "http://127.0.0.1:8080/style.json"').map.origin == "http://127.0.0.1:8080"
    )
    policy = csp_of(found.origin)
    assert policy.count(found.origin) == 2
    assert f"connect-src 'self' blob: data: {found.origin};" in policy
    assert f"img-src 'self' data: blob: {found.origin};" in policy
    assert csp_of("") == policy.replace(f" {found.origin}", "")


@pytest.mark.parametrize("days", ["0", "367", "true", '"7"'])
def test_pictures_are_kept_for_days_that_end(tmp_path: Path, days: str) -> None:
    with pytest.raises(Malformed, match=r"journal\.days"):
        load_with(tmp_path, f"[journal]\ndays = {days}")


@pytest.mark.parametrize("threads", ["x", "-1", "0", "99999999999", "1.5"])
def test_threads_are_a_number_that_a_machine_may_have(threads: str) -> None:
    with pytest.raises(Malformed, match="HUBTWIN_THREADS"):
        load_settings(environ={"HUBTWIN_THREADS": threads})


def test_the_shipped_hub_is_right() -> None:
    settings = load_settings(environ={})
    assert (settings.hub.stations, len(settings.hub.teams), settings.threads) == (("HGH",), 12, 2)


SHIFT = """
[[shifts]]
teams = ["T01"]
from = 22:00:00
until = 06:00:00
days = ["fri"]
qualifications = ["meet"]
post = "N2"
"""


def test_shifts_are_read_and_pass_midnight(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text(SHIPPED + SHIFT, encoding="utf-8")
    (shift,) = load_settings(str(tmp_path), environ={}).shifts
    assert (shift.from_min, shift.until_min, shift.days, shift.post) == (22 * 60, 30 * 60, frozenset({4}), "N2")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"T01"', '"T99"'),
        ("from = 22:00:00", 'from = "22:00"'),
        ('"fri"', '"freitag"'),
        ('["meet"]', '["fly"]'),
        ('post = "N2"', 'post = "X"'),
    ],
)
def test_a_shift_that_names_what_is_not_there_is_refused(right: str, wrong: str, tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text(SHIPPED + SHIFT.replace(right, wrong), encoding="utf-8")
    with pytest.raises(Malformed) as refused:
        load_settings(str(tmp_path), environ={})
    assert "shifts." in refused.value.message("en")


CARE = """
[sources.gates]
url = "mqtt://127.0.0.1:1883"
record = true
record_max_days = 3
[sources.gates.contact]
office = { zh = "闸机值班室", en = "gate control room" }
phone = "0571-0000"
hours = "00:00-24:00"
[[sources.gates.maintenance]]
days = ["sun"]
from = 23:30:00
until = 01:00:00
[[sources.gates.maintenance]]
begins = 2022-10-21T01:00:00
ends = 2022-10-21T05:00:00
[sources.gates.agreed]
cadence_s = 60
delay_p95_min = 2
refused_share = 0.01
"""
CARE_MISTAKES = {
    "record = true": ("record = 1", "sources.gates.record"),
    "record_max_days = 3": ("record_max_days = 60", "record_max_days"),
    'zh = "闸机值班室", ': ("", "sources.gates.contact.office"),
    'phone = "0571-0000"': ('phone = ""', "phone"),
    "hours =": ("person =", "sources.gates.contact.person"),
    '["sun"]': ('["sunday"]', "sources.gates.maintenance.days"),
    "from = 23:30:00": ("from = 23", "sources.gates.maintenance.from"),
    "until = 01:00:00": ("ends = 2022-10-21T05:00:00", "sources.gates.maintenance.days"),
    "T01:00:00": ("T01:00:00Z", "sources.gates.maintenance.begins"),
    "2022-10-21T05": ("2022-10-20T05", "sources.gates.maintenance.ends"),
    "2022-10-21T05:": ("2023-10-21T05:", "sources.gates.maintenance.ends"),
    "cadence_s = 60": ("cadence_s = 0", "cadence_s"),
    "refused_share = 0.01": ("refused_share = 1.5", "sources.gates.agreed.refused_share"),
    "delay_p95_min": ("delay_p95", "sources.gates.agreed.delay_p95"),
}


def test_how_a_source_is_looked_after_is_read(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text(SHIPPED + CARE, encoding="utf-8")
    told = load_settings(str(tmp_path), environ={}).sources["gates"]
    assert (told.record, told.record_max_days, told.record_max_mb) == (True, 3, 2048)
    assert told.care.contact == Contact({"zh": "闸机值班室", "en": "gate control room"}, "0571-0000", "00:00-24:00")
    moments = (datetime.fromisoformat(f"2022-10-21T{hour}:00") for hour in ("01", "05"))
    assert told.care.windows == (Weekly(frozenset({6}), 23 * 60 + 30, 25 * 60), Once(*moments))
    assert told.care.agreed == Agreed(cadence_s=60, delay_p95_min=2, refused_share=0.01)


@pytest.mark.parametrize(("right", "wrong", "entry"), [(right, *found) for right, found in CARE_MISTAKES.items()])
def test_a_mistake_in_the_care_of_a_source_is_refused(tmp_path: Path, right: str, wrong: str, entry: str) -> None:
    assert right in CARE
    (tmp_path / "hub.toml").write_text(SHIPPED + CARE.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(Malformed) as refused:
        load_settings(str(tmp_path), environ={})
    for lang in ("zh", "en"):
        assert entry in refused.value.message(lang), refused.value.message(lang)


def test_a_district_is_a_text_or_nothing(tmp_path: Path) -> None:
    assert load_settings("hangzhou-east", environ={}).district == "shangcheng"
    for block, wrong in (
        ('district = ""', "library.district"),
        ("district = 5", "library.district"),
        ("x = 1", "library.x"),
    ):
        (tmp_path / "hub.toml").write_text(SHIPPED.replace('district = "shangcheng"', block), encoding="utf-8")
        with pytest.raises(Malformed, match=wrong):
            load_settings(str(tmp_path), environ={})
    told = SHIPPED.replace('district = "shangcheng"', "")
    (tmp_path / "hub.toml").write_text(told, encoding="utf-8")
    assert load_settings(str(tmp_path), environ={}).district == ""


TERMS = """
[library.terms]
automatic_days = 120
template_days = 60
emergency_hours = 12
review_hours = 6
near_end_days = 3
count_floor = 20
scale_rows = 500000
authority_days = 1
owner_days = 3
unpublished_days = 7
source_days = 4
"""
SHIPPED_LIBRARY = 'district = "shangcheng"'


def test_the_rule_of_sharing_is_told_in_days_and_hours(tmp_path: Path) -> None:
    assert load_settings("hangzhou-east", environ={}).terms == Limits()
    hour, day = 60, 24 * 60
    assert load_with(tmp_path, TERMS).terms == Limits(
        *(120 * day, 60 * day, 12 * hour, 6 * hour, 20, 500_000, 1, 3, 7, 4, 3 * day),
    )
    assert load_with(tmp_path, "[library.terms]\nowner_days = 8").terms == Limits(owner_days=8)


BAD_TERMS = {
    "owner_days = 0": ("library.terms.owner_days", "60"),
    "owner_days = true": ("library.terms.owner_days", "60"),
    "owner_days = 2.5": ("library.terms.owner_days", "60"),
    'authority_days = "2"': ("library.terms.authority_days", "60"),
    "unpublished_days = 61": ("library.terms.unpublished_days", "60"),
    "automatic_days = 366": ("library.terms.automatic_days", "365"),
    "emergency_hours = 169": ("library.terms.emergency_hours", "168"),
    "count_floor = 4": ("library.terms.count_floor", "5"),
    "owner_day = 5": ("library.terms.owner_day", "owner_day"),
    "template_days = 181": ("library.terms.template_days", "library.terms.automatic_days"),
    "unpublished_days = 4": ("library.terms.owner_days", "library.terms.unpublished_days"),
}


@pytest.mark.parametrize(("wrong", "told"), BAD_TERMS.items())
def test_a_mistake_in_the_rule_of_sharing_is_refused_with_its_bounds(
    tmp_path: Path, wrong: str, told: tuple[str, str]
) -> None:
    with pytest.raises(Malformed) as refused:
        load_with(tmp_path, f"[library.terms]\n{wrong}")
    for lang in ("zh", "en"):
        assert all(part in refused.value.message(lang) for part in told), refused.value.message(lang)


def test_the_rule_of_sharing_is_a_table(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text(SHIPPED.replace(SHIPPED_LIBRARY, f"{SHIPPED_LIBRARY}\nterms = 5"), "utf-8")
    with pytest.raises(Malformed, match=r"library\.terms"):
        load_settings(str(tmp_path), environ={})


def test_what_is_shown_as_shipped_is_what_is_shipped(tmp_path: Path) -> None:
    """The comment in the shipped hub.toml is the rule that holds where nothing is said."""
    lines = [line.lstrip("# ") for line in SHIPPED.splitlines() if line.startswith("#   ")]
    begin = lines.index("[library.terms]")
    told = "\n".join(lines[begin : begin + 12])
    assert told.count("=") == 11
    assert load_with(tmp_path, told).terms == Limits()

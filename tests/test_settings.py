"""A hub.toml with any kind of mistake is refused, naming the file and the entry."""

from pathlib import Path

import pytest

from hubtwin.base.errors import Malformed
from hubtwin.settings import find_data_dir, load_settings

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

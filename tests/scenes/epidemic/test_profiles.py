"""The pathogen profiles: every figure has a source, versions follow dates, wrong entries are refused by name."""

from datetime import date
from pathlib import Path

import pytest

from hubtwin.base.errors import Absent, Malformed
from hubtwin.base.text import LANGUAGES
from hubtwin.model.pathogen import Anchor, Evidence, Pathogen, Scope
from hubtwin.scenes.epidemic import profiles
from hubtwin.scenes.epidemic.profiles import PROFILES, get_plan_in_force, get_profile, list_figures, read_profiles

TEXT = Path(profiles.__file__).with_name("pathogens.toml").read_text(encoding="utf-8")
ALL = pytest.mark.parametrize("profile", PROFILES, ids=lambda p: f"{p.pathogen_id}-{p.valid_from.value}")


@ALL
def test_every_figure_has_a_source_and_an_evidence_mark(profile: Pathogen) -> None:
    figures = list_figures(profile)
    assert len(figures) >= 16
    for path, figure in figures:
        assert figure.source.title, path
        assert figure.evidence is not Evidence.SEEN or figure.source.url.startswith("http"), path


@ALL
def test_every_profile_and_note_speaks_both_languages(profile: Pathogen) -> None:
    assert set(profile.name) == set(LANGUAGES)
    for path, figure in list_figures(profile):
        assert figure.note is None or set(figure.note) == set(LANGUAGES), path


def test_the_nine_diseases_and_plans_are_there() -> None:
    assert [p.pathogen_id for p in PROFILES] == [
        "covid-19-8th",
        "covid-19-9th",
        "covid-19-9th",
        "measles",
        "mpox",
        "influenza-seasonal",
        "influenza-novel",
        "dengue",
        "tuberculosis-pulmonary",
        "meningococcal",
    ]


def test_the_plan_in_force_follows_the_date() -> None:
    assert get_plan_in_force(PROFILES, "covid-19", date(2022, 6, 27)).pathogen_id == "covid-19-8th"
    assert get_plan_in_force(PROFILES, "covid-19", date(2022, 6, 28)).pathogen_id == "covid-19-9th"
    assert get_profile(PROFILES, "covid-19-9th", date(2022, 11, 10)).followup_d.value == 10
    assert get_profile(PROFILES, "covid-19-9th", date(2022, 11, 11)).followup_d.value == 8


def test_the_eighth_plan_looks_back_four_days_and_the_ninth_two() -> None:
    assert get_profile(PROFILES, "covid-19-8th", date(2022, 4, 20)).infectious_before_d.value == 4
    ninth = get_profile(PROFILES, "covid-19-9th", date(2022, 10, 20))
    assert (ninth.infectious_before_d.value, ninth.area_lookback_d.value) == (2, 7)


def test_measles_is_counted_from_the_rash_and_stays_in_the_air_for_two_hours() -> None:
    measles = get_profile(PROFILES, "measles", date(2022, 10, 20))
    assert measles.anchor.value is Anchor.RASH
    assert (measles.infectious_before_d.value, measles.infectious_after_d.value) == (4, 4)
    assert measles.residual_air_min.value == 120


def test_not_tracing_co_travellers_is_a_valid_rule() -> None:
    untraced = {p.pathogen_id for p in PROFILES if not p.traces_cotravellers}
    assert untraced == {"influenza-seasonal", "dengue"}
    by_decision = {p.pathogen_id for p in PROFILES if p.cotravel.by_decision.value}
    assert by_decision == {"mpox", "tuberculosis-pulmonary"}


def test_published_attack_rates_are_there_for_covid() -> None:
    weights = PROFILES[0].cotravel.weights
    assert weights is not None
    assert (weights.adjacent.value, weights.same_row.value, weights.other_rows.value) == (3.5, 1.5, 0.14)
    assert (weights.turnover.value, weights.per_hour_adjacent.value, weights.per_hour.value) == (0.075, 1.3, 0.15)


def test_a_plan_is_absent_before_its_first_version() -> None:
    with pytest.raises(Absent, match="2022-06-28"):
        get_profile(PROFILES, "covid-19-9th", date(2022, 6, 27))
    with pytest.raises(Absent, match="2021-05-11"):
        get_plan_in_force(PROFILES, "covid-19", date(2020, 1, 1))


def test_an_unknown_plan_names_the_known_ones() -> None:
    with pytest.raises(Absent, match="measles"):
        get_profile(PROFILES, "plague", date(2022, 1, 1))
    with pytest.raises(Absent, match="dengue"):
        get_plan_in_force(PROFILES, "plague", date(2022, 1, 1))


def test_a_figure_without_value_is_shown_as_not_set() -> None:
    dengue = get_profile(PROFILES, "dengue", date(2022, 1, 1))
    assert dengue.pep_deadline_h.value is None
    assert dengue.cotravel.tiers[0].scope.value is Scope.NONE


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('id = "mpox"', 'id = mpox"', "not valid TOML"),
        ('id = "mpox"\n', "", r"pathogen\[5\] .* lacks “id”"),
        ('id = "mpox"', 'id = " "', "must be a text"),
        ('id = "mpox"', 'id = "mpox"\nmood = 1', "unknown entry “mood”"),
        ('residual_air_min = { value = 120, source = "nj-measles", evidence = "seen" }', "", "“residual_air_min”"),
        ('value = 120, source = "nj-measles"', "value = 120", "lacks “source”"),
        ('value = 120, source = "nj-measles"', 'value = 120, source = "hearsay"', "“hearsay”, which is not listed"),
        ('value = 120, source = "nj-measles"', 'value = 120, source = "ours"', "has no url"),
        ('value = 120, source = "nj-measles"', 'value = 1.5, source = "nj-measles"', "must be a whole number"),
        ('value = 120, source = "nj-measles"', 'value = true, source = "nj-measles"', "must be a whole number"),
        ('value = 72, source = "mmwr-measles", evidence = "seen"', 'value = 72, source = "mmwr-measles"', "“evidence”"),
        ('source = "mmwr-measles", evidence = "seen"', 'source = "mmwr-measles", evidence = "felt"', "seen, measured"),
        ("value = [7, 21]", "value = [21, 7]", "the shortest, 21.0"),
        ("value = [7, 21]", "value = [7]", "must be two numbers"),
        ("value = [7, 21]", 'value = [7, "x"]', "must be a number"),
        ("value = [7, 21]", "value = [-7, 21]", "must be a number, zero or more"),
        ('value = "rash"', 'value = "bath"', "onset, rash, sampling"),
        ("value = 2009-02-01", 'value = "2009-02-01"', "must be a date"),
        ("value = 2009-02-01", "value = 2009-02-01T00:00:00", "must be a date"),
        ('["infant", "pregnant", "immunosuppressed"]', '["infants"]', "infant, pregnant"),
        ('["infant", "pregnant", "immunosuppressed"]', '"infant"', "must be a list of words"),
        ('name = { zh = "麻疹", en = "Measles" }', 'name = { en = "Measles" }', "lacks “zh”"),
        ('name = { zh = "麻疹", en = "Measles" }', 'name = "Measles"', "must be a table"),
        ("by_decision = { value = false, source = \"chp", "by_decision = { value = 0, source = \"chp", "true or false"),
        ("reach = 2\nmin_shared_min = { value = 480", "reach = -2\nmin_shared_min = { value = 480", "whole number"),
        ('url = "https://doi.org/10.1093/cid/ciaa1057"', 'url = "doi.org/10.1093"', "must begin with http"),
        ('weights = "hu-2021"', 'weights = "hu-2022"', "“hu-2022”, which are not listed"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_refused_by_its_path(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(Malformed, match=message) as refused:
        read_profiles(TEXT.replace(old, new, 1))
    assert not refused.value.message("zh").startswith("scenes.epidemic")
    assert "{" not in refused.value.message("zh")


def test_none_beside_another_tier_is_refused() -> None:
    tier = """
[[pathogen.cotravel.tier]]
scope = { value = "none", source = "ours", evidence = "remembered" }
min_shared_min = { value = 0, source = "ours", evidence = "remembered" }
"""
    with pytest.raises(Malformed, match="not to trace"):
        read_profiles(TEXT + tier)


@pytest.mark.parametrize(
    ("scope", "reach", "message"),
    [
        ("adjacent", "", "needs a “reach”"),
        ("carriage", "reach = 3", "takes no “reach”"),
        ("deck", "", "none, adjacent"),
    ],
)
def test_a_tier_that_makes_no_sense_is_refused(scope: str, reach: str, message: str) -> None:
    tier = f"""
[[pathogen.cotravel.tier]]
scope = {{ value = "{scope}", source = "ours", evidence = "remembered" }}
min_shared_min = {{ value = 0, source = "ours", evidence = "remembered" }}
{reach}
"""
    with pytest.raises(Malformed, match=message):
        read_profiles(TEXT + tier)


def test_two_versions_from_the_same_day_are_refused() -> None:
    second = TEXT[TEXT.rindex("[[pathogen]]") :]
    with pytest.raises(Malformed, match="two versions valid from 2013-03-22"):
        read_profiles(TEXT + second)


def test_a_file_without_profiles_is_refused() -> None:
    with pytest.raises(Malformed, match="lacks “source”"):
        read_profiles("")

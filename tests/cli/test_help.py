"""Help and usage errors in both languages: nothing untranslated, nothing that shows a key, always what to do."""

import re
from collections.abc import Iterator

import click
import pytest

from hubtwin.base.text import catalogue, text
from hubtwin.cli.app import build
from tests.cli.kit import SECOND, hubtwin

LANGS = ("zh", "en")
CODE = re.compile(
    r"--[a-z-]+|\[[^\]\s]*\|[^\]\s]*\]|\{[^}]*\}|hub\.toml|\.hubtwin|HUBTWIN_[A-Z]+|[a-z]+(_[a-z]+)+|\.[a-z]+"
)
NAMES = set("hubtwin HH MM GTFS ISO CSV JSON csv json table TripUpdates Realtime protobuf x truth off".split())  # noqa: SIM905
NAMES |= set("auto counts hits manifest zh en debug info warning stations trips stops demo import".split())  # noqa: SIM905
NAMES |= {"FHIR", "HUBTWIN", "account", "command", "epidemic", "hub", "serve", "vault", "Ctrl", "PEM", "TLS", "C"}
# a rung, forms of files and of reports, a template, names of standards
NAMES |= {"xlsx", "parquet", "psi", "stays", "persons", "md", "IMDF", "IFC", "ifcopenshell", "WGS", "zip", "PostgreSQL"}
NAMES |= {"own", "all", "DCAT", "LD", "YAML", "query", "api", "file", "channel"}
AREAS_AT = ("collide", "--date", "2017-07-24", "--at", "08:00")


def _walk(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _walk(command, (*path, name))
        else:
            yield (*path, name), command


PATHS = [path for path, _ in _walk(build("en"))]


@pytest.mark.parametrize("lang", LANGS)
def test_every_command_and_option_has_a_text_of_its_language(lang: str) -> None:
    for path, command in _walk(build(lang)):
        key = "cli.help." + (".".join(path) or "hubtwin")
        assert key in catalogue()
        assert command.help == text(key, lang)
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help in {told[lang] for told in catalogue().values()}, (path, option.name)


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_a_chinese_help_page_has_no_english_left(path: tuple[str, ...]) -> None:
    ran = hubtwin("--lang", "zh", *path, "--help")
    assert (ran.code, ran.err) == (0, "")
    page = re.sub(r"(?<=[a-z])\n +(?=[a-z]+[、，（])", "", ran.out)  # a word that was broken at the end of a line
    commands = {name for known in PATHS for name in known}
    left = set(re.findall(r"[A-Za-z]{2,}", CODE.sub(" ", page)))
    assert not left - NAMES - {part for name in commands for part in name.split("-")}, page


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_a_help_page_shows_no_key_and_is_not_the_same_in_both_languages(path: tuple[str, ...]) -> None:
    pages = {lang: hubtwin("--lang", lang, *path, "--help").out for lang in LANGS}
    assert pages["zh"] != pages["en"]
    assert not any("cli." in page or "help." in page for page in pages.values())
    assert not re.search(r"[\u4e00-\u9fff]", pages["en"])


def test_the_columns_of_a_chinese_page_stand_in_line() -> None:
    page = hubtwin("--lang", "zh", "collide", "--help").out
    starts = {_cells(line[: line.index(told)]) for line, told in _lines_with(page, "日期（枢纽", "向前看", "把结果")}
    assert len(starts) == 1


def _lines_with(page: str, *parts: str) -> list[tuple[str, str]]:
    return [(line, part) for line in page.splitlines() for part in parts if part in line]


def _cells(line: str) -> int:
    return sum(2 if ord(letter) > 0x2E7F else 1 for letter in line)


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (("frobnicate",), "cli.no_such_command"),
        (("import", "frobnicate", "x"), "cli.no_such_command"),
        ((), "cli.missing_command"),
        (("collide",), "cli.missing"),
        (("collide", "--date"), "cli.bad_option_usage"),
        ((*AREAS_AT, "--bogus"), "cli.no_such_option"),
        ((*AREAS_AT, "extra"), "cli.extra_argument"),
        ((*AREAS_AT, "--rung", "all"), "cli.not_a_choice"),
        ((*AREAS_AT, "--format", "xml"), "cli.not_a_choice"),
        ((*AREAS_AT, "--horizon", "0"), "cli.not_between"),
        ((*AREAS_AT, "--limit", "many"), "cli.not_at_least"),
        (("collide", "--date", "2017-02-30", "--at", "08:00"), "cli.bad_date"),
        (("collide", "--date", "24/07/2017", "--at", "08:00"), "cli.bad_date"),
        ((*AREAS_AT, "--service-pattern", "monday"), "cli.bad_date"),
        (("collide", "--date", "2017-07-24", "--at", "25:00"), "cli.bad_time"),
        (("collide", "--date", "2017-07-24", "--at", "8 o'clock"), "cli.bad_time"),
        (("demo", "--date", "tomorrow"), "cli.bad_date"),
        (("demo", "--speed", "fast"), "cli.not_between"),
        (("import", "bookings", "--now", "noon", "x.csv"), "cli.bad_date"),
        (("import", "gtfs", "--station-areas", "no-such-file", "x"), "cli.no_such_path"),
        (("import", "bookings"), "cli.missing"),
        (("simulate", "--date", "2017-07-24"), "cli.simulate_nothing"),
        (("simulate", "--date", "2017-07-24", "--load", "--arrivals", "0"), "cli.not_between"),
        (("release", "low", "--by", "A"), "cli.missing"),
        (("release", "all", "--by", "A", "--reason", "B"), "cli.not_a_choice"),
        (("quarantine", "--limit", "0"), "cli.not_at_least"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_and_where_help_is(
    arguments: tuple[str, ...], key: str, tmp_path: object
) -> None:
    for lang in LANGS:
        ran = hubtwin("--hub", SECOND, "--home", tmp_path, "--lang", lang, *arguments)
        assert (ran.code, ran.out) == (2, ""), ran
        assert _fixed_part(key, lang) in ran.err, ran.err
        assert ran.err.rstrip().endswith("--help")
        if lang == "zh":
            assert not re.search(r"[a-z]{3,} [a-z]{2,} [a-z]{2,}", ran.err.partition("：hubtwin")[0]), ran.err


def _fixed_part(key: str, lang: str) -> str:
    """Return the longest part of a text that no value fills."""
    return max(re.split(r"\{[^}]*\}", catalogue()[key][lang]), key=len).strip()


def test_a_language_before_the_command_counts_for_its_errors_in_both_spellings() -> None:
    assert "没有命令" in hubtwin("--lang=zh", "frobnicate").err
    assert "没有命令" in hubtwin("--lang", "zh", "frobnicate").err


def test_no_command_at_all_shows_the_help_and_version_the_version() -> None:
    assert "collide" in hubtwin().out
    assert re.fullmatch(r"hubtwin, .* \S+\n", hubtwin("--version").out)


def test_a_hub_or_a_file_that_does_not_exist_ends_with_1_and_names_it(tmp_path: object) -> None:
    for lang in LANGS:
        ran = hubtwin("--hub", "atlantis", "--lang", lang, "datasets")
        assert (ran.code, ran.out) == (1, "")
        assert "atlantis" in ran.err
        ran = hubtwin("--hub", SECOND, "--home", tmp_path, "--lang", lang, "import", "bookings", "no-such.csv")
        assert ran.code == 1
        assert "no-such.csv" in ran.err

"""Every text exists in both languages, with the same placeholders, and every key that the code names exists."""

import re
import string
from pathlib import Path

import pytest

from hubtwin.base.text import LANGUAGES, catalogue, text

SOURCE = Path(__file__).parents[2] / "src" / "hubtwin"
ERRORS = re.compile(r"(?:Retry|Denied|Malformed|Absent|Bug)\(\s*\"([a-z0-9_.]+)\"")
TEXTS = re.compile(r"\btext\(\s*\"([a-z0-9_.]+)\"")


def _fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("key", sorted(catalogue()))
def test_a_text_has_both_languages_and_the_same_values(key: str) -> None:
    versions = catalogue()[key]
    assert set(versions) == set(LANGUAGES)
    assert _fields(versions["zh"]) == _fields(versions["en"])
    assert all(version.strip() for version in versions.values())


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_a_key_that_the_code_names_exists(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    for key in ERRORS.findall(source) + TEXTS.findall(source):
        assert key in catalogue(), f"{path.name} names {key}"


def test_a_missing_key_and_a_missing_value_still_say_something() -> None:
    assert text("no.such.key", "en", place="HGH") == "no.such.key (place='HGH')"
    assert "{file}" in text("settings_not_toml", "en", problem="x")

"""Texts in Chinese and English, one key for both, from the `texts.toml` beside the code that uses them.

The key of a text is the dotted path of its folder below the package, then its name in the file:
`connectors/risk_areas/texts.toml` with `[unknown_column]` is `connectors.risk_areas.unknown_column`. A folder with much
to say has a file a topic (`texts_grants.toml`); the name of the file is no part of the key.
"""

import re
import tomllib
from functools import cache
from pathlib import Path

LANGUAGES = ("zh", "en")
_PACKAGE = Path(__file__).resolve().parent.parent
# what a terminal obeys or what reorders a line: C0 but tab and line feed, DEL, C1, separators, bidi, lone surrogates
_COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_PICTURES = 0x2400  # Unicode block Control Pictures


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Return every text: key -> language -> template. Read once from all `texts*.toml` of the package.

    Raises ValueError for a key that two files of a folder claim.
    """
    found: dict[str, dict[str, str]] = {}
    for file in sorted(_PACKAGE.rglob("texts*.toml")):
        prefix = ".".join(file.parent.relative_to(_PACKAGE).parts)
        with file.open("rb") as stream:
            for name, versions in tomllib.load(stream).items():
                key = f"{prefix}.{name}" if prefix else name
                if key in found:
                    raise ValueError(f"{file}: {key} stands in another file too")
                found[key] = versions
    return found


def text(key: str, lang: str, **values: object) -> str:
    """Render the text `key` in `lang` with `values`.

    A key without an entry renders as itself with its values, so that an error about an error still says
    something; the test of texts holds that no such key is used.
    """
    versions = catalogue().get(key)
    if versions is None:
        shown = ", ".join(f"{name}={value!r}" for name, value in values.items())
        return f"{key} ({shown})" if shown else key
    shown_values = {name: value if isinstance(value, int | float) else _line(value) for name, value in values.items()}
    return versions[lang if lang in versions else "en"].format_map(_Shown(shown_values))


def printable(content: str) -> str:
    """Return a text that no terminal obeys: what would move a cursor, colour or reorder a line is shown instead."""
    return _COMMANDS.sub(_picture, content)


def _picture(match: re.Match[str]) -> str:
    code = ord(match.group())
    return chr(_PICTURES + code) if code < 0x20 else f"\\u{code:04x}"


def _line(value: object) -> str:
    """Return a value as one line of a sentence: it may come from outside, and it may not look like a second line."""
    return printable(str(value)).replace("\n", chr(_PICTURES + ord("\n")))


class _Shown(dict[str, object]):
    """A missing value shows its own name instead of hiding the whole sentence."""

    def __missing__(self, name: str) -> str:
        return "{" + name + "}"

"""Texts in Chinese and English, one key for both, from the `texts.toml` beside the code that uses them.

The key of a text is the dotted path of its folder below the package, then its name in the file:
`connectors/risk_areas/texts.toml` with `[unknown_column]` is `connectors.risk_areas.unknown_column`.
"""

import tomllib
from functools import cache
from pathlib import Path

LANGUAGES = ("zh", "en")
_PACKAGE = Path(__file__).resolve().parent.parent


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Return every text: key -> language -> template. Read once from all `texts.toml` of the package."""
    found: dict[str, dict[str, str]] = {}
    for file in sorted(_PACKAGE.rglob("texts.toml")):
        prefix = ".".join(file.parent.relative_to(_PACKAGE).parts)
        with file.open("rb") as stream:
            for name, versions in tomllib.load(stream).items():
                found[f"{prefix}.{name}" if prefix else name] = versions
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
    return versions[lang if lang in versions else "en"].format_map(_Shown(values))


class _Shown(dict[str, object]):
    """A missing value shows its own name instead of hiding the whole sentence."""

    def __missing__(self, name: str) -> str:
        return "{" + name + "}"

"""Whether the features of an archive are as IMDF 1.0.0 (OGC 20-094) asks: one by one, and by what they refer to.

The words and forms of the standard are data (`rules/imdf.toml`). What breaks it is an error. A property that may be
null and is not told at all is a note: readers take it as null.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hubtwin.model.venue import Archive, RawFeature, Severity, VenueFinding
from hubtwin.rules.venue_shapes import BadShape, read_point, read_shape

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
WORD = re.compile(r"[a-z0-9]+(\.[a-z0-9]+)*")
STAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")
MANIFEST = ("version", "created", "language")


@dataclass(frozen=True, slots=True)
class Form:
    """What the standard says of a feature type: how many, which geometry, which properties of which kind."""

    geometry: tuple[str, ...]
    properties: Mapping[str, str]
    count: str = "any"  # one, some (at least one), should (else a warning), any


@cache
def _standard() -> Mapping[str, Any]:
    return tomllib.loads((Path(__file__).parent / "imdf.toml").read_text(encoding="utf-8"))


@cache
def get_forms() -> Mapping[str, Form]:
    """Return the form of each feature type of the standard."""
    told = _standard()["features"]
    return {
        name: Form(tuple(form["geometry"]), form["properties"], form.get("count", "any")) for name, form in told.items()
    }


@cache
def get_categories(name: str) -> frozenset[str]:
    """Return the words of a list of categories. Raises KeyError."""
    return frozenset(_standard()["categories"][name])


FEATURE_TYPES = frozenset(get_forms())


def check_features(archive: Archive) -> list[VenueFinding]:
    """Return everything by which the manifest and the features break the standard, in the order of files."""
    findings = [*_manifest(archive.manifest), *_counts(archive.features)]
    types = {feature.feature_id: feature.feature_type for feature in archive.features}
    language = archive.manifest.get("language")
    for feature in archive.features:
        findings += _feature(feature, types, language if isinstance(language, str) else "")
    return findings


def _say(feature: RawFeature, key: str, severity: Severity = Severity.ERROR, **values: object) -> VenueFinding:
    return VenueFinding(severity, f"rules.venue_{key}", feature.feature_id, feature.where, values)


def _manifest(manifest: Mapping[str, Any]) -> Iterator[VenueFinding]:
    def say(key: str, **values: object) -> VenueFinding:
        return VenueFinding(Severity.ERROR, f"rules.venue_{key}", where="manifest.json", values=values)

    if not manifest:
        return  # that it is missing was told by who read the files
    for name in MANIFEST:
        if not isinstance(manifest.get(name), str):
            yield say("manifest_lacks", name=name)
    version, created, language = (manifest.get(name) for name in MANIFEST)
    if isinstance(version, str) and not version.startswith("1.0.0"):
        yield say("manifest_version", version=version[:40], known=str(_standard()["version"]))
    if isinstance(created, str) and not STAMP.fullmatch(created):
        yield say("manifest_created", created=created[:40])
    if isinstance(language, str) and not LANGUAGE_TAG.fullmatch(language):
        yield say("manifest_language", language=language[:40])


def _counts(features: Sequence[RawFeature]) -> Iterator[VenueFinding]:
    held = Counter(feature.feature_type for feature in features)
    for name, form in get_forms().items():
        if form.count == "one" and held[name] != 1:
            yield VenueFinding(Severity.ERROR, "rules.venue_not_one", values={"type": name, "count": held[name]})
        elif form.count in ("some", "should") and not held[name]:
            severity = Severity.ERROR if form.count == "some" else Severity.WARNING
            yield VenueFinding(severity, "rules.venue_none_of", values={"type": name})


def _feature(feature: RawFeature, types: Mapping[str, str], language: str) -> Iterator[VenueFinding]:
    form = get_forms()[feature.feature_type]
    if not UUID.fullmatch(feature.feature_id):
        yield _say(feature, "id_no_uuid", id=feature.feature_id[:60])
    yield from _geometry(feature, form)
    for name, kind in form.properties.items():
        if name not in feature.properties:
            severity = Severity.NOTE if kind.endswith("?") else Severity.ERROR
            yield _say(feature, "property_missing", severity, name=name)
            continue
        value = feature.properties[name]
        if value is None and kind.endswith("?"):
            continue
        problem = _problem(value, kind.removesuffix("?"), types)
        if problem:
            key, values = problem
            yield _say(feature, f"property_{key}", Severity.ERROR, name=name, **values)
        elif kind.startswith("labels") and language and language not in value:
            yield _say(feature, "no_default_label", Severity.WARNING, name=name, language=language)
    yield from _ends(feature)


def _geometry(feature: RawFeature, form: Form) -> Iterator[VenueFinding]:
    told = feature.geometry
    if told is None:
        if "null" not in form.geometry:
            yield _say(feature, "geometry_missing", wanted=" / ".join(form.geometry))
        return
    kind = told.get("type") if isinstance(told, dict) else type(told).__name__
    if kind not in form.geometry:
        yield _say(feature, "geometry_type", told=str(kind)[:40], wanted=" / ".join(form.geometry))
        return
    try:
        read_shape(told)
    except BadShape as problem:
        yield _say(feature, f"shape_{problem.args[0]}")


def _ends(feature: RawFeature) -> Iterator[VenueFinding]:
    """A relationship with one end missing joins nothing; with both ends the same it joins a place with itself."""
    if feature.feature_type != "relationship":
        return
    ends = [_id_of(feature.properties.get(name)) for name in ("origin", "destination")]
    if not all(ends):
        yield _say(feature, "relationship_open", Severity.WARNING)
    elif ends[0] == ends[1]:
        yield _say(feature, "relationship_loop", Severity.WARNING)


def _id_of(reference: Any) -> str:
    return str(reference.get("id") or "") if isinstance(reference, dict) else ""


Problem = tuple[str, dict[str, object]] | None


def _problem(value: Any, kind: str, types: Mapping[str, str]) -> Problem:
    """Return why a value is not of a kind of `rules/imdf.toml`: the end of a text key and its values."""
    kind, _, wanted = kind.partition(":")
    match kind:
        case "one" | "some":
            return _category(value, wanted, several=kind == "some")
        case "id" | "ids":
            return _reference(value, wanted, types, several=kind == "ids")
        case "ref" | "refs":
            return _typed_reference(value, types, several=kind == "refs")
        case "point":
            return _point(value)
        case "door":
            return _door(value)
        case _:
            return None if PLAIN[kind](value) else ("wrong", {"wanted": kind, "told": _shown(value)})


def _is_labels(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(LANGUAGE_TAG.fullmatch(tag) and isinstance(text, str) and text for tag, text in value.items())
    )


PLAIN: Mapping[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str) and bool(value.strip()),
    "labels": _is_labels,
    "whole": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "yes_no": lambda value: isinstance(value, bool),
    "word": lambda value: isinstance(value, str) and bool(WORD.fullmatch(value)),
    "direction": lambda value: value in ("directed", "undirected"),
    "dates": lambda value: isinstance(value, dict),
}


def _shown(value: Any) -> str:
    return str(value)[:60]


def _category(value: Any, name: str, *, several: bool) -> Problem:
    words = value if several else [value]
    if not isinstance(words, list):
        return "wrong", {"wanted": f"[{name}]", "told": _shown(value)}
    unknown = [word for word in words if not isinstance(word, str) or word not in get_categories(name)]
    return ("category", {"list": name, "told": _shown(unknown[0])}) if unknown else None


def _reference(value: Any, wanted: str, types: Mapping[str, str], *, several: bool) -> Problem:
    ids = value if several else [value]
    if not isinstance(ids, list):
        return "wrong", {"wanted": f"[{wanted} id]", "told": _shown(value)}
    for one in ids:
        found = types.get(one) if isinstance(one, str) else None
        if found is None:
            return "dangling", {"type": wanted, "id": _shown(one)}
        if found != wanted:
            return "other_type", {"type": wanted, "id": _shown(one), "found": found}
    return None


def _typed_reference(value: Any, types: Mapping[str, str], *, several: bool) -> Problem:
    references = value if several else [value]
    if not isinstance(references, list):
        return "wrong", {"wanted": "[{id, feature_type}]", "told": _shown(value)}
    for one in references:
        kind = one.get("feature_type") if isinstance(one, dict) else None
        if not isinstance(kind, str) or kind not in FEATURE_TYPES or not isinstance(one.get("id"), str):
            return "wrong", {"wanted": "{id, feature_type}", "told": _shown(one)}
        problem = _reference(one["id"], kind, types, several=False)
        if problem:
            return problem
    return None


def _point(value: Any) -> Problem:
    if not isinstance(value, dict) or value.get("type") != "Point":
        return "wrong", {"wanted": "Point", "told": _shown(value)}
    try:
        read_point(value.get("coordinates"))
    except BadShape:
        return "wrong", {"wanted": "Point", "told": _shown(value)}
    return None


def _door(value: Any) -> Problem:
    if not isinstance(value, dict):
        return "wrong", {"wanted": "{type, automatic, material}", "told": _shown(value)}
    for name, words in (("type", "door"), ("material", "door_material")):
        if value.get(name) is not None and (problem := _category(value[name], words, several=False)):
            return problem
    automatic = value.get("automatic")
    if automatic is not None and not isinstance(automatic, bool):
        return "wrong", {"wanted": "true / false", "told": _shown(automatic)}
    return None

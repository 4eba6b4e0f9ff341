"""From the bytes of files to an archive of features. Total: every byte string gives an archive and findings."""

from collections.abc import Mapping
from typing import Any

import orjson

from hubtwin.connectors.imdf.files import FEATURES, MANIFEST, error, told
from hubtwin.model.venue import EXTENSION, Archive, RawFeature, Severity, VenueFinding
from hubtwin.rules.venue_standard import FEATURE_TYPES

BOM = b"\xef\xbb\xbf"
MOST_FEATURES = 200_000
MOST_ID = 200


def parse_archive(members: Mapping[str, bytes]) -> tuple[Archive, list[VenueFinding]]:
    """Return the archive that files hold, and what is wrong with the files and with the frame of each feature.

    What can be read is kept: a file that is no JSON costs that file, a feature without an id that feature. Of two
    features with one id the first counts. Beyond MOST_FEATURES of all files together nothing is looked at.
    """
    findings: list[VenueFinding] = []
    manifest = _mapping(members, MANIFEST, findings) if MANIFEST in members else {}
    if MANIFEST not in members:
        findings.append(error("no_manifest"))
    extension = _mapping(members, EXTENSION, findings) if EXTENSION in members else {}
    features: dict[str, RawFeature] = {}
    left = MOST_FEATURES
    for name in sorted(members):
        kind = name.removesuffix(FEATURES)
        if name in (MANIFEST, EXTENSION):
            continue
        if not name.endswith(FEATURES) or kind not in FEATURE_TYPES:
            findings.append(told(Severity.NOTE, "unknown_file", name[:200]))
            continue
        if left < 0:
            continue
        found = _collection(members, name, findings)
        for place, feature in enumerate(found[:left]):
            _take(feature, kind, f"{name}#{place}", features, findings)
        left -= len(found)
        if left < 0:
            findings.append(error("too_many_features", f"{name}#{len(found) + left}", most=MOST_FEATURES))
    return Archive(manifest, tuple(features.values()), extension), findings


def _take(feature: Any, kind: str, where: str, features: dict[str, RawFeature], findings: list[VenueFinding]) -> None:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        findings.append(error("no_feature", where))
        return
    feature_id, told_kind = feature.get("id"), feature.get("feature_type")
    if not isinstance(feature_id, str) or not 0 < len(feature_id) <= MOST_ID:
        findings.append(error("no_id", where))
        return
    if feature_id in features:
        findings.append(error("id_twice", where, id=feature_id, first=features[feature_id].where))
        return
    if told_kind != kind:
        findings.append(error("other_type", where, id=feature_id, told=str(told_kind)[:60], file=kind))
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        findings.append(error("no_properties", where, id=feature_id))
        properties = {}
    features[feature_id] = RawFeature(feature_id, kind, feature.get("geometry"), properties, where)


def _collection(members: Mapping[str, bytes], name: str, findings: list[VenueFinding]) -> list[Any]:
    content = _json(members[name], name, findings)
    if content is None:
        return []
    if not isinstance(content, dict) or content.get("type") != "FeatureCollection":
        findings.append(error("no_collection", name))
        return []
    features = content.get("features")
    if not isinstance(features, list):
        findings.append(error("no_collection", name))
        return []
    return features


def _mapping(members: Mapping[str, bytes], name: str, findings: list[VenueFinding]) -> Mapping[str, Any]:
    content = _json(members[name], name, findings)
    if content is not None and not isinstance(content, dict):
        findings.append(error("no_object", name))
    return content if isinstance(content, dict) else {}


def _json(content: bytes, name: str, findings: list[VenueFinding]) -> Any:
    """Return the value of JSON text; None with a finding where it is none. NaN and Infinity are no JSON."""
    if content.startswith(BOM):
        content = content[len(BOM) :]
        findings.append(told(Severity.WARNING, "byte_order_mark", name))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        try:
            text = content.decode("gb18030")
        except UnicodeDecodeError:
            findings.append(error("not_text", name))
            return None
        findings.append(error("not_utf8", name))
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, RecursionError) as problem:
        findings.append(error("not_json", name, problem=str(problem)[:200]))
        return None

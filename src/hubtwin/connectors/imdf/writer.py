"""From an archive to the bytes of its files, one feature a line, so that a change is seen line by line."""

from collections.abc import Iterable
from typing import Any

import orjson

from hubtwin.connectors.imdf.files import FEATURES, MANIFEST, Members
from hubtwin.model.venue import EXTENSION, Archive, RawFeature


def write_archive(archive: Archive) -> Members:
    """Return the files of an archive by name: manifest, one file for each feature type that it holds, our extension."""
    members = {MANIFEST: orjson.dumps(archive.manifest, option=orjson.OPT_INDENT_2) + b"\n"}
    for kind in sorted({feature.feature_type for feature in archive.features}):
        members[kind + FEATURES] = _collection(each for each in archive.features if each.feature_type == kind)
    if archive.extension:
        members[EXTENSION] = orjson.dumps(archive.extension, option=orjson.OPT_INDENT_2) + b"\n"
    return members


def _collection(features: Iterable[RawFeature]) -> bytes:
    lines = b",\n".join(orjson.dumps(_feature(feature)) for feature in features)
    return b'{"type":"FeatureCollection","features":[\n' + lines + b"\n]}\n"


def _feature(feature: RawFeature) -> dict[str, Any]:
    return {
        "id": feature.feature_id,
        "type": "Feature",
        "feature_type": feature.feature_type,
        "geometry": feature.geometry,
        "properties": feature.properties,
    }

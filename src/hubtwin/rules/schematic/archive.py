"""The bytes of an IMDF archive: a zip file that is the same in every run (of one build of zlib)."""

import json
from collections.abc import Iterable
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from hubtwin.rules.schematic.records import Drawing

EXTENSION = "hubtwin.json"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest moment that a zip file can hold
_FILE_MODE = 0o644 << 16


def pack(drawing: Drawing) -> bytes:
    """Return the archive. Members are in a fixed order; a member holds one feature a line, by id."""
    members = {"manifest.json": _document(drawing.manifest)}
    for kind, features in drawing.features.items():
        members[f"{kind}.geojson"] = _collection(sorted(features, key=lambda feature: str(feature["id"])))
    members[EXTENSION] = _document(drawing.extension)
    target = BytesIO()
    with ZipFile(target, "w", ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in members.items():
            info = ZipInfo(name, _LONG_AGO)
            info.compress_type, info.external_attr, info.create_system = ZIP_DEFLATED, _FILE_MODE, 3
            archive.writestr(info, content)
    return target.getvalue()


def _collection(features: Iterable[dict[str, Any]]) -> str:
    lines = ",\n".join(_line(feature) for feature in features)
    return f'{{"type":"FeatureCollection","features":[\n{lines}\n]}}\n' if lines else _EMPTY


def _document(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1) + "\n"


def _line(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


_EMPTY = '{"type":"FeatureCollection","features":[]}\n'

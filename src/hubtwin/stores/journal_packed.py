"""Parts of entries of the journal: JSON under Zstandard, and the same without what must go."""

import struct
from collections.abc import Callable, Iterable, Iterator

import orjson
import pyarrow as pa

from hubtwin.base.errors import Malformed

PEOPLE = "staff:"  # how ids of things begin that are people at work: their past goes with what concerns events
_SIZE = struct.Struct(">I")


def pack(raw: bytes) -> bytes:
    """Return bytes under Zstandard, their length before them."""
    packed: bytes = pa.compress(raw, codec="zstd", asbytes=True)
    return _SIZE.pack(len(raw)) + packed


def unpack(packed: object) -> bytes:
    """Return what was packed. Raises Malformed."""
    try:
        assert isinstance(packed, bytes)
        (size,) = _SIZE.unpack_from(packed)
        found: bytes = pa.decompress(packed[_SIZE.size :], decompressed_size=size, codec="zstd", asbytes=True)
    except (struct.error, pa.ArrowException, OSError, AssertionError) as error:
        raise Malformed("stores.journal_damaged", detail=type(error).__name__) from error
    return found


def without_hits(event: bytes, is_hit: Callable[[Iterable[str]], bool]) -> bytes | None:
    """Return the part of an entry without the items that hold a hit; the same object where it holds none."""
    try:
        items = orjson.loads(unpack(event))
    except Malformed:
        return None
    kept = [item for item in items if not is_hit(_texts(item[2]))]
    if len(kept) == len(items):
        return event
    return pack(orjson.dumps(kept)) if kept else None


def without_people(place: bytes) -> bytes:
    """Return a part without the things that are people at work; the same object where it holds none."""
    try:
        raw = unpack(place)
    except Malformed:
        return place  # it is lost to everybody, and the next key frame begins anew
    if f'"{PEOPLE}'.encode() not in raw:
        return place
    told = orjson.loads(raw)
    ids = [each["id"] if isinstance(each, dict) else each[0] for each in told["things"]]
    told["things"] = [each for each, name in zip(told["things"], ids, strict=True) if not name.startswith(PEOPLE)]
    told["gone"] = [name for name in told["gone"] if not name.startswith(PEOPLE)]
    return pack(orjson.dumps(told))


def _texts(value: object) -> Iterator[str]:
    """Yield every text in plain data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)

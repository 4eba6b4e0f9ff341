"""JSON of the wire."""

from typing import Any

import orjson


def encode(value: Any) -> bytes:
    """Return a reply record or plain data as JSON."""
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)

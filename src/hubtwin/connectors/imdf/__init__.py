"""The archive of a venue (IMDF 1.0.0, OGC 20-094): bytes in, records out, and back.

It has no manifest, cadence or cursor: a venue is drawn once and read when a hub opens, it is not a source that can be
late. It stands beside the connectors because it is what they are: meaning without input or output, and one that the
wiring chooses. Reading the file is the wiring's (`hubtwin/wiring/venues.py`).
"""

from hubtwin.connectors.imdf.codec import parse_archive
from hubtwin.connectors.imdf.files import Limits, read_zip, write_zip
from hubtwin.connectors.imdf.mapper import make_venue
from hubtwin.connectors.imdf.writer import write_archive

__all__ = ["Limits", "make_venue", "parse_archive", "read_zip", "write_archive", "write_zip"]

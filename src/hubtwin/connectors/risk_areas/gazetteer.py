"""The shipped administrative tables as bytes to a gazetteer. Pure: who reads the files is `wiring`."""

import csv
import gzip
import io
from collections.abc import Mapping

from hubtwin.rules.places import AdminTables, Gazetteer, build_gazetteer

_GZIP = b"\x1f\x8b"

# Files of data/cn-admin, by the table that they hold.
ADMIN_FILES: Mapping[str, str] = {
    "provinces": "provinces.csv",
    "cities": "cities.csv",
    "counties": "areas.csv",
    "streets": "streets.csv.gz",
    "zones": "development_zones.csv",
    "former": "former_counties.csv",
    "aliases": "pca_aliases.csv",
}


def parse_gazetteer(files: Mapping[str, bytes]) -> Gazetteer:
    """Return the gazetteer of the files (file name to its bytes, UTF-8, gzip or plain).

    Raises KeyError for a file of ADMIN_FILES that is not given, or a column that it lacks.
    """
    return build_gazetteer(AdminTables(**{table: _rows(files[name]) for table, name in ADMIN_FILES.items()}))


def _rows(content: bytes) -> list[dict[str, str]]:
    plain = gzip.decompress(content) if content.startswith(_GZIP) else content
    return list(csv.DictReader(io.StringIO(plain.decode("utf-8-sig"))))

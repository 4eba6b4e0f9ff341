"""How many bytes the first view of the panorama takes, compressed: the entry of the built page, its texts in one
language, the map, its overlay.

Follows the static imports of the built files; what is fetched later (charts, other pages) does not count, the worker of
the base map is told apart. Ends with 1 above `MOST_KB`, which only goes down; the target is 600.
`python -m benchmarks.first_view [DIST]`
"""

import gzip
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.common import ROOT

TARGET_KB, MOST_KB = 600, 725
IMPORT = re.compile(r"""(?:from|import)\s*["'`]\./([\w.-]+\.js)["'`]""")
# The pieces that the panorama asks for by itself: the map, then what is drawn over it.
PARTS = ("TheMap", "painter", "fit", "webgl-device", "webgl")


def zipped_kb(file: Path) -> float:
    """Return the size of a file as the server sends it."""
    return len(gzip.compress(file.read_bytes(), 6)) / 1000


def reached(files: Iterable[Path]) -> set[Path]:
    """Return files with everything that they import before they run."""
    found: set[Path] = set()
    waiting = list(files)
    while waiting:
        file = waiting.pop()
        if file in found or not file.is_file():
            continue
        found.add(file)
        if file.suffix == ".js":
            names = IMPORT.findall(file.read_text(encoding="utf-8"))
            waiting += [file.with_name(name) for name in names]
    return found


def main() -> None:
    """Print the sizes; end with 1 above the limit."""
    dist = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "ui" / "dist"
    index = (dist / "index.html").read_text(encoding="utf-8")
    entry = reached(dist / name for name in re.findall(r'(?:src|href)="/(assets/[^"]+)"', index))
    pieces = [file for part in PARTS for file in dist.glob(f"assets/{part}-*") if file.suffix in (".js", ".css")]
    texts = max(dist.glob("assets/texts_*.js"), key=zipped_kb)  # the longer of the two: a page fetches one
    view = entry | reached([*pieces, texts])
    worker = sum(map(zipped_kb, dist.glob("assets/maplibre-gl-worker-*.js")))
    for file in sorted(view, key=zipped_kb, reverse=True)[:8]:
        print(f"{zipped_kb(file):7.1f} kB  {file.name}")
    total = sum(map(zipped_kb, view))
    print(
        f"entry {sum(map(zipped_kb, entry)):.0f} kB, first view {total:.0f} kB (target {TARGET_KB}, at most {MOST_KB})"
    )
    print(f"worker of the base map, beside it: {worker:.0f} kB")
    sys.exit(total > MOST_KB)


if __name__ == "__main__":
    main()

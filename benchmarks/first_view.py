"""How many bytes of code the first picture of the panorama takes, compressed: the entry of the built page, its texts in
one language, the base map, where its camera must stand. The hub is drawn then; what moves in it comes after.

Follows the static imports of the built files; what is fetched later (the overlay, charts, other pages) does not count,
and the worker of the base map is told apart. Ends with 1 above `MOST_KB`, which only goes down; the target is 600.
`python -m benchmarks.first_view [DIST]`
"""

import gzip
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.common import ROOT

TARGET_KB, MOST_KB = 600, 450
IMPORT = re.compile(r"""(?:from|import)\s*["'`]\./([\w.-]+\.js)["'`]""")
# The pieces that the panorama asks for by itself: the map and its camera; then what is drawn over it.
PARTS = ("TheMap", "fit")
LATER = ("painter", "gpu-data-evaluator", "webgl-device", "webgpu", "buffer-transform", "array-utils-flat")
WORKER = "maplibre-gl-worker"


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


def packed_kb(file: Path) -> float:
    """Return the size of a file as it is sent to who takes brotli: packed by the build, else as `zipped_kb`."""
    packed = file.with_name(file.name + ".br")
    return packed.stat().st_size / 1000 if packed.is_file() else zipped_kb(file)


def main() -> None:
    """Print the sizes; end with 1 above the limit."""
    dist = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "ui" / "dist"
    index = (dist / "index.html").read_text(encoding="utf-8")
    entry = reached(dist / name for name in re.findall(r"""(?:src|stylesheet"[^>]*href)="/(assets/[^"]+)""", index))
    texts = max(dist.glob("assets/texts_*.js"), key=zipped_kb)  # the longer of the two: a page fetches one
    view = entry | reached([*_named(dist, PARTS), texts])
    parts = {
        "entry": entry,
        "first picture": view,
        "worker of the base map, beside it": set(_named(dist, (WORKER,))),
        "overlay, after it": reached(_named(dist, LATER)) - view,
    }
    for file in sorted(view, key=zipped_kb, reverse=True)[:8]:
        print(f"{zipped_kb(file):7.1f} kB  {file.name}")
    for name, files in parts.items():
        print(f"{name}: {sum(map(zipped_kb, files)):.0f} kB gzip, {sum(map(packed_kb, files)):.0f} kB brotli")
    total = sum(map(zipped_kb, view))
    print(f"first picture {total:.0f} kB gzip (target {TARGET_KB}, at most {MOST_KB})")
    sys.exit(total > MOST_KB)


def _named(dist: Path, names: Sequence[str]) -> list[Path]:
    files = [file for name in names for file in dist.glob(f"assets/{name}-*")]
    return [file for file in files if file.suffix in (".js", ".css")]


if __name__ == "__main__":
    main()

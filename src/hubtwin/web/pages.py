"""The built page: files of `ui/dist`, known by name before anybody asks, so that no path leads elsewhere."""

import gzip
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from hubtwin.base.errors import Absent

FOREVER = "public, max-age=31536000, immutable"  # the build puts a hash of the content into the names of assets
ASK_AGAIN = "no-cache"
TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".json": "application/json",
    ".geojson": "application/geo+json",
    ".pbf": "application/x-protobuf",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
SMALLER = (".js", ".mjs", ".css", ".html", ".json", ".geojson", ".svg", ".pbf", ".map", ".webmanifest")
BROTLI = ".br"  # beside a file: the build packed it, which takes too long to do while somebody waits
WORTH_BYTES = 1024
HELD = 500  # files in memory


@dataclass(frozen=True)
class Content:
    """A file as it is sent; `packed` by encoding where that is smaller, the smallest first."""

    body: bytes
    packed: Mapping[str, bytes]
    kind: str
    seal: str


class Pages:
    """The files below one folder. A new build needs a new start: names carry hashes."""

    def __init__(self, folder: Path | None) -> None:
        """List them; None or a folder without index.html: there is no page."""
        found = folder is not None and (folder / "index.html").is_file()
        files = folder.rglob("*") if folder is not None and found else ()
        self._files = {
            str(f.relative_to(folder or f)).replace("\\", "/"): f
            for f in files
            if f.is_file() and not f.is_symlink() and f.suffix != BROTLI
        }
        self._content = lru_cache(HELD)(_read)

    def answer(self, request: Request, path: str) -> Response:
        """Return the file of a path; an address of the page itself gets index.html. Raises Absent."""
        name = path.strip("/") or "index.html"
        if "index.html" not in self._files:
            raise Absent("web.no_ui")
        if name not in self._files:
            if "." in name.rpartition("/")[2]:
                raise Absent("web.no_page")
            name = "index.html"
        content = self._content(self._files[name])
        headers = {
            "etag": content.seal,
            "cache-control": FOREVER if name.startswith("assets/") else ASK_AGAIN,
            "vary": "Accept-Encoding",
        }
        if content.seal in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        body, taken = content.body, _taken(request.headers.get("accept-encoding", ""))
        for encoding, packed in content.packed.items():
            if encoding in taken:
                body, headers["content-encoding"] = packed, encoding
                break
        return Response(body, headers=headers, media_type=content.kind)


def _read(file: Path) -> Content:
    body = file.read_bytes()
    kind = TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    seal = f'"{blake2b(body, digest_size=16).hexdigest()}"'
    packed: dict[str, bytes] = {}
    brotli = file.with_name(file.name + BROTLI)
    if brotli.is_file() and not brotli.is_symlink() and brotli.stat().st_mtime >= file.stat().st_mtime:
        packed["br"] = brotli.read_bytes()
    if file.suffix in SMALLER and len(body) > WORTH_BYTES:
        packed["gzip"] = gzip.compress(body, 6, mtime=0)
    return Content(body, {name: each for name, each in packed.items() if len(each) < len(body)}, kind, seal)


def _taken(told: str) -> set[str]:
    """Return the encodings that a browser takes (RFC 9110, 12.5.3); one of weight 0 is refused."""
    found = set()
    for part in told.split(","):
        encoding, _, weight = part.partition(";")
        if weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            found.add(encoding.strip().lower())
    return found

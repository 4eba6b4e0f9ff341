"""The venue of a hub: its archive read from disk once, its walking graph built once, its walks for the staff plan."""

from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from functools import cached_property, lru_cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import structlog

from hubtwin.base.errors import Absent, Malformed
from hubtwin.model.place import Hub, Walk
from hubtwin.model.venue import Archive, Severity, Venue, VenueFinding
from hubtwin.settings import Settings
from hubtwin.wiring.kept_walks import keep_walks
from hubtwin.wiring.plugs import load

IMDF = "hubtwin.connectors.imdf"
KEPT = 4  # venues of this process
KEPT_WALKS = "walks"  # the folder below the home
MOST = 64 << 20  # bytes of one file of a folder
MOST_MODEL = 512 << 20  # bytes of a building model
_LOG = structlog.get_logger()
_WALKS: dict[object, tuple[Walk, ...]] = {}


@dataclass(frozen=True)
class Drawn:
    """An archive as it was read: its features, the venue (None where there is none), and what reading found wrong.

    `etag` changes with any byte of its files.
    """

    archive: Archive
    venue: Venue | None
    findings: tuple[VenueFinding, ...]
    etag: str

    @cached_property
    def graph(self) -> Any:
        """Return the walking graph (`rules.walking.WalkingGraph`) of the venue."""
        return load("hubtwin.rules.walking:WalkingGraph")(self.venue)

    def check(self) -> list[VenueFinding]:
        """Return everything that is wrong with the archive, the worst first."""
        found = load("hubtwin.rules.venue_check:check_archive")(self.archive, self.venue)
        sort: Callable[[list[VenueFinding]], list[VenueFinding]] = load("hubtwin.rules.venue_check:sort_findings")
        return sort([*self.findings, *found])


def read_archive(path: Path) -> Drawn:
    """Return what the archive at a path holds, a zip or a folder. Raises Absent where there is nothing."""
    if not path.exists():
        raise Absent("wiring_no_venue", file=path)
    members, wrong = _read_folder(path) if path.is_dir() else _read_zip(path)
    archive, faults = load(f"{IMDF}:parse_archive")(members)
    venue, left_out = load(f"{IMDF}:make_venue")(archive)
    etag = sha256(b"".join(name.encode() + members[name] for name in sorted(members))).hexdigest()[:32]
    return Drawn(archive, venue, (*wrong, *faults, *left_out), etag)


def _read_zip(path: Path) -> tuple[dict[str, bytes], list[VenueFinding]]:
    limits = load(f"{IMDF}:Limits")()
    with path.open("rb") as stream:
        packed = stream.read(limits.packed + 1)
    found: tuple[dict[str, bytes], list[VenueFinding]] = load(f"{IMDF}:read_zip")(packed, limits)
    return found


def _read_folder(path: Path) -> tuple[dict[str, bytes], list[VenueFinding]]:
    """Read the files of a folder by their names; a link leads elsewhere and is not followed."""
    error = load(f"{IMDF}.files:error")
    members: dict[str, bytes] = {}
    findings: list[VenueFinding] = []
    for file in sorted(path.iterdir()):
        if file.suffix not in (".json", ".geojson"):
            continue
        if file.is_symlink() or not file.is_file():
            findings.append(error("a_link", file.name))
        elif file.stat().st_size > MOST:
            findings.append(error("file_too_large", file.name, most=MOST))
        else:
            members[file.name] = file.read_bytes()
    return members, findings


def write_archive(archive: Archive, path: Path) -> None:
    """Write an archive as a zip."""
    path.write_bytes(load(f"{IMDF}:write_zip")(load(f"{IMDF}:write_archive")(archive)))


def import_building(path: Path, now: datetime, origin: tuple[float, float] | None = None) -> Archive:
    """Return the archive of a building model (IFC). Raises Absent for no file or no ifcopenshell, Malformed."""
    if not path.is_file():
        raise Absent("wiring_no_venue", file=path)
    try:
        read = load("hubtwin.connectors.ifc.model:read_building")
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "ifcopenshell":
            raise
        raise Absent("wiring_no_ifc") from missing
    with path.open("rb") as stream:
        content = stream.read(MOST_MODEL + 1)
    if len(content) > MOST_MODEL:
        raise Malformed("wiring_large_model", file=path, most=MOST_MODEL >> 20)
    archive: Archive = load("hubtwin.connectors.ifc.archive:draw_building")(
        read(content), source=path.name, now=now, origin=origin
    )
    return archive


def open_drawn(settings: Settings) -> Drawn | None:
    """Return the venue of a hub as it was read, None where hub.toml names none.

    Raises Absent where its file is missing, Malformed where it holds no venue. Read again when the file changes.
    """
    if settings.venue is None:
        return None
    return _open(settings.venue.archive)


def _open(path: Path) -> Drawn:
    drawn = _drawn(path, _stamp(path))
    if drawn.venue is None:
        raise Malformed("wiring_bad_venue", file=path)
    return drawn


def open_venue(settings: Settings) -> Venue | None:
    """Return the venue of a hub, None where hub.toml names none. Raises Absent and Malformed."""
    drawn = open_drawn(settings)
    return drawn.venue if drawn else None


def list_places(hub: Hub) -> list[str]:
    """Return the exits and platforms of a hub."""
    return [*(each.exit_id for each in hub.exits), *(each.platform_id for each in hub.platforms)]


def check_places(settings: Settings, drawn: Drawn) -> list[VenueFinding]:
    """Return which places of the hub its venue does not know, and what is named as closed and does not exist."""
    if drawn.venue is None or settings.venue is None:
        return []
    find = load("hubtwin.rules.hub_walks:find_place")
    missing = [place for place in list_places(settings.hub) if find(drawn.graph, place) is None]
    known = {name for each in drawn.venue.list_features() for name in (each.code, each.feature_id)}
    told = [("rules.venue_hub_place", place) for place in missing]
    told += [("rules.venue_hub_closed", each) for each in settings.venue.closed if each not in known]
    return [VenueFinding(Severity.WARNING, key, where="hub.toml", values={"place": place}) for key, place in told]


def with_venue(settings: Settings) -> Settings:
    """Return settings whose hub walks by its venue; the same where it has none. Raises Absent and Malformed.

    Walks are computed once for an archive and kept below the home of the hub.
    """
    if settings.venue is None:
        return settings
    path, closed = settings.venue.archive, settings.venue.closed
    places, walks = tuple(list_places(settings.hub)), settings.hub.walks
    stamp = _stamp(path)
    key = (path, stamp, places, walks, closed)
    if key not in _WALKS:
        compute = partial(_compute, path, places, walks, closed)
        told = [places, [astuple(walk) for walk in walks], closed]
        file = settings.home / KEPT_WALKS / f"{settings.hub.hub_id}.json"
        _WALKS[key] = keep_walks(file, [path / name for name, *_ in stamp] if path.is_dir() else [path], told, compute)
        while len(_WALKS) > KEPT:
            _WALKS.pop(next(iter(_WALKS)), None)
    return replace(settings, hub=replace(settings.hub, walks=_WALKS[key]))


def _compute(path: Path, places: Iterable[str], walks: tuple[Walk, ...], closed: tuple[str, ...]) -> tuple[Walk, ...]:
    found: tuple[Walk, ...] = load("hubtwin.rules.hub_walks:walks_of")(places, walks, _open(path).graph, closed)
    return found


def _stamp(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Return what changes when a file, or one of a folder, is written anew. Raises Absent."""
    if not path.exists():
        raise Absent("wiring_no_venue", file=path)
    files = sorted(each for each in path.iterdir() if each.is_file()) if path.is_dir() else [path]
    return tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files)


@lru_cache(maxsize=KEPT)
def _drawn(path: Path, stamp: object) -> Drawn:
    drawn = read_archive(path)
    _LOG.info(
        "venue_read", file=path.name, features=len(drawn.archive.features), extended=bool(drawn.archive.extension)
    )
    return drawn

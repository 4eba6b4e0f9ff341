"""The library of a hub: its catalogue, opened once from the folder that hub.toml names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Protocol

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.datasets.listing import Catalogue
from hubtwin.library.catalogue import Held
from hubtwin.library.contracts import apply_contracts
from hubtwin.library.districts import find_folder, read_district
from hubtwin.library.hub_listings import hub_catalogue
from hubtwin.settings import Settings
from hubtwin.stores.contracts import stamp_of, texts_of
from hubtwin.stores.shelves import LIBRARY_FOLDER, SHELVES_FILE, Shelves
from hubtwin.wiring.access import peeked
from hubtwin.wiring.plugs import directory_of, open_store

DISTRICTS = "districts"  # the folder of shipped districts below the shipped data
KEPT = 4  # catalogues of this process
Stamp = tuple[tuple[Path, int, int], ...]


def district_folder(settings: Settings) -> Path | None:
    """Return the folder of the district that hub.toml names, None where it names none. Raises Absent."""
    if not settings.district:
        return None
    return find_folder(settings.district, settings.hub_file.parent, settings.data_dir / DISTRICTS)


class PublishedContracts(Protocol):
    """The contracts that were published: what tells one state from another, and their texts by dataset."""

    def stamp(self) -> tuple[tuple[str, str], ...]:
        """Return dataset and hash of every version."""
        ...

    def texts(self) -> Mapping[str, tuple[bytes, ...]]:
        """Return the texts of all versions."""
        ...


def open_catalogue(settings: Settings, contracts: PublishedContracts | None = None) -> Catalogue:
    """Return what is listed now: the hub's own datasets and, where hub.toml names a district, that of the district,
    each under its newest published contract.

    `contracts` are those of an open hub; without them the store of the hub is asked, where there is one. What has not
    changed is not read again. Raises Absent where there is no such folder, Malformed, naming file and entry, where a
    declaration is wrong.
    """
    folder = district_folder(settings)
    files = sorted(folder.rglob("*.toml")) if folder else []
    stamp = tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    if contracts is not None:
        return _under(folder, stamp, Texts(contracts.stamp(), contracts.texts))
    with peeked(directory_of(settings), settings.rows, "contracts") as rows:
        if rows is None:
            return _read(folder, stamp)
        return _under(folder, stamp, Texts(stamp_of(rows), partial(texts_of, rows)))


@dataclass(frozen=True)
class Texts:
    """Published contracts, told apart by their stamp alone."""

    stamp: tuple[tuple[str, str], ...]
    read: Callable[[], Mapping[str, tuple[bytes, ...]]] = field(compare=False)


@lru_cache(maxsize=KEPT)
def _under(folder: Path | None, stamp: Stamp, texts: Texts) -> Catalogue:
    declared = _read(folder, stamp)
    return apply_contracts(declared, texts.read()) if texts.stamp else declared


@lru_cache(maxsize=KEPT)
def _read(folder: Path | None, _stamp: Stamp) -> Catalogue:
    return read_district(folder, hub_catalogue()) if folder else hub_catalogue()


def held_of(settings: Settings, clock: Clock) -> Mapping[str, Held]:
    """Return what is held of each dataset: of the hub's own from its store, of the district's from the shelves."""
    with open_store(settings, clock) as store:
        found = dict(store.held())
    directory = directory_of(settings) / LIBRARY_FOLDER
    if (directory / SHELVES_FILE).exists():
        shelves = Shelves(directory, at_min=epoch_minute(clock()))
        try:
            found.update(shelves.held())
        finally:
            shelves.close()
    return found

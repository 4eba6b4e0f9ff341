"""The library of a hub: its catalogue, opened once from the folder that hub.toml names."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.datasets.listing import Catalogue
from hubtwin.library.catalogue import Held
from hubtwin.library.districts import find_folder, read_district
from hubtwin.library.hub_listings import hub_catalogue
from hubtwin.settings import Settings
from hubtwin.stores.embedded import store_directory
from hubtwin.stores.shelves import LIBRARY_FOLDER, SHELVES_FILE, Shelves
from hubtwin.wiring.plugs import open_store

DISTRICTS = "districts"  # the folder of shipped districts below the shipped data
KEPT = 4  # catalogues of this process


def district_folder(settings: Settings) -> Path | None:
    """Return the folder of the district that hub.toml names, None where it names none. Raises Absent."""
    if not settings.district:
        return None
    return find_folder(settings.district, settings.hub_file.parent, settings.data_dir / DISTRICTS)


def open_catalogue(settings: Settings) -> Catalogue:
    """Return what is listed: the hub's own datasets and, where hub.toml names a district, that of the district.

    Raises Absent where there is no such folder, Malformed, naming file and entry, where a declaration is wrong.
    """
    folder = district_folder(settings)
    if folder is None:
        return hub_catalogue()
    stamp = tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in sorted(folder.rglob("*.toml")))
    return _read(folder, stamp)


@lru_cache(maxsize=KEPT)
def _read(folder: Path, _stamp: tuple[tuple[Path, int, int], ...]) -> Catalogue:
    return read_district(folder, hub_catalogue())


def held_of(settings: Settings, clock: Clock) -> Mapping[str, Held]:
    """Return what is held of each dataset: of the hub's own from its store, of the district's from the shelves."""
    with open_store(settings, clock) as store:
        found = dict(store.held())
    directory = store_directory(settings.home, settings.hub.hub_id) / LIBRARY_FOLDER
    if (directory / SHELVES_FILE).exists():
        shelves = Shelves(directory, at_min=epoch_minute(clock()))
        try:
            found.update(shelves.held())
        finally:
            shelves.close()
    return found

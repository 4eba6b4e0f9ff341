"""The tables of an archive (a GTFS feed, a folder that was zipped), each with the dataset that it goes into.

A table goes where a person says, else into the dataset it is named after. For one that neither holds for, the datasets
are offered whose key it has: a name alone would be a guess with somebody's register.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from hubtwin.base.errors import HubError, Malformed
from hubtwin.connectors.tables.archives import list_members
from hubtwin.connectors.tables.opened import open_file
from hubtwin.datasets.listing import Catalogue
from hubtwin.library.hub_listings import HUB_LIBRARY
from hubtwin.rules.guess import known_names, match_columns, plain_name
from hubtwin.wiring.loading import Asked, Loader

MOST_OFFERS = 3


@dataclass(frozen=True, slots=True)
class Table:
    """A table of an archive: its file in there, the dataset it goes into ("" for none), the mapping that was told, and
    otherwise the datasets that its columns fit, the best first, with how many of them do."""

    member: str
    dataset: str
    mapping: Mapping[str, str]
    offers: tuple[tuple[str, int], ...] = ()

    @property
    def name(self) -> str:
        """Return what a person calls it: `stops` of `gtfs/stops.txt`."""
        return PurePosixPath(self.member).stem

    def asked(self, whole: Asked) -> Asked:
        """Return what is asked of this table, where `whole` is what is asked of the archive."""
        told = replace(whole.told, table=self.name)  # as one says it who loads this table alone: the same load
        return replace(whole, dataset=self.dataset, told=told, mapping=self.mapping)


def list_tables(
    loader: Loader, file: Path, into: Mapping[str, str], mapping: Mapping[str, Mapping[str, str]]
) -> list[Table]:
    """Return the tables of an archive. `into` is table -> dataset ("" to leave it out), `mapping` is table -> column of
    it -> column of the dataset.

    Raises Absent for a dataset that is not listed, Malformed for a table that the archive does not have, two of one
    name, two that go into one dataset, and for what is no archive.
    """
    catalogue = loader.catalogue()
    listed = sorted(list_members(file))
    members = {PurePosixPath(name).stem: name for name in listed}
    if len(members) < len(listed):
        raise Malformed("wiring.tables_alike", file=file.name)
    unknown = sorted((set(into) | set(mapping)) - set(members))
    if unknown:
        raise Malformed("wiring.no_such_table", table=unknown[0], file=file.name, known=", ".join(members)[:400])
    for dataset in filter(None, into.values()):
        catalogue.get(dataset)
    named = _names_of(catalogue)
    found = []
    for name, member in members.items():
        dataset = into.get(name, named.get(plain_name(name), ""))
        offers = () if dataset or name in into else _offers(loader, catalogue, file, member)
        found.append(Table(member, dataset, mapping.get(name, {}), offers))
    _refuse_one_for_two(found)
    return found


def _names_of(catalogue: Catalogue) -> dict[str, str]:
    named: dict[str, str] = {}
    for one in catalogue.listings:
        if one.library != HUB_LIBRARY:
            named.update({plain_name(name): one.name for name in (one.name, one.dataset.zh, one.dataset.en)})
    return named


def _offers(loader: Loader, catalogue: Catalogue, file: Path, member: str) -> tuple[tuple[str, int], ...]:
    """Return the datasets whose key a table has under a name that fits; none for what is no table."""
    elements = {each.name: each for each in catalogue.elements}
    listings = [one for one in catalogue.listings if one.library != HUB_LIBRARY]
    names = list(dict.fromkeys(name for one in listings for name in known_names(one, elements)))
    try:
        with loader.shelves.scratch() as scratch:
            told = replace(Asked("", "").told, table=member)
            columns = open_file(file, told, names, scratch).source.columns
    except HubError:
        return ()
    fits = {}
    for one in listings:
        targets = set(match_columns(columns, one, elements, {}).values())
        if set(one.dataset.key) <= targets:
            fits[one.name] = len(targets)
    return tuple(sorted(fits.items(), key=lambda each: (-each[1], each[0]))[:MOST_OFFERS])


def _refuse_one_for_two(tables: list[Table]) -> None:
    taken: dict[str, str] = {}
    for table in tables:
        if table.dataset and table.dataset in taken:
            names = {"first": taken[table.dataset], "second": table.name}
            raise Malformed("wiring.tables_into_one", dataset=table.dataset, **names)
        taken[table.dataset] = table.name

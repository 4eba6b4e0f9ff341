"""Published contracts of datasets, as rows of `access.sqlite`: each in one transaction with the audit row about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.base.errors import Absent, Denied
from hubtwin.stores.access_rows import AccessRows, Reader
from hubtwin.stores.audit import Audit, Note

_COLUMNS = "dataset, version, sha256, published_by, published_min"


@dataclass(frozen=True, slots=True)
class Published:
    """A version of a contract: who published it, when, and the hash of its text."""

    dataset: str
    version: str
    sha256: str
    by: str
    at_min: int


class Contracts:
    """The published contracts of one store directory."""

    def __init__(self, database: AccessRows, audit: Audit, *, clock: Clock) -> None:
        """Take the open `access.sqlite` and the audit in it."""
        self._database, self._audit, self._clock = database, audit, clock

    def publish(self, dataset: str, version: str, content: str, *, by: str, changes: int) -> Published:
        """Store a version; the same text again changes nothing. Raises Denied for another text under a known version.

        It counts for whoever opens the catalogue next.
        """
        digest = sha256(content.encode()).hexdigest()
        made = Published(dataset, version, digest, by, epoch_minute(self._clock()))
        with self._database.transaction() as con:
            sql = f"SELECT {_COLUMNS} FROM contracts WHERE dataset = ? AND version = ?"  # noqa: S608 - our own names
            known = con.execute(sql, (dataset, version)).fetchone()
            if known is not None and known[2] != digest:
                raise Denied("stores.contract_is_published", dataset=dataset, version=version)
            if known is not None:
                return _published(known)
            con.execute(
                "INSERT INTO contracts (dataset, version, content, sha256, published_by, published_min)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (dataset, version, content, digest, by, made.at_min),
            )
            told = {"dataset": dataset, "version": version, "sha256": digest, "changes": changes}
            self._audit.append_in(con, [Note("ContractPublished", by, told)])
        return made

    def list_versions(self, dataset: str) -> list[Published]:
        """Return the versions of a dataset, in the order in which they were published."""
        sql = f"SELECT {_COLUMNS} FROM contracts WHERE dataset = ? ORDER BY published_min, version"  # noqa: S608
        return [_published(row) for row in self._database.all(sql, dataset)]

    def get(self, dataset: str, version: str) -> str:
        """Return the text of a version. Raises Absent."""
        found = self._database.all("SELECT content FROM contracts WHERE dataset = ? AND version = ?", dataset, version)
        if not found:
            raise Absent("stores.no_contract", dataset=dataset, version=version)
        return str(found[0][0])

    def stamp(self) -> tuple[tuple[str, str], ...]:
        """Return what is published, in short: it is another one after each publication."""
        return stamp_of(self._database)

    def texts(self) -> Mapping[str, tuple[bytes, ...]]:
        """Return the texts of all versions by dataset."""
        return texts_of(self._database)


def stamp_of(rows: Reader) -> tuple[tuple[str, str], ...]:
    """Return dataset and hash of every published version, in order."""
    found = rows.all("SELECT dataset, sha256 FROM contracts ORDER BY dataset, version")
    return tuple((str(dataset), str(digest)) for dataset, digest in found)


def texts_of(rows: Reader) -> Mapping[str, tuple[bytes, ...]]:
    """Return the texts of all versions by dataset."""
    found: dict[str, tuple[bytes, ...]] = {}
    for dataset, content in rows.all("SELECT dataset, content FROM contracts ORDER BY dataset, version"):
        found[str(dataset)] = (*found.get(str(dataset), ()), str(content).encode())
    return found


def _published(row: tuple[object, ...]) -> Published:
    dataset, version, digest, by, at_min = row
    return Published(str(dataset), str(version), str(digest), str(by), int(str(at_min)))

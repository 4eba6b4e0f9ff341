"""The areas of a risk table under their digest, and the change that leads from one table to the next.

A change tells everything of the new table but its areas, of these only what goes and what comes, and the digest of all
of them afterwards. The hub signs the change, and with it that digest: whoever applies it to other areas than the hub
started from gets another digest and knows. The digest of areas is the SHA-256 of their SHA-256s in order.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from hubtwin.base.errors import Denied
from hubtwin.model.risk_table import HEAD, MOST_AREAS, Entry, ListedArea, RiskTable, read_area, read_head

CHANGE_KIND = "hubtwin.risk_table_change.1"
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class AreaSet:
    """The areas of a table by their hashes."""

    by_hash: Mapping[bytes, ListedArea]

    @cached_property
    def digest(self) -> str:
        """Return the digest of all areas, whatever their order."""
        return sha256(b"".join(sorted(self.by_hash))).hexdigest()

    def areas(self) -> tuple[ListedArea, ...]:
        """Return the areas, in order of their keys."""
        return tuple(sorted(self.by_hash.values(), key=_order))

    def changed(self, came: Iterable[ListedArea], gone: Iterable[bytes] = ()) -> "AreaSet":
        """Return the set without the hashes that went and with the areas that came; only these are hashed."""
        made = dict(self.by_hash)
        for told in gone:
            made.pop(told, None)
        made.update((hash_area(area), area) for area in came)
        return AreaSet(made)

    def since(self, before: "AreaSet") -> tuple[tuple[str, ...], tuple[ListedArea, ...]]:
        """Return the hashes of what went since an earlier set, in hexadecimal, and the areas that came."""
        went = sorted(told.hex() for told in before.by_hash.keys() - self.by_hash.keys())
        came = sorted((self.by_hash[told] for told in self.by_hash.keys() - before.by_hash.keys()), key=_order)
        return tuple(went), tuple(came)


NO_AREAS = AreaSet({})


@dataclass(frozen=True, slots=True)
class TableChange:
    """What leads from the table of version `base_version`, whose areas have the digest `base_digest`, to the next.

    `table` is the next one with only those areas that come; `gone` are the hashes of those that go; `digest` is the one
    of all areas of the next table.
    """

    table: RiskTable
    base_version: int
    base_digest: str
    gone: tuple[str, ...]
    digest: str

    def body(self) -> dict[str, object]:
        """Return what is signed, as plain JSON."""
        return {
            "kind": CHANGE_KIND,
            **self.table.head(),
            "base_version": self.base_version,
            "base_digest": self.base_digest,
            "gone": list(self.gone),
            "came": [list(area) for area in self.table.areas],
            "digest": self.digest,
        }

    def apply(self, version: int, areas: AreaSet) -> AreaSet:
        """Return the areas of the next table. Raises Denied where it does not start from this one, or does not end
        where it says.
        """
        if (version, areas.digest) != (self.base_version, self.base_digest):
            raise Denied("model.change_from_elsewhere", base=self.base_version, held=version)
        going = [bytes.fromhex(told) for told in self.gone]
        made = areas.changed(self.table.areas, going)
        if not areas.by_hash.keys() >= set(going) or made.digest != self.digest:
            raise Denied("model.change_ends_elsewhere", version=self.table.version)
        return made


def hash_area(area: ListedArea) -> bytes:
    """Return the SHA-256 of an area as a JSON list without blanks, in UTF-8."""
    return sha256(_write(area).encode()).digest()


def read_change(body: object) -> TableChange:
    """Return the change that a body says. Raises Malformed naming the entry that is wrong, or one that nobody reads."""
    told = Entry("", body)
    told.only(f"kind {HEAD} base_version base_digest gone came digest")
    told.word("kind", (CHANGE_KIND,))
    table = read_head(told, told.each("came", MOST_AREAS, read_area))
    return TableChange(
        table,
        base_version=told.whole("base_version", 1, table.version - 1),
        base_digest=_read_digest(told.entry("base_digest")),
        gone=told.each("gone", MOST_AREAS, _read_digest),
        digest=_read_digest(told.entry("digest")),
    )


def _read_digest(told: Entry) -> str:
    if not isinstance(told.value, str) or not _DIGEST.fullmatch(told.value):
        told.refuse()
    return str(told.value)


def _order(area: ListedArea) -> tuple[str, int, str]:
    return area.area_key, area.first_seen_min, area.community

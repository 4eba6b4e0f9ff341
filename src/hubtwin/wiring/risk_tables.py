"""What a hub's risk table says at a moment, and its form for one matcher: with keys wrapped for it, and signed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from zoneinfo import ZoneInfo

import narwhals as nw
import orjson
import polars as pl

from hubtwin.base.clock import DAY_MIN, epoch_minute
from hubtwin.library.query import collect
from hubtwin.model.risk_table import ListedArea, MatchRule, RiskTable, WrappedKey, key_label
from hubtwin.model.table_change import NO_AREAS, AreaSet, TableChange, hash_area
from hubtwin.rules.privacy import epoch_of
from hubtwin.rules.told_areas import join_told
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.signing import Signer, canonical
from hubtwin.stores.vault import Vault
from hubtwin.stores.wrapping import wrap

VALID_MIN = 24 * 60  # a matcher that hears nothing for a day stops
DAYS_BACK, DAYS_AHEAD = 2, 1  # service dates whose trains may arrive while a table is in force
PRECISION = "community"  # a hit names a person, so it takes the sharpest match; what is coarser is counted, not named


@dataclass(frozen=True)
class HubSide:
    """What tables are made of. `rule` says for a moment what counts as a hit, `in_force` whether anything may."""

    hub_id: str
    zone: ZoneInfo
    stations: tuple[str, ...]
    store: EmbeddedStore
    vault: Vault
    signer: Signer
    rule: Callable[[datetime], MatchRule]
    in_force: Callable[[int], bool]


@dataclass(frozen=True)
class Listing:
    """The areas of a table: as columns, by which two listings are compared at once, and under their digest.

    Without columns no event is in force, which is not the same as an event with nothing listed.
    """

    frame: pl.DataFrame | None = None
    areas: AreaSet = NO_AREAS

    def turned_into(self, frame: pl.DataFrame) -> "Listing":
        """Return the listing of other columns; what stays the same is not looked at again."""
        if self.frame is None:
            return Listing(frame, NO_AREAS.changed(_rows(frame)))
        came, gone = _only_in(frame, self.frame), _only_in(self.frame, frame)
        return Listing(frame, self.areas.changed(_rows(came), map(hash_area, _rows(gone))))


NOTHING = Listing()


def make_table(hub: HubSide, now: datetime, before: Listing = NOTHING) -> tuple[RiskTable, Listing]:
    """Return the table as of a moment, of version 1 and without keys and areas, and its areas.

    They are empty where no event is in force; else those of the rule's levels that were listed at any time within the
    look-back, as they are known now.
    """
    now_min, rule = epoch_minute(now), hub.rule(now)
    span = (now_min, now_min + VALID_MIN)
    head = RiskTable(hub.hub_id, hub.store.status, 1, *span, hub.stations, rule, (), ())
    return head, before.turned_into(_list_areas(hub, rule, now_min)) if hub.in_force(now_min) else NOTHING


def ready_for(hub: HubSide, table: RiskTable, listing: Listing, wrapping_key: str, *, version: int) -> RiskTable:
    """Return a table as one matcher gets it: in a version, with its keys while an event is in force, be it without
    areas: hits are withdrawn then; without keys they are forgotten. Raises Malformed (wrapping key).
    """
    keys = () if listing.frame is None else wrap_keys(hub, wrapping_key, table.made_min)
    return replace(table, version=version, keys=keys)


def change_between(base: tuple[int, AreaSet], table: RiskTable, areas: AreaSet) -> TableChange | None:
    """Return what leads from a version with its areas to a table; None where the whole table is not much longer."""
    gone, came = areas.since(base[1])
    if len(gone) + len(came) > len(areas.by_hash) // 2:
        return None
    return TableChange(replace(table, areas=came), base[0], base[1].digest, gone, areas.digest)


def wrap_keys(hub: HubSide, wrapping_key: str, now_min: int) -> tuple[WrappedKey, ...]:
    """Return the keys of the service dates under way, wrapped for a matcher: one, or two around a change of epoch.

    Never an earlier one: a matcher compares documents, so no look-back over pseudonyms is needed.
    """
    days = (now_min + step * DAY_MIN for step in range(-DAYS_BACK, DAYS_AHEAD + 1))
    keys = [(epoch, hub.vault.find_epoch_key(epoch)) for epoch in sorted({epoch_of(minute) for minute in days})]
    return tuple(wrapped(hub, wrapping_key, epoch, key) for epoch, key in keys if key is not None)


def _list_areas(hub: HubSide, rule: MatchRule, now_min: int) -> pl.DataFrame:
    since_min = now_min - rule.lookback_d * DAY_MIN
    first, gone = nw.col("first_seen_min"), nw.col("gone_by_min")
    rows = join_told(hub.store.tables(("risk_areas", "told_areas"))).filter(
        nw.col("level").is_in(list(rule.levels)),
        ~nw.col("area_code").is_null(),
        first <= now_min,
        gone.is_null() | (gone > since_min),
    )
    # a replayed history knows when an area will be withdrawn; the hub of that minute does not
    known = nw.when(gone <= now_min).then(gone)
    found = rows.with_columns(gone_by_min=known, synthetic=nw.col("provenance") == "synthetic")
    listed = pl.from_arrow(collect(found.select(*ListedArea._fields)))
    assert isinstance(listed, pl.DataFrame)
    return listed


def _only_in(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    return one.join(other, on=list(ListedArea._fields), how="anti", nulls_equal=True)


def _rows(frame: pl.DataFrame) -> Iterator[ListedArea]:
    return map(ListedArea._make, frame.iter_rows())


def digest_of(table: RiskTable, listing: Listing, wrapping_key: str) -> str:
    """Return a hash of what a table says, whenever it was made, and of the key it is wrapped for."""
    said = replace(table, made_min=0, valid_until_min=0).head()
    epochs = (epoch_of(table.made_min - DAYS_BACK * DAY_MIN), epoch_of(table.made_min + DAY_MIN))
    in_force = listing.frame is not None
    told = orjson.dumps([said, listing.areas.digest, in_force, wrapping_key, epochs], option=orjson.OPT_SORT_KEYS)
    return blake2b(told, digest_size=16).hexdigest()


def wrapped(hub: HubSide, wrapping_key: str, epoch: int, key: bytes) -> WrappedKey:
    """Return the key of an epoch, wrapped for a matcher."""
    return WrappedKey(epoch, wrap(key, wrapping_key, key_label(hub.hub_id, epoch)))


def seal(signer: Signer, body: Mapping[str, object]) -> bytes:
    """Return a document with the signature of a hub."""
    content = canonical(body)
    head = f'{{"public_key":"{signer.public_hex}","signature":"{signer.sign(content).hex()}","body":'
    return head.encode() + content + b"}"

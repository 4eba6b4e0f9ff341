"""What a matcher takes from a hub: signed with the key it was given out of band, for it, fresh, and never older."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubtwin.base.errors import Denied, Malformed
from hubtwin.model.risk_table import CotravelQuery, RiskTable, read_query, read_table
from hubtwin.model.table_change import TableChange, read_change
from hubtwin.stores.signing import canonical, is_signed

MOST_BYTES = 64 << 20
AHEAD_MIN = 10  # a hub whose clock is further ahead than this would make tables that never grow stale
QUERY_MIN = 10  # a question is asked now; one that somebody kept for later is refused
_SEALED = {"body", "public_key", "signature"}


@dataclass(frozen=True, slots=True)
class HubKey:
    """The hub that a matcher works for: its id, and its public key in hexadecimal as told out of band."""

    hub_id: str
    public_hex: str


def open_table(sealed: bytes, hub: HubKey, now_min: int) -> RiskTable:
    """Return the table in a sealed document.

    Raises Malformed for what cannot be read, Denied for a table that is unsigned, altered, signed with another key, of
    another hub, stale, or from the future.
    """
    return _refuse_unfit(read_table(_open(sealed, hub)), hub, now_min)


def open_change(sealed: bytes, hub: HubKey, now_min: int) -> TableChange:
    """Return the change of a table in a sealed document. Raises as `open_table` does; what it starts from is not
    looked at here.
    """
    change = read_change(_open(sealed, hub))
    _refuse_unfit(change.table, hub, now_min)
    return change


def _refuse_unfit(table: RiskTable, hub: HubKey, now_min: int) -> RiskTable:
    if table.hub_id != hub.hub_id:
        raise Denied("matcher.other_hub", found=table.hub_id, hub=hub.hub_id)
    if table.made_min > now_min + AHEAD_MIN:
        raise Denied("matcher.from_the_future", minutes=table.made_min - now_min)
    if is_stale(table, now_min):
        raise Denied("matcher.stale", minutes=now_min - table.valid_until_min)
    return table


def open_query(sealed: bytes, hub: HubKey, now_min: int) -> CotravelQuery:
    """Return the question in a sealed document. Raises as `open_table` does."""
    query = read_query(_open(sealed, hub))
    if query.hub_id != hub.hub_id:
        raise Denied("matcher.other_hub", found=query.hub_id, hub=hub.hub_id)
    if query.made_min > now_min + AHEAD_MIN:
        raise Denied("matcher.from_the_future", minutes=query.made_min - now_min)
    if query.made_min < now_min - QUERY_MIN:
        raise Denied("matcher.stale", minutes=now_min - QUERY_MIN - query.made_min)
    return query


def is_stale(table: RiskTable, now_min: int) -> bool:
    """Tell whether a table may no longer be used."""
    return table.valid_until_min <= now_min


def _open(sealed: bytes, hub: HubKey) -> Mapping[str, Any]:
    """Return the body of what bears the signature of the hub."""
    if len(sealed) > MOST_BYTES:
        raise Malformed("matcher.too_large", limit_mb=MOST_BYTES >> 20)
    try:
        told = json.loads(sealed)
    except (ValueError, RecursionError) as error:
        raise Malformed("matcher.unreadable") from error
    if not isinstance(told, dict) or not isinstance(told.get("body"), dict):
        raise Malformed("matcher.unreadable")
    if not isinstance(told.get("signature"), str) or not isinstance(told.get("public_key"), str):
        raise Denied("matcher.unsigned")
    if set(told) != _SEALED:
        raise Malformed("matcher.unreadable")
    if told["public_key"] != hub.public_hex:
        raise Denied("matcher.other_key", found=told["public_key"][:16], known=hub.public_hex[:16])
    body: Mapping[str, Any] = told["body"]
    if not _bears(body, told["signature"], hub.public_hex):
        raise Denied("matcher.altered")
    return body


def _bears(body: Mapping[str, Any], signature: str, public_hex: str) -> bool:
    try:
        return is_signed(canonical(body), bytes.fromhex(signature), public_hex)
    except (ValueError, RecursionError):  # what has no canonical form (NaN, half a surrogate pair) was never signed
        return False

"""The partners of hub.toml: who they are, what was agreed, and the way to them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from hubtwin.base.text import LANGUAGES
from hubtwin.model.partner import Agreement, Contact, Level, Partner, Taken, Way
from hubtwin.rules.routing import offices_on
from hubtwin.settings.reading import (
    Wrong,
    read_date,
    read_names,
    read_number,
    read_table,
    read_tables,
    read_text,
    read_texts,
    refuse_unknown,
)
from hubtwin.settings.sources import TLS_FILES, read_tls_files

LONGEST_ANSWER_MIN = 7 * 24 * 60
KNOWN = (
    *("name", "level", "way", "jurisdictions", "keys", "agreements", "contact", "answer_min"),
    *("url", "folder", "secret_env", *TLS_FILES),
)
_KEY = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_AREA = re.compile(r"\d{2}(\d{2}(\d{2}(\d{3})?)?)?", re.ASCII)
Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True)
class PartnerSettings:
    """A partner and the way to it: an address (way https) or a folder (files, views, sheets).

    `secret_env` names the variable of the environment that holds a token; the three files are as those of a source.
    """

    partner: Partner
    url: str | None = None
    folder: Path | None = None
    secret_env: str | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None


def read_partner(block: Mapping[str, Any], name: str, hub_file: Path) -> PartnerSettings:
    """Return a partner. Raises Wrong."""
    told, prefix = read_table(block, name), f"partners.{name}."
    refuse_unknown(told, prefix, KNOWN)
    if not _ID.fullmatch(name):
        raise Wrong(f"partners.{name}", "partner_id")
    way = _word(told, "way", Way, prefix)
    partner = Partner(
        name,
        _names(told, prefix),
        _word(told, "level", Level, prefix),
        way,
        _matching(told, "jurisdictions", _AREA, prefix),
        _matching(told, "keys", _KEY, prefix),
        tuple(_agreement(one, f"{prefix}agreements.") for one in read_tables(told, "agreements")),
        read_contact(told, prefix),
        read_number({"answer_min": 30, **told}, "answer_min", 1, LONGEST_ANSWER_MIN),
    )
    url = read_text(told, "url") if way is Way.HTTPS else None
    folder = hub_file.parent / read_text(told, "folder") if way in (Way.FILES, Way.VIEWS, Way.SHEETS) else None
    secret = read_text(told, "secret_env") if "secret_env" in told else None
    return PartnerSettings(partner, url, folder, secret, *read_tls_files(told, prefix, hub_file))


def refuse_rivals(partners: Iterable[Partner]) -> None:
    """Raise Malformed where two partners are told of the same place under the same profile on any day."""
    known = tuple(partners)
    for day in sorted({one.from_day for partner in known for one in partner.agreements}):
        offices_on(known, day)  # a rivalry begins on the day on which the later of the two agreements does


def read_contact(told: Mapping[str, Any], prefix: str) -> Contact | None:
    """Return the office of a block `contact`, None where there is none. Raises Wrong."""
    if "contact" not in told:
        return None
    found = read_table(told, "contact")
    refuse_unknown(found, f"{prefix}contact.", ("office", "phone", "hours"))
    return Contact(read_text(found, "office"), *(str(found.get(name, "")) for name in ("phone", "hours")))


def _agreement(told: Mapping[str, Any], prefix: str) -> Agreement:
    refuse_unknown(told, prefix, ("id", "purpose", "basis", "profile", "takes", "from", "until"))
    first, last = _day(told, "from", prefix), _day(told, "until", prefix)
    if last < first:
        raise Wrong(f"{prefix}until", "date")
    takes = read_texts(told, "takes", prefix) if "takes" in told else ()
    if not set(takes) <= {kind.value for kind in Taken}:
        raise Wrong(f"{prefix}takes", "one_of")
    return Agreement(
        agreement_id=read_text(told, "id"),
        purpose=read_text(told, "purpose"),
        basis=read_text(told, "basis"),
        from_day=first,
        until_day=last,
        profile=read_text(told, "profile") if "profile" in told else "",
        takes=frozenset(map(Taken, takes)),
    )


def _day(told: Mapping[str, Any], name: str, prefix: str) -> date:
    found = read_date(told, name)
    if found is None:
        raise Wrong(prefix + name, "date")
    return found


def _names(told: Mapping[str, Any], prefix: str) -> Mapping[str, str]:
    try:
        found = read_names(told)
    except (Wrong, KeyError) as error:
        raise Wrong(f"{prefix}name", "names") from error
    return {lang: found[lang] for lang in LANGUAGES}


def _word(told: Mapping[str, Any], name: str, kind: type[Word], prefix: str) -> Word:
    try:
        return kind(read_text(told, name))
    except ValueError as error:
        raise Wrong(prefix + name, "one_of") from error


def _matching(told: Mapping[str, Any], name: str, pattern: re.Pattern[str], prefix: str) -> tuple[str, ...]:
    found: Sequence[str] = read_texts(told, name, prefix) if name in told else ()
    if not all(map(pattern.fullmatch, found)):
        raise Wrong(prefix + name, "codes")
    return tuple(found)

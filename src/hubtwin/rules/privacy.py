"""Pseudonyms with key epochs, and counts too small to show.

pid = HMAC-SHA256(key of the epoch, id type, id number), its first 128 bits as 32 hex digits. An epoch is a fixed
stretch of 28 days on the UTC calendar, so the same record gets the same pseudonym whenever it is imported; once
the key of an epoch is destroyed, nobody can make its pseudonyms again.
"""

import hmac
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from hubtwin.base.clock import DAY_MIN, EPOCH
from hubtwin.base.errors import Denied
from hubtwin.datasets.table import Dataset
from hubtwin.model.record import Identity

EPOCH_MIN = 28 * 24 * 60
SMALL_CELL = 5  # counts under five are not shown: the usual floor for tables of persons
KINDS = ("citizen", "permit", "passport")  # as `datasets.screening.DOCUMENT_KINDS` names them; anything else is other
_CITIZEN = frozenset({"CITIZEN", "111", "居民身份证", "身份证"})  # 111: GA/T 517-2004
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999, 2^(17-i) mod 11
_CHECK = "10X98765432"

EPOCH_DESTROYED = "rules.epoch_destroyed"
KeyOf = Callable[[int], bytes | None]  # epoch number -> key; None once it is destroyed


@dataclass(frozen=True, slots=True)
class Earlier:
    """The same person in an earlier epoch, and the epoch minute from which no look-back reaches it."""

    pid: str
    expires_min: int


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """A person's pseudonym at some moment, and those of the earlier epochs that the look-back window touches."""

    pid: str
    earlier: tuple[Earlier, ...] = ()


def normalise(identity: Identity) -> Identity:
    """Return the one spelling of a document: full-width digits, blanks, case, and old 15-digit citizen numbers.

    A citizen number of 15 digits becomes the one of 18 by its century and check digit (GB 11643-1999).
    """
    id_type, number = _clean(identity.id_type), _clean(identity.id_no)
    if id_type not in _CITIZEN:
        return Identity(id_type, number)
    if len(number) == 15 and number.isascii() and number.isdigit():
        number = number[:6] + "19" + number[6:]
        number += _CHECK[sum(int(digit) * weight for digit, weight in zip(number, _WEIGHTS, strict=True)) % 11]
    return Identity("CITIZEN", number)


def epoch_of(at_min: int) -> int:
    """Return the number of the key epoch that holds an epoch minute."""
    return at_min // EPOCH_MIN


def pseudonym(key: bytes, identity: Identity) -> str:
    """Return 32 hex digits for a document that `normalise` returned."""
    message = f"{identity.id_type}\x1f{identity.id_no}".encode()
    return hmac.digest(key, message, "sha256")[:16].hex()


def pseudonymise(identity: Identity, at_min: int, *, key_of: KeyOf, window_min: int) -> Pseudonym:
    """Return the pseudonym of a document at a moment, with those of the earlier epochs in [at - window, at].

    `window_min` is the longest look-back of any pathogen in use plus the longest stay that a source records,
    because a stay is stored under the epoch in which it began. Raises Denied where the epoch of the moment
    itself was destroyed; an earlier one that was destroyed is left out.
    """
    found, epoch = normalise(identity), epoch_of(at_min)
    key = key_of(epoch)
    if key is None:
        raise Denied(EPOCH_DESTROYED, epoch=epoch)
    earlier = []
    for number in range(epoch_of(at_min - window_min), epoch):
        older = key_of(number)
        if older is not None:
            earlier.append(Earlier(pseudonym(older, found), (number + 1) * EPOCH_MIN + window_min))
    return Pseudonym(pseudonym(key, found), tuple(earlier))


def moment_min(dataset: Dataset, values: Mapping[str, object]) -> int | None:
    """Return the moment that decides the epoch of a row: the first date or minute of its key, in epoch minutes.

    It comes from the row, not from the time of the import, so importing again makes the same pseudonym. None
    where the dataset has no time in its key.
    """
    for name in dataset.key:
        value = values.get(name)
        if dataset.by_name[name].type == "minute" and isinstance(value, int):
            return value
        if dataset.by_name[name].type == "date" and isinstance(value, date):
            return (value - EPOCH.date()).days * DAY_MIN
    return None


def show_count(count: int) -> str:
    """Return a count of persons as it may be shown: "<5" for one to four. None at all is no person, and is "0"."""
    return f"<{SMALL_CELL}" if 0 < count < SMALL_CELL else str(count)


def _clean(value: str) -> str:
    if value.isascii() and value.isalnum():  # nearly all of them, and this runs for every person
        return value.upper()
    plain = unicodedata.normalize("NFKC", value)
    bare = "".join(c for c in plain if not c.isspace() and unicodedata.category(c) != "Cf").upper()
    return bare if bare == value else _clean(bare)  # what stood apart may compose now: clean until nothing changes


def document_kind(id_type: str) -> str:
    """Return which kind of document an `id_type` stands for: citizen, permit, passport or other."""
    plain = id_type.strip()
    if plain.upper() in _CITIZEN:
        return KINDS[0]
    return plain.lower() if plain.lower() in KINDS else "other"

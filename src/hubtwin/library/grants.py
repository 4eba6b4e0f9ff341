"""Reading personal data: under a live grant, for a purpose, and written down before anything is handed out.

`look_up` opens sealed fields of named persons, `look_up_rows` reads a dataset of rows about persons. Both look at
the grants when they are asked, so an end or a revocation binds at the next question. Refusals are written down too.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from hubtwin.base.errors import Absent, Denied, HubError
from hubtwin.base.ids import stable_key
from hubtwin.datasets.all import DATASETS
from hubtwin.datasets.table import Dataset, Grade
from hubtwin.model.grant import ALONE, GLASS_MIN, VAULT, VAULT_FIELDS, Grant, LookUp, Purpose, find_cover

NAMED_MAX = 1_000  # persons that an audit row names one by one; matching reads far more and names nobody
UNMASK = "unmask"  # the kind of word that a second person gives for many persons


class GrantBook(Protocol):
    """Where grants and words are kept."""

    def list_grants(self, grantee: str) -> list[Grant]:
        """Return every grant of somebody, those that are over as well."""
        ...

    def use_word(self, word_id: str, kind: str, digest: str, by: str) -> str:
        """Use up the word of a second person; return who gave it. Raises Denied."""
        ...


class Trail(Protocol):
    """Where look-ups are written down. What `append` has returned from survives kill -9."""

    def append(self, kind: str, by: str, payload: Mapping[str, object]) -> int:
        """Write one row; return its number."""
        ...

    def list_unmasked_alone(self, by: str, from_min: int) -> set[str]:
        """Return the persons whom somebody unmasked since a minute on nobody else's word."""
        ...


@dataclass(frozen=True)
class Desk:
    """What a look-up needs beside the question. `belongs` tells whether the persons are those of what it is about."""

    book: GrantBook
    trail: Trail
    now_min: Callable[[], int]
    belongs: Callable[[LookUp], bool] = lambda _: True


def is_personal(dataset: Dataset) -> bool:
    """Tell whether a dataset holds rows about persons: a pseudonym, or a column graded L3 or above."""
    return dataset.grade >= Grade.L3 or any(column.type == "pid" for column in dataset.columns)


def digest_of(asked: LookUp) -> str:
    """Return what a second person agrees to: these fields of these persons for this purpose, and nothing else."""
    persons, columns = sorted(set(asked.pids)), sorted(set(asked.columns))
    return stable_key(asked.dataset, asked.scene, asked.purpose.value, asked.about, *columns, "of", *persons)


def look_up(desk: Desk, asked: LookUp, reveal: Callable[[str, str], Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Return the asked fields of the asked persons; who is not in the vault (any more) is left out.

    `reveal(pid, purpose)` is the vault's; it raises Absent. Raises Denied without a live grant that covers the
    purpose and every column, and for more than 20 persons without the fresh word of a second person; those unmasked
    in the last quarter of an hour count, so that many small questions are no way around it. Persons who are not of the
    case or the train are refused (`desk.belongs`). The glass may be broken instead. Raises Malformed for a question
    that says too little.
    """
    pids = tuple(dict.fromkeys(asked.pids))
    grant, second = _permit(desk, asked, VAULT_FIELDS if asked.dataset == VAULT else ())
    told = {"persons": len(pids), "pids": list(pids), "second": second}
    desk.trail.append("Unmasked", asked.by, {**_described(asked, grant), **told})
    found: dict[str, dict[str, str]] = {}
    for pid in pids:
        try:
            fields = reveal(pid, f"{asked.purpose.value} {asked.about}")
        except Absent:
            continue
        found[pid] = {name: fields[name] for name in asked.columns if name in fields}
    return found


def look_up_rows(desk: Desk, asked: LookUp, read: Callable[[Sequence[str]], pa.Table]) -> pa.Table:
    """Return the asked columns of what `read(columns)` gives of a dataset.

    `read` is given the columns of pseudonyms beside those asked for, because the number of persons is written down.
    Rows about nobody need no grant. Raises as `look_up` does, and Absent for an unknown dataset.
    """
    if asked.dataset not in DATASETS:
        raise Absent("library.unknown_dataset", dataset=asked.dataset)
    dataset = DATASETS[asked.dataset]
    if not is_personal(dataset):
        return read(asked.columns).select(list(asked.columns))
    grant, _ = _permit(desk, replace(asked, pids=()), tuple(dataset.by_name))
    people = [column.name for column in dataset.columns if column.type == "pid"]
    table = read(tuple(dict.fromkeys((*asked.columns, *people))))
    pids = _persons(table, people)
    named = pids if len(pids) <= NAMED_MAX else []
    told = {"rows": table.num_rows, "persons": len(pids), "pids": named}
    desk.trail.append("LookedUp", asked.by, {**_described(asked, grant), **told})
    return table.select(list(asked.columns))


def list_anomalies(
    entries: Iterable[tuple[str, str, Mapping[str, object]]], is_open: Callable[[str], bool], *, many: int = 100
) -> list[dict[str, object]]:
    """Return what of a day's audit somebody should look at: (kind, by, payload) of each row in, findings out.

    `bulk`: one person unmasked or read of more than `many` persons; `no_open_case`: unmasked about something that
    is no open case or train (`is_open`); `refused`: five refusals or more; `glass`: the glass was broken.
    """
    persons: dict[str, set[str]] = {}
    refused: dict[str, int] = {}
    found: list[dict[str, object]] = []
    for kind, by, payload in entries:
        if kind in ("Unmasked", "LookedUp"):
            named = payload.get("pids")
            persons.setdefault(by, set()).update(map(str, named if isinstance(named, list) else ()))
        if kind == "Unmasked" and not is_open(str(payload.get("about"))):
            found.append({"kind": "no_open_case", "by": by, "about": payload.get("about")})
        if kind == "LookUpDenied":
            refused[by] = refused.get(by, 0) + 1
        if kind == "GlassBroken":
            found.append({"kind": "glass", "by": by, "about": payload.get("grant")})
    found += [{"kind": "bulk", "by": by, "count": len(seen)} for by, seen in persons.items() if len(seen) > many]
    found += [{"kind": "refused", "by": by, "count": count} for by, count in refused.items() if count >= 5]
    return sorted(found, key=lambda each: (str(each["kind"]), str(each["by"]), str(each.get("about"))))


def _permit(desk: Desk, asked: LookUp, known: Sequence[str]) -> tuple[Grant, str]:
    """Return the grant that covers a question and who gave the second word; write a refusal down and raise it."""
    persons = len(set(asked.pids))
    try:
        if asked.purpose not in set(Purpose):
            raise Denied("library.no_such_purpose", purpose=str(asked.purpose))
        unknown = [name for name in asked.columns if name not in known]
        if unknown:
            raise Denied("library.no_such_field", dataset=asked.dataset, columns=", ".join(unknown))
        grant = _cover(desk, asked)
        second = "" if grant.glass else _second(desk, asked)
    except HubError as error:
        refusal = {"why": error.key, "dataset": asked.dataset, "about": asked.about, "persons": persons}
        desk.trail.append("LookUpDenied", asked.by, {**refusal, "purpose": str(asked.purpose)})
        raise
    return grant, second


def _cover(desk: Desk, asked: LookUp) -> Grant:
    """Return the grant that covers a question; about somebody who is not of the case only a broken glass does."""
    grants, now_min = desk.book.list_grants(asked.by), desk.now_min()
    grant = find_cover(grants, asked, now_min)
    if grant.glass or desk.belongs(asked):
        return grant
    try:
        return find_cover([each for each in grants if each.glass], asked, now_min)
    except Denied as error:
        raise Denied("library.not_of_the_case") from error


def _second(desk: Desk, asked: LookUp) -> str:
    """Return who gave the second word, empty where few persons need none. Raises Denied."""
    if not asked.pids:
        return ""
    if asked.word_id:
        return desk.book.use_word(asked.word_id, UNMASK, digest_of(asked), asked.by)
    before = desk.trail.list_unmasked_alone(asked.by, desk.now_min() - GLASS_MIN + 1)
    if (count := len(before | set(asked.pids))) > ALONE:
        raise Denied("library.two_people", persons=count, alone=ALONE, minutes=GLASS_MIN)
    return ""


def _described(asked: LookUp, grant: Grant) -> dict[str, object]:
    return {
        "dataset": asked.dataset,
        "columns": sorted(set(asked.columns)),
        "purpose": asked.purpose.value,
        "scene": asked.scene,
        "about": asked.about,
        "grant": grant.grant_id,
        "glass": grant.glass,
    }


def _persons(table: pa.Table, columns: Sequence[str]) -> list[str]:
    found: set[str] = set()
    for name in columns:
        found.update(pc.unique(table.column(name)).to_pylist())
    return sorted(found)

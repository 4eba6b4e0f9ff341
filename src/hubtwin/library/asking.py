"""Asking the library: a question, its purpose, and the live shares that cover it; written down before rows leave.

Shares are looked at anew for every question, while it runs, and once more before anything is handed out. Whoever asks,
an administrator too, sees what the shares give and nothing else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import pyarrow as pa

from hubtwin.base.errors import Denied, HubError, Malformed
from hubtwin.base.failpoint import failpoint
from hubtwin.datasets.listing import Catalogue, Listing
from hubtwin.library.sqlgate import Passed, pass_gate
from hubtwin.library.views import COUNT, NUMBER, RECORD, Source, View, make_view, masks_of, shape_of
from hubtwin.model.agency import AgencyKind, Person, Role
from hubtwin.model.sharing import Delivery, ProbeResult, Share
from hubtwin.rules.masks import CLEAR

LIBRARY_ASKED, LIBRARY_DENIED = "LibraryAsked", "LibraryDenied"
PAGE_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large an answer may be, and how long it may take."""

    rows: int = 100_000
    mib: int = 64
    seconds: float = 30.0


FILE_BOUNDS = Bounds(rows=1_000_000, mib=256, seconds=120.0)
PAGE_BOUNDS = Bounds(rows=PAGE_ROWS + 1, mib=64, seconds=30.0)


class Refused(Exception):
    """A question that the engine did not answer."""

    def __init__(self, error: HubError) -> None:
        super().__init__(error.key)
        self.error = error


class Engine(Protocol):
    """Where questions run."""

    def run(
        self,
        grantee: str,
        passed: Passed,
        views: Mapping[str, tuple[View, Source]],
        bounds: Bounds,
        *,
        still: Callable[[], bool],
    ) -> pa.Table:
        """Return the answer. Raises Refused."""
        ...


class Trail(Protocol):
    """Where questions are written down. What `append` has returned from survives kill -9."""

    def append(self, kind: str, by: str, payload: Mapping[str, object]) -> int:
        """Write one row; return its number."""
        ...


@dataclass(frozen=True)
class AskDesk:
    """What asking needs. `shares(grantee)` are all of a grantee, those that are over as well; `source(dataset)` is
    where its rows are now; `salt_of(share_id)` keys its hashes, letters and digits."""

    catalogue: Callable[[], Catalogue]
    shares: Callable[[str], Sequence[Share]]
    source: Callable[[str], Source]
    engine: Engine
    trail: Trail
    now_min: Callable[[], int]
    salt_of: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question. `grantees` are the names under which who asks holds shares."""

    who: Person
    grantees: tuple[str, ...]
    purpose: str
    sql: str
    delivery: Delivery = Delivery.QUERY


@dataclass(frozen=True)
class Answer:
    """Rows, and what is to be said of them. `narrowed`: datasets of which other live shares have more rows, but not all
    of the asked columns."""

    table: pa.Table
    datasets: Mapping[str, tuple[str, ...]]
    share_ids: tuple[str, ...]
    synthetic: bool
    narrowed: tuple[str, ...]
    seq: int


@dataclass(frozen=True)
class Mine:
    """What somebody may read now under one share."""

    share: Share
    listing: Listing
    columns: tuple[tuple[str, str], ...]  # name, mask; in the order of the dataset


def grantees_of(who: Person) -> tuple[str, ...]:
    """Return the names under which a person holds shares."""
    return (f"user:{who.user_id}", f"agency:{who.agency}")


def ask(desk: AskDesk, asked: Asked, bounds: Bounds | None = None) -> Answer:
    """Answer a question.

    Raises Malformed for a question that is not allowed or cannot be run, Denied where no live share covers it or one
    ended meanwhile, Retry where too many run. Refusals are written down too.
    """
    return _Question(desk, asked, bounds or Bounds()).answer()


def ask_named(desk: AskDesk, asked: Asked, bounds: Bounds) -> Answer:
    """Answer a question of the platform itself, which may name rows by number (`views.NUMBER`) and records by what
    lasts (`views.RECORD`). Raises as `ask`."""
    return _Question(desk, asked, bounds, extra=(NUMBER, RECORD)).answer()


def list_mine(desk: AskDesk, grantees: Sequence[str]) -> list[Mine]:
    """Return what somebody may read now, by dataset and end."""
    catalogue, now_min = desk.catalogue(), desk.now_min()
    found = [
        Mine(share, listing, _masked_columns(share, listing))
        for share in _all_shares(desk, grantees)
        if (listing := catalogue.by_name.get(share.dataset)) and share.is_live(now_min, listing.digest)
    ]
    return sorted(found, key=lambda each: (each.listing.name, -each.share.until_min, each.share.share_id))


@dataclass(frozen=True)
class Page:
    """Rows of a dataset in the order of their numbers; `after` is where the next page begins, None at the end.

    `numbers` are those of the rows, by which a street disputes one; none where only counts leave."""

    answer: Answer
    after: str | None
    numbers: tuple[int, ...] = ()


def read_page(
    desk: AskDesk, asked: Asked, dataset: str, columns: Sequence[str] = (), *, limit: int = PAGE_ROWS, after: str = ""
) -> Page:
    """Return the next rows of a dataset, on the same path as a question; `asked.sql` is not looked at.

    `columns` empty: all that the shares have in common. Raises as `ask`, and Malformed for a mark that is no page's or
    where the rows were numbered anew since.
    """
    question = _Question(desk, asked, PAGE_BOUNDS, extra=(NUMBER,))
    return question.page(dataset, columns, min(max(limit, 1), PAGE_ROWS), after)


class _Question:
    """One question on its way: covered, run, looked at again, written down, handed out."""

    def __init__(self, desk: AskDesk, asked: Asked, bounds: Bounds, *, extra: tuple[str, ...] = ()) -> None:
        self.desk, self.asked, self.bounds, self.extra = desk, asked, bounds, extra
        self.catalogue = desk.catalogue()
        self.fingerprint = ""
        self.views: dict[str, tuple[View, Source]] = {}

    def answer(self) -> Answer:
        try:
            passed = self._cover(self.asked.sql)
            table = self._run(passed)
        except Exception as error:
            self._refuse(error)
            raise
        return self._hand_out(table)

    def page(self, dataset: str, columns: Sequence[str], limit: int, after: str) -> Page:
        try:
            passed, version = self._page_question(dataset, columns, limit, after)
            table = self._run(passed)
        except Exception as error:
            self._refuse(error)
            raise
        more = table.num_rows > limit
        kept = table.slice(0, limit)
        numbers = kept.column(NUMBER).drop_null().to_pylist() if NUMBER in kept.column_names else []
        shown = kept.drop_columns([NUMBER]) if NUMBER in kept.column_names else kept
        following = f"{version}.{numbers[-1]}" if more and numbers else None
        return Page(self._hand_out(shown), following, tuple(numbers))

    def _page_question(self, dataset: str, columns: Sequence[str], limit: int, after: str) -> tuple[Passed, str]:
        """Return the question behind a page and the version of the numbers. Raises Malformed."""
        version, _, number = after.rpartition(".") if after else ("", "", "-1")
        if not number.removeprefix("-").isdecimal() or len(number) > 20:
            raise Malformed("library.ask_bad_page")
        if any(name.lower() == NUMBER for name in columns):  # it comes beside the columns, once
            raise Malformed("library.ask_not_given", name=NUMBER)
        names = ", ".join(_quoted(name) for name in columns) or "*"
        start = f"SELECT {names} FROM {_quoted(dataset)}"  # noqa: S608 - it goes through the gate
        shares = self._live(self.catalogue).get(dataset, [])
        if any(share.count_floor is None for share in shares) or not shares:
            given = f"{names}, {NUMBER}" if columns else names
            start = f"SELECT {given} FROM {_quoted(dataset)} WHERE {NUMBER} > {int(number)}"  # noqa: S608
            passed = self._cover(f"{start} ORDER BY {NUMBER} LIMIT {limit + 1}")
        else:
            passed = self._cover(start)
        now = next((source.version for _, source in self.views.values()), "")
        if after and version != now:
            raise Malformed("library.ask_page_moved")
        return passed, now

    def _live(self, catalogue: Catalogue) -> dict[str, list[Share]]:
        """Return the live shares for this purpose and this way of delivery, by dataset. Raises Malformed."""
        if self.asked.purpose not in catalogue.purposes:
            raise Malformed("library.ask_purpose", purpose=self.asked.purpose[:80])
        now_min = self.desk.now_min()
        found: dict[str, list[Share]] = {}
        for share in _all_shares(self.desk, self.asked.grantees):
            listing = catalogue.by_name.get(share.dataset)
            if listing and _counts_for(share, listing, self.asked, now_min):
                found.setdefault(share.dataset, []).append(share)
        return found

    def _cover(self, sql: str) -> Passed:
        """Return the question as it may run, and prepare its views. Raises Malformed, Denied."""
        live = self._live(self.catalogue)
        passed = pass_gate(sql, {name: [*shape_of(shares), *self.extra] for name, shares in live.items()})
        self.fingerprint = passed.fingerprint
        for name, touched in passed.touched.items():
            view = make_view(
                *(self.catalogue.get(name), live[name], touched),
                starred=name in passed.starred,
                salt_of=self.desk.salt_of,
                numbered=NUMBER in self.extra,
            )
            self.views[name] = (view, self.desk.source(name))
        return passed

    def _run(self, passed: Passed) -> pa.Table:
        try:
            table = self.desk.engine.run(self.asked.grantees[0], passed, self.views, self.bounds, still=self._holds)
        except Refused as refused:
            raise refused.error from None
        if not self._holds():
            raise Denied("library.ask_ended")
        return table

    def _holds(self) -> bool:
        """Tell whether every share that the question rests on is live under the catalogue of now: a contract may have
        raised a grade meanwhile."""
        found = self._live(self.desk.catalogue())
        live = {share.share_id for shares in found.values() for share in shares}
        return all(live.issuperset(view.share_ids) for view, _ in self.views.values())

    def _hand_out(self, table: pa.Table) -> Answer:
        datasets = {name: view.columns for name, (view, _) in self.views.items()}
        share_ids = tuple(sorted({share_id for view, _ in self.views.values() for share_id in view.share_ids}))
        synthetic = any(piece.synthetic for _, source in self.views.values() for piece in source.pieces)
        told = {"shares": list(share_ids), "rows": table.num_rows, "synthetic": synthetic}
        failpoint("library.answer_read")
        seq = self.desk.trail.append(LIBRARY_ASKED, self.asked.who.user_id, {**self._described(), **told})
        failpoint("library.answer_told")
        narrowed = tuple(name for name, (view, _) in self.views.items() if view.narrowed)
        return Answer(table, datasets, share_ids, synthetic, narrowed, seq)

    def _refuse(self, error: Exception) -> None:
        """Write down that nothing was handed out, also where the fault is ours: whoever can make us fail asked too."""
        why = error.key if isinstance(error, HubError) else "web.bug"
        self.desk.trail.append(LIBRARY_DENIED, self.asked.who.user_id, {**self._described(), "why": why})

    def _described(self) -> dict[str, object]:
        """Return what is written down of a question: names of the catalogue and a digest, no word that was typed."""
        known = self.asked.purpose in self.catalogue.purposes
        return {
            "purpose": self.asked.purpose if known else "",
            "delivery": self.asked.delivery.value,
            "datasets": {name: sorted(view.columns) for name, (view, _) in self.views.items()},
            "question": self.fingerprint,
        }


def _all_shares(desk: AskDesk, grantees: Sequence[str]) -> list[Share]:
    return [share for grantee in grantees for share in desk.shares(grantee) if share.grantee == grantee]


def _counts_for(share: Share, listing: Listing, asked: Asked, now_min: int) -> bool:
    """Tell whether a share holds for a question; what is missing denies."""
    given = share.columns and share.columns <= set(listing.dataset.by_name) and not share.rows.nothing
    named = share.rows.everything or share.rows.column in listing.dataset.by_name
    meant = share.purpose == asked.purpose and asked.delivery in share.delivery
    return bool(given and named and meant and share.is_live(now_min, listing.digest))


def _masked_columns(share: Share, listing: Listing) -> tuple[tuple[str, str], ...]:
    masks = masks_of(share)
    return tuple((c.name, masks.get(c.name, CLEAR)) for c in listing.dataset.columns if c.name in share.columns)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class _Unwritten:
    """The trail of a probe: what is tried is written down by who asked for the try, with the share."""

    def append(self, kind: str, by: str, payload: Mapping[str, object]) -> int:
        del kind, by, payload
        return 0


_PROBER = Person("system", "probe", "", AgencyKind.DATA, frozenset({Role.DATA_AUTHORITY}), frozenset())
_PROBE_BOUNDS = Bounds(rows=10, mib=8, seconds=10.0)


def probe(desk: AskDesk, share: Share) -> ProbeResult:
    """Try a share on the real path, as if it were live: what it permits is answered, what it does not is refused.

    Forbidden are a column that it does not give (or, where it gives all, a table of the engine), and its columns for
    another purpose.
    """
    tried = replace(share, probed_min=desk.now_min())
    alone = replace(desk, shares=lambda grantee: [tried] if grantee == share.grantee else [], trail=_Unwritten())
    delivery = min(share.delivery, default=Delivery.QUERY, key=lambda each: each is not Delivery.QUERY)
    dataset = _quoted(share.dataset)
    names = ", ".join([*map(_quoted, sorted(share.columns)), *([COUNT] if share.count_floor is not None else [])])
    listing = desk.catalogue().by_name.get(share.dataset)
    hidden = sorted(set(listing.dataset.by_name) - share.columns) if listing else []
    permitted = Asked(_PROBER, (share.grantee,), share.purpose, f"SELECT {names} FROM {dataset} LIMIT 1", delivery)  # noqa: S608
    wanted = f"SELECT {_quoted(hidden[0])} FROM {dataset} LIMIT 1" if hidden else "SELECT * FROM duckdb_views()"  # noqa: S608
    forbidden = [replace(permitted, sql=wanted), replace(permitted, purpose=f"not {share.purpose}")]
    why = _refusal(alone, permitted)
    refused = all(_refusal(alone, each) for each in forbidden)
    told = why or ("" if refused else "forbidden_answered")
    return ProbeResult(not told, not why, refused, told)


def _refusal(desk: AskDesk, asked: Asked) -> str:
    """Return the key of why a question was refused, empty where it was answered."""
    try:
        ask(desk, asked, _PROBE_BOUNDS)
    except HubError as error:
        return error.key
    return ""

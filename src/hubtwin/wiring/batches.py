"""Batches to the platform above, put together: facts become rows, rows go over the wire or as files, answers come back.

Every step may be cut short and done again. A batch and its rows are one transaction; sending begins an attempt, writes
signed messages with keys of that attempt, then marks the rows; answers are taken by row, and what is accepted stays so.
The platform knows a row by key and revision, whatever way it comes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hubtwin.base.clock import epoch_minute, service_start
from hubtwin.base.errors import Absent, Malformed
from hubtwin.channels.batch_sheet import Corrected, Wrong
from hubtwin.channels.batch_wire import ANSWER, parcels_of_batch, read_answer
from hubtwin.channels.send import Sender
from hubtwin.model.batch import BatchHead, RowAnswer
from hubtwin.model.message import Received
from hubtwin.model.record import UNMARKED, Marks, Status
from hubtwin.rules.batching import Batched, Fate, Offered, RowState, Sorted, sort_rows
from hubtwin.rules.cells import judge, natural_key, newest_of, render, tidy
from hubtwin.rules.disclosure import Profile
from hubtwin.rules.library_template import share_id_of
from hubtwin.rules.quality import Problem
from hubtwin.rules.template import Template, bind, read_template
from hubtwin.stores.batches import BatchBooks, BatchRow
from hubtwin.stores.wire import Wire

TEMPLATES = Path("templates") / "province"  # below the folder of shipped data
PAGE = 500


@dataclass(frozen=True)
class Period:
    """What a batch covers, in epoch minutes, the end excluded."""

    from_min: int
    until_min: int


@dataclass(frozen=True)
class Made:
    """What became of the rows that were offered; `head` is None where nothing was left to write."""

    head: BatchHead | None
    batched: Batched


@dataclass(frozen=True)
class Resent:
    """What became of rows that came back: the batch of corrections, rows still wrong, rows that cannot be taken by
    line, and how many came back as they were."""

    head: BatchHead | None
    batched: Batched
    wrong: Sequence[Wrong]
    problems: Sequence[tuple[int, Problem]]
    unchanged: int


@dataclass(frozen=True)
class Templates:
    """The templates that a hub knows, tied to their profiles, by name and version. `made` makes those that stand in no
    file: what was shared of the library has one each."""

    known: Mapping[tuple[str, int], Template]
    made: Callable[[str, int], Template | None] = lambda name, version: None

    def get(self, name: str, version: int) -> Template:
        """Return a version. Raises Absent."""
        found = self.known.get((name, version)) or self.made(name, version)
        if found is None:
            listed = ", ".join(f"{each} {number}" for each, number in sorted(self.known))
            raise Absent("wiring_no_template", template=name, version=version, known=listed)
        return found

    def in_force(self, name: str, day: date) -> Template:
        """Return the newest version that is in force on a day of the hub. Raises Absent."""
        valid = [each for each in self.known.values() if each.name == name and each.valid_from <= day]
        if not valid:
            return self.get(name, 0)
        return max(valid, key=lambda each: (each.valid_from, each.version))


def load_templates(folder: Path, profiles: Mapping[str, Profile]) -> Templates:
    """Return the templates of a folder. Raises Malformed, naming the file, for one that is wrong or asks for more
    than its profile lets out.
    """
    known = dict[tuple[str, int], Template]()
    for file in sorted(folder.glob("*.toml")):
        template = read_template(file.read_text(encoding="utf-8"))
        if template.profile not in profiles or (template.name, template.version) in known:
            raise Malformed("rules.template_broken", entry=f"{file.name}: profile, version")
        known[template.name, template.version] = bind(template, profiles[template.profile])
    return Templates(known)


@dataclass(frozen=True)
class Batching:
    """Batches of one hub to one platform. `send` has the line to it, if there is one; `zone` is that of the hub. `only`
    are the keys of the rows that may still go, be shown or be corrected; None: all of them. `status` is that of the
    store that the rows come from."""

    books: BatchBooks
    wire: Wire
    templates: Templates
    partner: str
    zone: ZoneInfo
    send: Sender
    only: frozenset[str] | None = None
    status: Status = Status.ACTUAL

    def check(self, facts: Iterable[Mapping[str, Any]], template: Template) -> Batched:
        """Return what would become of each row, and write nothing."""
        rows = [self._offered(template, place, render(template, one, self.zone)) for place, one in enumerate(facts, 1)]
        return sort_rows(rows, self.books.find_known(row.key for row in rows))

    def make(
        self,
        facts: Iterable[Mapping[str, Any]],
        template: Template,
        period: Period,
        now: datetime,
        marks: Marks = UNMARKED,
    ) -> Made:
        """Make a batch of the facts of persons; rows with errors are held here. Made again it finds nothing new.

        Raises Retry where the books cannot be written.
        """
        batched = self.check(facts, template)
        head = BatchHead(
            *("", self.partner, template.name, template.version, epoch_minute(now)),
            *(period.from_min, period.until_min),
            marks=marks,
        )
        return Made(self._add(head, batched.rows, now), batched)

    def make_day(self, facts: Iterable[Mapping[str, Any]], name: str, day: date, now: datetime, marks: Marks) -> Made:
        """Make the batch of a service date, by the template in force on it: what the service calls once cases of the
        day are verified, and may call again whenever more are. Raises as `make`, Absent for an unknown template.
        """
        start = epoch_minute(service_start(day, self.zone))
        end = epoch_minute(service_start(day + timedelta(days=1), self.zone))
        return self.make(facts, self.templates.in_force(name, day), Period(start, end), now, marks)

    def stage(self, batch_id: str, *, again: bool = False) -> int:
        """Write a batch, signed, into the books of the wire; return how many rows. It goes with the next pump.

        A batch that stands there is not written again unless `again` asks for all rows without acceptance once more.
        Raises Absent, Retry.
        """
        head = self.books.begin(batch_id, again=again)
        if head.staged:
            return 0
        if self.only is not None:
            self.books.leave_out(batch_id, self.only)
        rows = [row for row in self.books.list_going(batch_id) if self._may_go(row.key)]
        if rows:
            self.send.stage(parcels_of_batch(head, self.templates.get(head.template, head.version), rows))
        self.books.mark_staged(batch_id, [(row.key, row.revision) for row in rows])
        return len(rows)

    def stage_all(self) -> int:
        """Write every batch to the platform that waits into the books of the wire; return how many rows.

        Rows of a share wait for whoever sends the share again, who is asked whether it still holds.
        """
        waiting = self.books.list_unstaged(self.partner)
        return sum(self.stage(head.batch_id) for head in waiting if not share_id_of(head.template))

    def follow(self) -> int:
        """Take over the answers that came since; return how many rows moved. An answer that cannot be read changes
        nothing and is stepped over."""
        moved = 0
        while page := self.wire.list_applied(self.books.followed(), PAGE):
            for number, received in page:
                moved += self.take(number, received)
            self.books.followed(page[-1][0])
        if moved:
            self.books.sweep()
        return moved

    def take(self, number: int, received: Received) -> int:
        """Take one message of the incoming book, if it is an answer of the platform; return how many rows moved.

        Taken twice it moves nothing the second time.
        """
        return take_answer(self.books, number, received)

    def take_answers(self, answers: Mapping[str, Sequence[RowAnswer]]) -> int:
        """Take answers that came by hand; return how many rows moved. Raises Absent for a batch that is not here."""
        for batch_id in answers:
            self.books.get(batch_id)
        moved = sum(self.books.settle(self.partner, batch_id, rows) for batch_id, rows in answers.items())
        self.books.sweep()
        return moved

    def list_wrong(self, batch_id: str) -> list[Wrong]:
        """Return the rows of a batch that somebody has to correct. Raises Absent."""
        self.books.get(batch_id)
        return [
            Wrong(row.ref, row.state.value, row.cells, row.problems, row.reason)
            for row in self._list_wrong(batch_id)
            if row.cells
        ]

    def resend(self, batch_id: str, rows: Sequence[Corrected], now: datetime) -> Resent:
        """Make a batch of corrections from rows of the error file; only what changed and is right now goes.

        The rest of the error file stays as it is; a row that is still wrong keeps what was typed. Raises Absent.
        """
        head = self.books.get(batch_id)
        template = self.templates.get(head.template, head.version)
        offered, refs, problems, unchanged = list[Offered](), dict[int, BatchRow](), list[tuple[int, Problem]](), 0
        wrong = {row.ref: row for row in self._list_wrong(batch_id)}
        for row in rows:
            old = wrong.pop(row.ref, None)
            if old is None or old.cells is None:
                problems.append((row.line, Problem("stores.no_batch_row", {"row": row.ref[:80]})))
            elif (cells := tidy(template, row.cells)) == list(old.cells):
                unchanged += 1
            else:
                place = len(offered) + 1
                offered.append(replace(self._offered(template, place, cells), case_id=old.case_id))
                refs[place] = old
        batched = sort_rows(offered, self.books.find_known(row.key for row in offered))
        going = [one for one in batched.rows if not one.row.problems]
        still = [one.row for one in batched.rows if one.row.problems]
        for one in still:
            if refs[one.place].state is RowState.HELD:
                self.books.hold_again((batch_id, refs[one.place].place), one.cells, one.problems)
        made = replace(head, made_min=epoch_minute(now), revision=head.revision + 1, corrects=batch_id, reason="")
        done = [(batch_id, refs[one.row.place].place) for one in going]
        added = self._add(made, going, now, done)
        if added is None:
            self.books.take_away(done)
        told = [
            Wrong(old.ref, old.state.value, one.cells, one.problems, old.reason)
            for one, old in ((one, refs[one.place]) for one in still)
        ]
        return Resent(added, batched, told, problems, unchanged)

    def _list_wrong(self, batch_id: str) -> list[BatchRow]:
        rows = self.books.list_rows(batch_id, (RowState.HELD, RowState.REFUSED))
        return [row for row in rows if self._may_go(row.key)]

    def _may_go(self, key: str) -> bool:
        return self.only is None or key in self.only

    def _add(
        self, head: BatchHead, rows: Sequence[Sorted], now: datetime, corrected: Sequence[tuple[str, int]] = ()
    ) -> BatchHead | None:
        if not any(one.fate in (Fate.GOES, Fate.HELD) for one in rows):
            return None
        return self.books.add(head, f"{now.astimezone(self.zone):%Y%m%d}", rows, corrected)

    def _offered(self, template: Template, place: int, cells: Sequence[str]) -> Offered:
        key = natural_key(template, cells)
        case_id = "" if template.case_place is None else cells[template.case_place]
        named = ("person", template.name, *key) if key else ("nobody", template.name, *cells)
        return Offered(
            *(place, self.books.key_of(*named), self.books.digest_of(cells), newest_of(template, cells), case_id),
            cells,
            judge(template, cells),
        )


def take_answer(books: BatchBooks, number: int, received: Received) -> int:
    """Take a message of the incoming book into the batches, if it answers one that its sender was sent; return how many
    rows moved. One that cannot be read moves nothing.
    """
    envelope = received.envelope
    if envelope is None or envelope.type != ANSWER:
        return 0
    try:
        answer = read_answer(envelope)
    except Malformed:
        return 0
    return books.settle(envelope.source, answer.batch_id, answer.rows, number, answer.reason)

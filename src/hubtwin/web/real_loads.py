"""Loads at a hub at work: files are uploaded, looked at and loaded beside the loop, a few at a time.

A load runs in a thread that the end of the process simply ends: what was stored is stored, and the same request goes
on with the rest.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from queue import Queue
from threading import Lock, Thread

import structlog

from hubtwin.base.errors import Absent, Denied, HubError, Retry
from hubtwin.connectors.tables.opened import Told
from hubtwin.datasets.listing import Listing
from hubtwin.library.hub_listings import HUB_LIBRARY
from hubtwin.library.loading import Progress
from hubtwin.library.loads import Load, NewBad
from hubtwin.model.agency import Person
from hubtwin.rules.permission import may
from hubtwin.rules.quality import Problem
from hubtwin.stores.uploads import Receiving, Upload, Uploads
from hubtwin.web.schemas import loads as lo
from hubtwin.web.schemas.hub import Words
from hubtwin.web.shown import named, words
from hubtwin.wiring.library_works import LibraryWorks, tell_audit
from hubtwin.wiring.loading import Asked, Loader, Previewed
from hubtwin.wiring.works import Works

MOST_RUNNING = 2
SHOWN_GOOD, SHOWN_BAD = 20, 200
_LOG = structlog.get_logger()


class RealLoads:
    """`web.desk_loads.LoadsDesk` of a hub at work."""

    def __init__(self, works: Works) -> None:
        """Take an open hub."""
        self._works, self._lock = works, Lock()
        self._running: dict[str, float] = {}  # load -> share of the file
        self._active = 0  # threads

    def begin_upload(self, who: Person, file: str) -> "UploadReceiver":
        """Begin an upload."""
        may(who, "library.load")
        return UploadReceiver(self._uploads.begin(file, who.user_id, who.agency, self._library.now_min()))

    def uploads(self, who: Person, most_bytes: int) -> lo.UploadsReply:
        """Return the files that wait."""
        may(who, "library.load")
        return lo.UploadsReply([_upload(one) for one in self._uploads.list_of(who.agency)], most_bytes)

    def drop_upload(self, who: Person, upload_id: str) -> None:
        """Delete one."""
        may(who, "library.load")
        self._uploads.drop(self._uploads.get(upload_id, who.agency)[0].upload_id)

    def preview(self, who: Person, asked: lo.LoadIn) -> lo.PreviewReply:
        """Return what a load would do."""
        told = self._asked(who, asked)
        with _by_its_name(told):
            return self._previewed(self._loader.preview(told))

    def load(self, who: Person, asked: lo.LoadIn) -> lo.LoadView:
        """Begin a load or go on with it."""
        told = self._asked(who, asked)
        with self._lock:
            if self._active >= MOST_RUNNING:
                raise Retry("web.loads_busy", most=MOST_RUNNING)
            self._active += 1
        said: Queue[Load | HubError] = Queue()
        Thread(target=self._run, args=(told, asked.upload_id, said.put), name="load", daemon=True).start()
        found = said.get()
        with _by_its_name(told):
            if isinstance(found, HubError):
                raise found
        return self._view(found)

    def loads(self, who: Person) -> lo.LoadsReply:
        """Return the loads into datasets of an agency."""
        may(who, "library.load")
        own = [one.name for one in self._datasets(who)]
        found = [self._view(one) for one in self._library.shelves.loads.list_loads() if one.dataset in set(own)]
        return lo.LoadsReply(self._library.now_min(), own, found)

    def get_load(self, who: Person, load_id: str) -> lo.LoadView:
        """Return how far a load is."""
        return self._view(self._own(who, load_id))

    def quarantine(self, who: Person, load_id: str, after: int, limit: int) -> lo.QuarantineReply:
        """Return rows that could not be read."""
        load = self._own(who, load_id)
        rows = self._library.shelves.loads.list_bad(load_id=load_id, after=after, limit=limit)
        shown = [lo.BadView(row.seq, row.line_no, _problems(row.problems), "", {}) for row in rows]
        return lo.QuarantineReply(self._view(load), shown, rows[-1].seq if len(rows) == limit else None)

    def bad_row(self, who: Person, load_id: str, row: int) -> lo.BadView:
        """Return one with what stands in it."""
        self._own(who, load_id)
        if self._library.shelves.loads.get_bad(row).load_id != load_id:
            raise Absent("stores.no_bad_row", row=row)
        found = self._loader.show_bad(row, who.user_id)
        return lo.BadView(found.seq, found.line_no, _problems(found.problems), found.raw, found.cells)

    def release(self, who: Person, load_id: str, asked: lo.ReleaseIn) -> lo.ReleasedReply:
        """Correct rows and store them."""
        self._own(who, load_id)
        book = self._library.shelves.loads
        rows = {seq: book.get_bad(seq) for seq in asked.rows}
        for seq, row in rows.items():
            if row.load_id != load_id:
                raise Absent("stores.no_bad_row", row=seq)
        done, wrong = self._loader.release(asked.rows, asked.corrections, who.user_id)
        still = [lo.BadView(seq, rows[seq].line_no, _problems(found), "", {}) for seq, found in wrong.items()]
        return lo.ReleasedReply(done, still)

    @property
    def _library(self) -> LibraryWorks:
        if self._works.library is None:
            raise Absent("web.no_library")
        return self._works.library

    @property
    def _uploads(self) -> Uploads:
        return Uploads(self._library.shelves.directory)

    @property
    def _loader(self) -> Loader:
        library, access = self._library, self._works.access
        tell = partial(tell_audit, access.audit)
        return Loader(self._works.settings, library.shelves, library.catalogue, clock=library.clock, tell=tell)

    def _run(self, told: Asked, upload_id: str, say: Callable[[Load | HubError], None]) -> None:
        """Carry a load out; say once what it is, or why it cannot begin."""
        began: list[str] = []

        def begun(load: Load) -> None:
            with self._lock:
                if load.load_id in self._running:
                    raise Retry("stores.shelf_busy", dataset=load.dataset)
                self._running[load.load_id] = 0.0
            began.append(load.load_id)
            say(load)

        def progress(now: Progress) -> None:
            self._running[began[0]] = now.share

        try:
            done = self._loader.load(told, progress, begun=begun)
            self._uploads.drop(upload_id)
            if not began:  # it was loaded before
                say(done)
        except HubError as error:
            if not began:
                say(error)
            _LOG.warning("load_stopped", key=error.key, load=began[0] if began else "")
        except Exception as error:  # noqa: BLE001 - who asked must hear of it, and the server goes on
            _LOG.error("load_failed", kind=type(error).__name__)
            if not began:
                say(Retry("web.load_failed"))
        finally:
            with self._lock:
                self._active -= 1
                for load_id in began:
                    self._running.pop(load_id, None)

    def _asked(self, who: Person, asked: lo.LoadIn) -> Asked:
        may(who, "library.load")
        if asked.dataset not in {one.name for one in self._datasets(who)}:
            raise Denied("web.load_not_yours", dataset=asked.dataset)
        upload, path = self._uploads.get(asked.upload_id, who.agency)
        return Asked(
            asked.dataset,
            who.user_id,
            file=path,
            name=upload.file,
            told=Told("", asked.encoding, asked.delimiter, asked.header, asked.table),
            mapping=asked.mapping,
            synthetic=asked.synthetic,
            part=asked.part,
            again=asked.again,
        )

    def _datasets(self, who: Person) -> Sequence[Listing]:
        """Return the datasets that a person's agency owns or stewards, but for those that connectors write."""
        listings = self._library.catalogue().listings
        return [one for one in listings if one.library != HUB_LIBRARY and who.agency in {one.owner, one.steward}]

    def _own(self, who: Person, load_id: str) -> Load:
        may(who, "library.load")
        load = self._library.shelves.loads.get(load_id)
        if load.dataset not in {one.name for one in self._datasets(who)}:
            raise Absent("stores.no_load", load=load_id)
        return load

    def _view(self, load: Load) -> lo.LoadView:
        share = self._running.get(load.load_id)
        if share is None and load.ended_min is None:  # it may have ended since it was read
            load = self._library.shelves.loads.get(load.load_id)
        ended = load.ended_min is not None
        state: lo.State = "ended" if ended else "running" if share is not None else "interrupted"
        listing = self._library.catalogue().by_name.get(load.dataset)
        title = _title(listing) if listing else Words(load.dataset, load.dataset)
        head = (load.load_id, load.dataset, title, load.file, load.part, load.by, load.begun_min, load.ended_min)
        counts = (load.rows, load.quarantined, 1.0 if ended else share or 0.0, bool(load.told.get("synthetic")))
        problem = _problems([load.problem])[0] if load.problem else None
        return lo.LoadView(*head, state, *counts, problem)

    def _previewed(self, found: Previewed) -> lo.PreviewReply:
        sampled, told, dataset = found.sampled, found.found, found.listing.dataset
        rows = sampled.good.select([column.name for column in dataset.columns]).slice(0, SHOWN_GOOD).to_pylist()
        required = [name for name in found.missing if name in dataset.key or found.listing.trait(name).required]
        return lo.PreviewReply(
            *(dataset.name, _title(found.listing), found.file, found.format),
            *(str(told.get("encoding", "")), str(told.get("delimiter", "")), int(str(told.get("header", 0)))),
            str(told.get("table", "")),
            [
                lo.GuessView(one.name, one.type, one.empty, [words(note) for note in one.notes], target)
                for one, target in found.columns
            ],
            found.missing,
            required,
            sampled.rows,
            sampled.good.num_rows,
            [{name: str(value) for name, value in row.items() if value is not None} for row in rows],
            [_bad(row) for row in sampled.bad[:SHOWN_BAD]],
            len(sampled.bad),
            self._view(found.load) if found.load else None,
        )


class UploadReceiver:
    """`web.desk_loads.Receiver` over a file."""

    def __init__(self, receiving: Receiving) -> None:
        """Take the file."""
        self._receiving = receiving
        self.write, self.abort = receiving.write, receiving.abort

    def finish(self) -> lo.UploadView:
        """Return the upload."""
        return _upload(self._receiving.finish())


@contextmanager
def _by_its_name(told: Asked) -> Iterator[None]:
    """Let an error call an uploaded file by the name that it came with; what it lies under says nothing to anybody."""
    try:
        yield
    except HubError as error:
        if told.file is None or error.values.get("file") != told.file.name:
            raise
        raise type(error)(error.key, **{**error.values, "file": told.name}) from error


def _upload(one: Upload) -> lo.UploadView:
    return lo.UploadView(one.upload_id, one.file, one.bytes, one.by, one.at_min)


def _title(listing: Listing) -> Words:
    return named({"zh": listing.dataset.zh, "en": listing.dataset.en})


def _problems(found: Sequence[Problem]) -> list[Words]:
    return [Words(each.message("zh"), each.message("en")) for each in found]


def _bad(row: NewBad) -> lo.BadView:
    return lo.BadView(0, row.line_no, _problems(row.problems), row.raw[:2_000], {})

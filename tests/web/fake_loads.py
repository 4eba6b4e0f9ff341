"""What the fake desk knows of loads: it asks the table of permissions, and keeps nothing."""

from hubtwin.base.errors import Absent
from hubtwin.model.agency import Person
from hubtwin.rules.permission import may
from hubtwin.web.schemas import loads as lo
from hubtwin.web.schemas.hub import Words

BOTH = Words("居民", "residents")
UPLOAD = lo.UploadView("upload-1", "residents.csv", 10, "steward", 1)
LOAD = lo.LoadView(
    *("load-1", "residents", BOTH, "residents.csv", "2022-10-20", "steward", 1, None, "running", 100, 1, 0.5, True),
    None,
)
BAD = lo.BadView(1, 7, [BOTH], "", {})
PREVIEW = lo.PreviewReply(
    *("residents", BOTH, "residents.csv", "csv", "utf-8", ",", 1, ""),
    [lo.GuessView("证件号", "string", 0, [BOTH], "id")],
    *(["phone"], [], 10, 9, [{"id": "1"}], [BAD], 1, LOAD),
)


class _Receiver:
    def write(self, content: bytes) -> None:
        return None

    def finish(self) -> lo.UploadView:
        return UPLOAD

    def abort(self) -> None:
        return None


class FakeLoads:
    """`web.desk_loads.LoadsDesk` beside a fake desk."""

    def begin_upload(self, who: Person, file: str) -> _Receiver:
        may(who, "library.load")
        return _Receiver()

    def uploads(self, who: Person, most_bytes: int) -> lo.UploadsReply:
        may(who, "library.load")
        return lo.UploadsReply([UPLOAD], most_bytes)

    def drop_upload(self, who: Person, upload_id: str) -> None:
        self._known(who, upload_id, "upload-1")

    def preview(self, who: Person, asked: lo.LoadIn) -> lo.PreviewReply:
        self._known(who, asked.upload_id, "upload-1")
        return PREVIEW

    def load(self, who: Person, asked: lo.LoadIn) -> lo.LoadView:
        self._known(who, asked.upload_id, "upload-1")
        return LOAD

    def loads(self, who: Person) -> lo.LoadsReply:
        may(who, "library.load")
        return lo.LoadsReply(2, ["residents"], [LOAD])

    def get_load(self, who: Person, load_id: str) -> lo.LoadView:
        self._known(who, load_id, "load-1")
        return LOAD

    def quarantine(self, who: Person, load_id: str, after: int, limit: int) -> lo.QuarantineReply:
        self._known(who, load_id, "load-1")
        return lo.QuarantineReply(LOAD, [BAD], None)

    def bad_row(self, who: Person, load_id: str, row: int) -> lo.BadView:
        self._known(who, load_id, "load-1")
        return BAD

    def release(self, who: Person, load_id: str, asked: lo.ReleaseIn) -> lo.ReleasedReply:
        self._known(who, load_id, "load-1")
        return lo.ReleasedReply([1], [])

    def _known(self, who: Person, found: str, known: str) -> None:
        may(who, "library.load")
        if found != known:
            raise Absent("stores.no_load", load=found)

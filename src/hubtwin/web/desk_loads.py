"""The part of the desk about loads into the library; see `desk.py`."""

from typing import Protocol

from hubtwin.model.agency import Person
from hubtwin.web.schemas import loads as lo


class Receiver(Protocol):
    """An upload on its way."""

    def write(self, content: bytes) -> None:
        """Take a piece. Raises Retry."""
        ...

    def finish(self) -> lo.UploadView:
        """Return the upload, which is on disk from now on. Raises Retry."""
        ...

    def abort(self) -> None:
        """Take nothing of it."""
        ...


class LoadsDesk(Protocol):
    """Uploads, loads, quarantine. A dataset may be loaded by the agency that owns or stewards it; each method asks.

    All raise Denied, and Absent for what is not there or not one's own.
    """

    def begin_upload(self, who: Person, file: str) -> Receiver:
        """Begin an upload."""
        ...

    def uploads(self, who: Person, most_bytes: int) -> lo.UploadsReply:
        """Return the files of one's agency that wait."""
        ...

    def drop_upload(self, who: Person, upload_id: str) -> None:
        """Delete one."""
        ...

    def preview(self, who: Person, asked: lo.LoadIn) -> lo.PreviewReply:
        """Return what a load would do. Raises Malformed."""
        ...

    def load(self, who: Person, asked: lo.LoadIn) -> lo.LoadView:
        """Begin a load or go on with it; it runs on. Raises Malformed, Retry where too many run."""
        ...

    def loads(self, who: Person) -> lo.LoadsReply:
        """Return the loads into datasets of one's agency."""
        ...

    def get_load(self, who: Person, load_id: str) -> lo.LoadView:
        """Return how far a load is."""
        ...

    def quarantine(self, who: Person, load_id: str, after: int, limit: int) -> lo.QuarantineReply:
        """Return rows that could not be read, without what stands in them."""
        ...

    def bad_row(self, who: Person, load_id: str, row: int) -> lo.BadView:
        """Return one with what stands in it; that this person looked is written down."""
        ...

    def release(self, who: Person, load_id: str, asked: lo.ReleaseIn) -> lo.ReleasedReply:
        """Correct rows and store them. Raises Malformed."""
        ...

"""A recording gives back the exact bytes, is sealed, keeps to its limits, and survives a kill between any two steps."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Absent, Denied, HubError, Malformed, Retry
from hubtwin.connectors.common.http import HttpTransport
from hubtwin.connectors.common.serve import Fault, WireServer
from hubtwin.model.record import Marks, Provenance, Status
from hubtwin.ports import Page
from hubtwin.stores import recording
from hubtwin.stores.backup import backup
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.recorder import RecordingTransport, ReplayTransport
from hubtwin.stores.recording import (
    FOLDER,
    RECORDING_KEY,
    Frame,
    Limits,
    Recorder,
    Recording,
    delete_segments,
    list_segments,
    list_sources,
    page_frame,
    prune,
)

ROOT = Path(__file__).parents[2]
AT = datetime(2022, 10, 20, 0, 0, 0, 123456, tzinfo=UTC)
SYNTHETIC = Marks(Status.ACTUAL, Provenance.SYNTHETIC)
SECRET = "330102199001011234"
MARKS = st.builds(Marks, st.sampled_from(Status), st.sampled_from(Provenance), st.booleans())


class _Clock:
    def __init__(self, now: datetime = AT) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class _Source:
    """A transport of pages that are given, and an error at the end."""

    def __init__(self, *bodies: bytes, error: HubError | None = None, broken: HubError | None = None) -> None:
        self.bodies, self.error, self.broken = bodies, error, broken

    def pages(self, cursor: str | None) -> Iterator[Page]:
        for number, body in enumerate(self.bodies[int(cursor or 0) :], int(cursor or 0) + 1):
            yield Page(f"page {number}", self._chunks(body), str(number), SYNTHETIC)
        if self.error is not None:
            raise self.error

    def _chunks(self, body: bytes) -> Iterator[bytes]:
        yield body[:3]
        yield body[3:]
        if self.broken is not None:
            raise self.broken


def _bodies(directory: Path, source: str = "lanes") -> list[bytes]:
    return [frame.body for frame in Recording(directory, source).frames() if frame.kind == "page"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=300), st.text(max_size=20), MARKS), min_size=1, max_size=8))
def test_every_page_comes_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, pages: list[tuple[bytes, str, Marks]]
) -> None:
    directory = tmp_path_factory.mktemp("recording")
    recorder = Recorder(directory, "lanes", _Clock())
    frames = [
        page_frame(AT + timedelta(microseconds=at), name, f"c{at}", marks, body)
        for at, (body, name, marks) in enumerate(pages)
    ]
    for frame in frames:
        recorder.write(frame)
    assert recorder.last_cursor() == frames[-1].cursor
    recorder.close()
    found = list(Recording(directory, "lanes").frames())
    assert [replace(frame, place="") for frame in found] == frames
    assert [frame.sha256 for frame in found] == [sha256(body).hexdigest() for body, _, _ in pages]
    middle = found[len(found) // 2]
    assert list(Recording(directory, "lanes").frames(middle.place)) == found[len(found) // 2 + 1 :]
    assert list(Recording(directory, "lanes").frames(since=middle.at)) == found[len(found) // 2 :]
    assert list(Recording(directory, "lanes").frames(until=middle.at)) == found[: len(found) // 2]


def test_nothing_of_a_page_stands_in_the_clear_and_files_are_the_owners(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "gates", _Clock())
    recorder.write(page_frame(AT, f"name {SECRET}", SECRET, SYNTHETIC, SECRET.encode() * 9))
    recorder.close()
    files = [path for path in (tmp_path / FOLDER).rglob("*") if path.is_file()] + [tmp_path / RECORDING_KEY]
    assert len(files) == 3
    for file in files:
        assert SECRET.encode() not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0
    for folder in (tmp_path / FOLDER, tmp_path / FOLDER / "gates"):
        assert folder.stat().st_mode & 0o077 == 0
    assert SECRET not in repr(page_frame(AT, "n", "c", SYNTHETIC, SECRET.encode()))


def test_without_its_key_or_with_another_nothing_is_read(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "lanes", _Clock())
    recorder.write(page_frame(AT, "n", "1", SYNTHETIC, b"body"))
    recorder.close()
    (tmp_path / RECORDING_KEY).write_bytes(b"k" * 32)
    with pytest.raises(Denied, match="does not open"):
        _bodies(tmp_path)
    (tmp_path / RECORDING_KEY).unlink()
    with pytest.raises(Denied, match="without it"):
        _bodies(tmp_path)
    with pytest.raises(Absent):
        Recording(tmp_path, "gates")


def test_no_backup_takes_a_recording(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "hub", "hub", clock=_Clock(), threads=1)
    store.close()
    recorder = Recorder(tmp_path / "hub", "lanes", _Clock())
    recorder.write(page_frame(AT, "n", "1", SYNTHETIC, b"body"))
    recorder.close()
    backup(tmp_path / "hub", tmp_path / "copy", clock=_Clock())
    names = {path.name for path in (tmp_path / "copy").rglob("*")}
    assert RECORDING_KEY not in names
    assert not any(name.endswith(".rec") or name == FOLDER for name in names)


def test_a_second_process_may_read_but_not_record(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "lanes", _Clock())
    recorder.write(page_frame(AT, "n", "1", SYNTHETIC, b"body"))
    with pytest.raises(Retry, match="another process"):
        Recorder(tmp_path, "lanes", _Clock())
    assert _bodies(tmp_path) == [b"body"]
    recorder.close()
    recorder.close()
    Recorder(tmp_path, "lanes", _Clock()).close()


def test_whatever_the_tail_lost_only_the_last_frame_is_gone(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "lanes", _Clock())
    for body in (b"first", b"second", b"third"):
        recorder.write(page_frame(AT, "n", "1", SYNTHETIC, body))
    recorder.close()
    (segment,) = list_segments(tmp_path / FOLDER / "lanes")
    whole = segment.path.read_bytes()
    lengths = [len(whole) - cut for cut in range(1, 220, 7)]
    for length in lengths:
        segment.path.write_bytes(whole[:length])
        read = _bodies(tmp_path)
        assert read in ([b"first", b"second"], [b"first"], []), length
        Recorder(tmp_path, "lanes", _Clock()).close()
        assert _bodies(tmp_path) == read
        notes = [frame.note["what"] for frame in Recording(tmp_path, "lanes").frames() if frame.kind == "noted"]
        assert notes in (["torn_tail_cut"], [])  # nothing to note where the cut fell between two frames
        for other in list_segments(tmp_path / FOLDER / "lanes")[1:]:
            other.path.unlink()
    segment.path.write_bytes(whole + bytes(4096))  # a file that grew and was never filled
    Recorder(tmp_path, "lanes", _Clock()).close()
    assert segment.path.read_bytes() == whole


def test_a_frame_that_was_altered_is_refused_and_nothing_is_cut(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "lanes", _Clock())
    for body in (b"first", b"second", b"third"):
        recorder.write(page_frame(AT, "n", "1", SYNTHETIC, body))
    recorder.close()
    (segment,) = list_segments(tmp_path / FOLDER / "lanes")
    whole = bytearray(segment.path.read_bytes())
    whole[120] ^= 1
    segment.path.write_bytes(whole)
    with pytest.raises(Malformed, match="altered"):
        _bodies(tmp_path)
    Recorder(tmp_path, "lanes", _Clock()).close()
    assert segment.path.read_bytes() == whole


def test_frames_may_not_change_places(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "lanes", _Clock())
    for body in (b"1", b"2"):
        recorder.write(page_frame(AT, "n", "1", SYNTHETIC, body))
    recorder.close()
    (segment,) = list_segments(tmp_path / FOLDER / "lanes")
    whole, head = segment.path.read_bytes(), len(recording._MAGIC) + recording._WRAPPED
    half = (len(whole) - head) // 2
    segment.path.write_bytes(whole[:head] + whole[head + half :] + whole[head : head + half])
    with pytest.raises(Malformed, match="altered"):
        _bodies(tmp_path)


def test_limits_delete_the_oldest_first_and_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "SEGMENT_BYTES", 1000)
    clock = _Clock()
    recorder = Recorder(tmp_path, "lanes", clock, Limits(bytes=5000, days=2))
    for number in range(40):
        recorder.write(page_frame(clock.now, "n", str(number), SYNTHETIC, bytes([number]) * 400))
    kept = [body[0] for body in _bodies(tmp_path)]
    assert kept == list(range(40))[-len(kept) :]
    assert 5 < len(kept) < 15
    notes = [f.note for f in Recording(tmp_path, "lanes").frames() if f.kind == "noted"]
    assert notes
    assert all(note["what"] == "deleted_by_limit" and note["segments"] for note in notes)
    clock.now += timedelta(days=3)
    recorder.write(page_frame(clock.now, "n", "x", SYNTHETIC, b"late"))
    assert _bodies(tmp_path) == [b"late"]
    assert delete_segments(tmp_path, {"lanes": {1}, "gates": {12}}) == 0
    assert delete_segments(tmp_path) == 1
    assert list_sources(tmp_path) == []
    recorder.write(page_frame(clock.now, "n", "x", SYNTHETIC, b"a new segment"))
    assert _bodies(tmp_path) == [b"a new segment"]
    recorder.close()
    assert prune(tmp_path / FOLDER / "lanes", Limits(days=1), clock.now + timedelta(days=1))[0] == 0
    assert prune(tmp_path / FOLDER / "lanes", Limits(days=1), clock.now + timedelta(days=2))[0] == 1


def test_a_segment_lasts_some_hours_and_old_ones_stay_readable(tmp_path: Path) -> None:
    clock = _Clock()
    recorder = Recorder(tmp_path, "lanes", clock)
    for hour in range(14):
        clock.now = AT + timedelta(hours=hour)
        recorder.write(page_frame(clock.now, "n", str(hour), SYNTHETIC, bytes([hour])))
    recorder.close()
    assert len(list_segments(tmp_path / FOLDER / "lanes")) == 3
    assert _bodies(tmp_path) == [bytes([hour]) for hour in range(14)]


def test_the_recorder_hands_on_what_it_recorded_and_notes_failures(tmp_path: Path) -> None:
    clock = _Clock()
    recorder = Recorder(tmp_path, "lanes", clock)
    source = _Source(b"one two", b"three four", error=Retry("connectors.common.http_failed", source="s", status=503))
    handed: list[tuple[str, str, Marks, bytes]] = []

    def take_all() -> None:
        for page in RecordingTransport(source, recorder, clock).pages(None):
            assert _bodies(tmp_path)[-1] == source.bodies[len(handed)]  # on disk before it is handed on
            handed.append((page.name, page.cursor, page.marks, b"".join(page.chunks)))

    with pytest.raises(Retry):
        take_all()
    assert handed == [("page 1", "1", SYNTHETIC, b"one two"), ("page 2", "2", SYNTHETIC, b"three four")]
    for _ in range(3):
        assert not list(RecordingTransport(_Source(), recorder, clock).pages("2"))
    clock.now += timedelta(minutes=1)
    assert not list(RecordingTransport(_Source(), recorder, clock).pages("2"))
    recorder.close()
    frames = list(Recording(tmp_path, "lanes").frames())
    assert [frame.kind for frame in frames] == ["page", "page", "failed", "asked", "asked"]
    assert frames[2].note == {"reason": "connectors.common.http_failed"}


def test_a_page_whose_reading_is_refused_is_recorded_as_that(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "lanes", _Clock())
    source = _Source(b"half of it", broken=Malformed("connectors.common.gzip_broken", file="f"))
    (page,) = RecordingTransport(source, recorder, _Clock()).pages(None)
    recorder.close()
    replayed = next(iter(ReplayTransport(Recording(tmp_path, "lanes")).pages(None)))
    for one in (page, replayed):
        read = []
        with pytest.raises(Malformed, match="gzip") as refused:
            read += [chunk for chunk in one.chunks]  # noqa: C416 - what was read before the error counts
        assert refused.value.key == "connectors.common.gzip_broken"


def test_a_disk_that_fails_stops_recording_alone_and_not_the_hub(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "lanes", _Clock())
    recorder.write(page_frame(AT, "n", "1", SYNTHETIC, b"body"))
    recorder._end_segment()
    recorder.folder.chmod(0o500)
    try:
        if os.access(recorder.folder, os.W_OK):
            recorder.folder = tmp_path / "gone"  # root writes everywhere: a folder that is not there fails for all
        (page,) = RecordingTransport(_Source(b"body"), recorder, _Clock()).pages(None)
        assert b"".join(page.chunks) == b"body"
        with pytest.raises(Retry):
            list(RecordingTransport(_Source(b"body"), recorder, _Clock(), strict=True).pages(None))
    finally:
        (tmp_path / FOLDER / "lanes").chmod(0o700)
        recorder.close()


def test_a_page_that_comes_after_the_end_is_handed_on_and_not_recorded(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "lanes", _Clock())
    recorder.close()
    (page,) = RecordingTransport(_Source(b"body"), recorder, _Clock()).pages(None)
    assert b"".join(page.chunks) == b"body"
    assert list_sources(tmp_path) == []


def test_a_page_that_is_too_large_is_handed_on_and_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubtwin.stores.recorder.MAX_PAGE_BYTES", 4)
    recorder = Recorder(tmp_path, "lanes", _Clock())
    (page,) = RecordingTransport(_Source(b"one two"), recorder, _Clock()).pages(None)
    assert b"".join(page.chunks) == b"one two"
    recorder.close()
    (frame,) = Recording(tmp_path, "lanes").frames()
    assert frame.note["what"] == "page_too_large"


def test_a_replay_keeps_the_pace_and_goes_on_behind_its_cursor(tmp_path: Path) -> None:
    clock = _Clock()
    recorder = Recorder(tmp_path, "lanes", clock)
    for second in (0, 5, 65):
        recorder.write(page_frame(AT + timedelta(seconds=second), f"p{second}", "x", SYNTHETIC, b"%d" % second))
        recorder.write(Frame("asked", AT + timedelta(seconds=second + 1)))
    recorder.close()
    waited: list[float] = []
    pages = list(ReplayTransport(Recording(tmp_path, "lanes"), wait=waited.append).pages(None))
    assert waited == [5.0, 60.0]
    assert [b"".join(page.chunks) for page in pages] == [b"0", b"5", b"65"]
    assert all(page.marks == replace(SYNTHETIC, replayed=True) for page in pages)
    assert len({page.cursor for page in pages}) == 3
    rest = list(ReplayTransport(Recording(tmp_path, "lanes")).pages(pages[0].cursor))
    assert [page.name for page in rest] == ["p5", "p65"]
    assert not list(ReplayTransport(Recording(tmp_path, "lanes")).pages(pages[-1].cursor))
    until = ReplayTransport(
        Recording(tmp_path, "lanes"), since=AT + timedelta(seconds=1), until=clock.now + timedelta(seconds=65)
    )
    assert [page.name for page in until.pages(None)] == ["p5"]


# ------------------------------------------------------------------------------------------------ a real process


def _record(directory: Path, url: str, failpoint: str = "") -> list[str]:
    """Run the recorder; return the cursors of the pages that it handed on. It must die exactly where it shall."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.stores.recording_killed", str(directory), url],
        cwd=ROOT,
        env={**os.environ, "HUBTWIN_FAILPOINT": failpoint},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == (-signal.SIGKILL if failpoint else 0), done.stderr
    return done.stdout.split()


def test_a_recorder_that_is_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    bodies = [b"page %d " % number * 50 for number in range(30)]
    handed: list[str] = []
    with WireServer(bodies) as server:
        for place in ("stores.recording_half:4", "stores.recording_unsynced:3", "stores.recording_synced:5"):
            for _ in range(2):
                handed += _record(tmp_path, server.url, place)
                recorded = [frame.cursor for frame in Recording(tmp_path, "lanes").frames() if frame.kind == "page"]
                assert set(handed) <= set(recorded)  # what was handed on is recorded
        handed += _record(tmp_path, server.url)
        server.switch(Fault.FAIL)
        with pytest.raises(Retry):
            list(HttpTransport(server.url).pages(None))
    assert _bodies(tmp_path) == bodies  # in order, none twice
    notes = [frame.note for frame in Recording(tmp_path, "lanes").frames() if frame.kind == "noted"]
    assert sum(note["what"] == "torn_tail_cut" for note in notes) == 2

"""Files as pages."""

import gzip
import os
from pathlib import Path

import pytest

from hubtwin.base.errors import Malformed, Retry
from hubtwin.connectors.common.files import CHUNK_BYTES, FileTransport
from hubtwin.model.record import Marks, Provenance


def _read(transport: FileTransport, cursor: str | None = None) -> tuple[list[tuple[str, bytes]], str | None]:
    found = []
    for page in transport.pages(cursor):
        found.append((page.name, b"".join(page.chunks)))
        cursor = page.cursor
    return found, cursor


def test_a_folder_gives_its_files_by_name_once(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "c.txt"):
        (tmp_path / name).write_bytes(name.encode())
    transport = FileTransport((tmp_path,), "*.csv")
    found, cursor = _read(transport)
    assert found == [("a.csv", b"a.csv"), ("b.csv", b"b.csv")]
    assert _read(transport, cursor) == ([], cursor)


def test_a_new_and_a_changed_file_are_read_and_the_others_are_not(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(b"1")
    transport = FileTransport((tmp_path,))
    _, cursor = _read(transport)
    times = (tmp_path / "b").stat()
    (tmp_path / "b").write_bytes(b"2")
    os.utime(tmp_path / "b", ns=(times.st_atime_ns, times.st_mtime_ns))  # same size, same time of change
    (tmp_path / "a0").write_bytes(b"3")
    found, cursor = _read(transport, cursor)
    assert found == [("a0", b"3"), ("b", b"2")]
    assert _read(transport, cursor)[0] == []


def test_the_cursor_after_each_page_resumes_with_the_next(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(name.encode())
    transport = FileTransport((tmp_path,))
    pages = [(page.name, page.cursor) for page in transport.pages(None)]
    assert len({cursor for _, cursor in pages}) == 3
    for position, (_, cursor) in enumerate(pages):
        assert [name for name, _ in _read(transport, cursor)[0]] == [name for name, _ in pages[position + 1 :]]


def test_the_cursor_forgets_files_that_are_gone(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number:02}").write_bytes(b"x")
    transport = FileTransport((tmp_path,))
    _, cursor = _read(transport)
    for number in range(19):
        (tmp_path / f"{number:02}").unlink()
    (tmp_path / "new").write_bytes(b"y")
    _, shorter = _read(transport, cursor)
    assert shorter is not None
    assert len(shorter.split()) == 2


def test_a_file_written_to_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "growing.csv"
    file.write_bytes(b"1\n")
    transport = FileTransport((file,))
    (page,) = transport.pages(None)
    file.write_bytes(b"1\n2\n")
    assert b"".join(page.chunks) == b"1\n2\n"
    assert len(_read(transport, page.cursor)[0]) == 1


def test_gzip_is_opened_whatever_it_is_called(tmp_path: Path) -> None:
    data = os.urandom(3 * CHUNK_BYTES)
    (tmp_path / "plain.gz").write_bytes(data[:100])
    (tmp_path / "zipped").write_bytes(gzip.compress(data, 1))
    assert _read(FileTransport((tmp_path,)))[0] == [("plain.gz", data[:100]), ("zipped", data)]
    pieces = [piece for page in FileTransport((tmp_path / "zipped",)).pages(None) for piece in page.chunks]
    assert max(map(len, pieces)) <= CHUNK_BYTES


@pytest.mark.parametrize("damage", [slice(0, 20), slice(0, 8)])
def test_damaged_gzip_is_malformed_by_name(tmp_path: Path, damage: slice) -> None:
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"a,b\n" * 1000)[damage])
    (page,) = FileTransport((tmp_path,)).pages(None)
    with pytest.raises(Malformed, match=r"x\.gz"):
        list(page.chunks)


def test_an_absent_file_is_retry_and_says_only_its_name(tmp_path: Path) -> None:
    with pytest.raises(Retry, match=r"^gone\.csv is not there"):
        list(FileTransport((tmp_path / "gone.csv",)).pages(None))
    (tmp_path / "a").write_bytes(b"")
    (page,) = FileTransport((tmp_path,)).pages(None)
    (tmp_path / "a").unlink()
    with pytest.raises(Retry):
        list(page.chunks)


def test_files_carry_the_marks_of_their_transport(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    marks = Marks(provenance=Provenance.SYNTHETIC)
    assert [page.marks for page in FileTransport((tmp_path,), marks=marks).pages(None)] == [marks]

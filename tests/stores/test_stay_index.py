"""The stay index on disk: the same answers as in memory, and the old or the new one after a kill, never a mixture."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hubtwin.base.errors import Absent, HubError, Malformed
from hubtwin.base.text import catalogue
from hubtwin.rules.linkage import Stays, collide, index_stays, trace_person
from hubtwin.rules.linkage_risk import index_risk
from hubtwin.stores import stay_index
from hubtwin.stores.stay_index import CURRENT, Pieces, StayRows, append_stays, list_rows, open_stays, write_stays


def make_rows(count: int, seed: int = 1, first_id: int = 0) -> StayRows:
    rng = np.random.default_rng(seed)
    t_in = rng.integers(-3000, 20160, count).astype(np.int32)
    return StayRows(
        rng.integers(0, 40, count).astype(np.uint16),
        rng.integers(0, 500, count).astype(np.uint32),
        t_in,
        t_in + rng.integers(5, 2881, count).astype(np.int32),
        np.arange(first_id, first_id + count, dtype=np.uint32),
    )


def in_pieces(rows: StayRows, size: int) -> Pieces:
    def pieces() -> Iterator[StayRows]:
        for at in range(0, len(rows.area), size):
            cut = slice(at, at + size)
            yield StayRows(rows.area[cut], rows.person[cut], rows.t_in[cut], rows.t_out[cut], rows.stay_id[cut])

    return pieces


def assert_same(found: Stays, expected: Stays) -> None:
    for name in Stays.__dataclass_fields__:
        assert getattr(found, name).tolist() == getattr(expected, name).tolist(), name


def in_memory(*given: StayRows) -> Stays:
    area, person, t_in, t_out, stay_id = (np.concatenate(column) for column in zip(*given, strict=True))
    return index_stays(area, person, t_in, t_out, stay_id=stay_id)


def test_what_is_written_in_pieces_is_the_index_in_memory(tmp_path: Path) -> None:
    rows = make_rows(5000)
    assert_same(write_stays(tmp_path / "stays", in_pieces(rows, 700)), in_memory(rows))
    assert_same(open_stays(tmp_path / "stays", verify=True), in_memory(rows))
    assert not open_stays(tmp_path / "stays").t_in.flags.writeable


def test_persons_and_rows_are_indexed_in_bounded_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stay_index, "_BLOCK", 64)
    rows = make_rows(2000)
    assert_same(write_stays(tmp_path, in_pieces(rows, 2000)), in_memory(rows))
    assert sum(len(piece.area) for piece in list_rows(open_stays(tmp_path))) == 2000


def test_no_stays_at_all_are_an_index_too(tmp_path: Path) -> None:
    stays = write_stays(tmp_path, list, area_count=3, person_count=2)
    risk = index_risk([0], [0], [10])
    assert (stays.area_count, stays.person_count, len(collide(stays, risk).stay_id)) == (3, 2, 0)
    assert len(trace_person(stays, risk, 1).stay_id) == 0
    assert_same(append_stays(tmp_path, in_pieces(make_rows(10), 3)), in_memory(make_rows(10)))


def test_appending_keeps_what_was_there_and_drops_what_is_over(tmp_path: Path) -> None:
    first, more = make_rows(3000), make_rows(2000, seed=2, first_id=3000)
    append_stays(tmp_path, in_pieces(first, 999))
    stays = append_stays(tmp_path, in_pieces(more, 500))
    assert sorted(stays.stay_id.tolist()) == list(range(5000))
    risk = index_risk([3, 4], [0, 100], [5000, 9000])
    found, expected = collide(stays, risk), collide(in_memory(first, more), risk)
    assert sorted(found.stay_id.tolist()) == sorted(expected.stay_id.tolist())
    stays = append_stays(tmp_path, list, drop_before_min=10_000)
    kept = [rows.stay_id[rows.t_out > 10_000].tolist() for rows in (first, more)]
    assert sorted(stays.stay_id.tolist()) == sorted(kept[0] + kept[1])
    assert len(list(tmp_path.glob("generation-*"))) == 1


@pytest.mark.parametrize("field", ["t_out", "area", "person"])
def test_bad_rows_are_refused_and_the_current_generation_stays(tmp_path: Path, field: str) -> None:
    good = make_rows(100)
    write_stays(tmp_path, in_pieces(good, 100))
    bad = good._replace(**{field: good.t_in if field == "t_out" else good.t_in - 5000})
    with pytest.raises(Malformed):
        append_stays(tmp_path, in_pieces(bad, 100))
    assert_same(open_stays(tmp_path, verify=True), in_memory(good))


def _damage(root: Path, what: str) -> None:
    (folder,) = root.glob("generation-*")
    if what == "shorter":
        file = folder / "t_in.npy"
        file.write_bytes(file.read_bytes()[:-4])
    elif what == "offsets":
        file = folder / "offsets.npy"
        file.write_bytes(file.read_bytes()[:-1] + b"\x7f")
    elif what == "manifest":
        (folder / "manifest.json").write_text("{}")
    elif what == "missing":
        (folder / "person.npy").unlink()
    else:
        (root / CURRENT).write_text("")


@pytest.mark.parametrize("what", ["shorter", "offsets", "manifest", "missing", "current"])
def test_damaged_files_are_named(tmp_path: Path, what: str) -> None:
    write_stays(tmp_path, in_pieces(make_rows(100), 100))
    _damage(tmp_path, what)
    with pytest.raises(Malformed) as found:
        open_stays(tmp_path)
    assert found.value.key == "stores.stays_damaged"
    assert str(tmp_path) in found.value.message("en")


def test_a_changed_byte_is_found_by_verifying(tmp_path: Path) -> None:
    write_stays(tmp_path, in_pieces(make_rows(100), 100))
    file = next(tmp_path.glob("generation-*/person.npy"))
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    open_stays(tmp_path)
    with pytest.raises(Malformed):
        open_stays(tmp_path, verify=True)


def test_an_index_of_a_later_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stay_index, "_VERSION", 2)
    write_stays(tmp_path, in_pieces(make_rows(10), 10))
    monkeypatch.setattr(stay_index, "_VERSION", 1)
    with pytest.raises(Malformed) as found:
        open_stays(tmp_path)
    assert found.value.key == "stores.stays_version"


def test_nothing_written_is_absent_and_every_error_has_its_texts(tmp_path: Path) -> None:
    with pytest.raises(Absent):
        open_stays(tmp_path)
    for key in ("stays_absent", "stays_damaged", "stays_version", "stays_replaced"):
        assert set(catalogue()[f"stores.{key}"]) == {"zh", "en"}


_WRITER = """
import sys
from pathlib import Path
import numpy as np
from hubtwin.stores.stay_index import StayRows, write_stays
root = Path(sys.argv[1])
for run in range(1, 10_000):
    n = 20_000
    t_in = (np.arange(n) * 7919 % 20160).astype(np.int32)
    same = np.full(n, run, np.uint32)
    write_stays(root, lambda: [StayRows(np.arange(n) % 50, np.arange(n) % 99, t_in, t_in + 60, same)])
    print(run, flush=True)
"""


@pytest.mark.parametrize("delay_s", [0.0, 0.004, 0.011, 0.017, 0.023])
def test_a_killed_writer_leaves_a_whole_generation(tmp_path: Path, delay_s: float) -> None:
    writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    last = 0
    for _ in range(3):
        last = int(writer.stdout.readline())
    time.sleep(delay_s)
    writer.send_signal(signal.SIGKILL)
    rest = writer.communicate()[0].split()
    last = int(rest[-1]) if rest else last
    stays = open_stays(tmp_path, verify=True)
    assert set(np.unique(stays.stay_id).tolist()) <= {last, last + 1}
    assert len(np.unique(stays.stay_id)) == 1
    write_stays(tmp_path, in_pieces(make_rows(50), 50))
    assert sorted(path.name for path in tmp_path.iterdir())[0] == CURRENT
    assert len(list(tmp_path.iterdir())) == 2  # what the kill left over is swept


@pytest.mark.parametrize("step", ["_fill", "_seal", "_point", "_sweep"])
def test_a_failure_at_any_step_leaves_the_old_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    old, new = make_rows(100), make_rows(60, seed=3)
    write_stays(tmp_path, in_pieces(old, 100))
    real = getattr(stay_index, step)
    calls = 0

    def failing(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if step == "_sweep" and calls == 1:
            return real(*arguments)
        raise OSError("no space left on device")

    monkeypatch.setattr(stay_index, step, failing)
    with pytest.raises(OSError, match="no space"):
        write_stays(tmp_path, in_pieces(new, 60))
    monkeypatch.undo()
    assert_same(open_stays(tmp_path, verify=True), in_memory(new if step == "_sweep" else old))
    assert_same(write_stays(tmp_path, in_pieces(new, 60)), in_memory(new))


def test_the_manifest_says_what_is_inside(tmp_path: Path) -> None:
    write_stays(tmp_path, in_pieces(make_rows(100), 100), area_count=77)
    facts = json.loads(next(tmp_path.glob("generation-*/manifest.json")).read_text())
    assert (facts["rows"], facts["areas"]) == (100, 77)
    assert isinstance(HubError("stores.stays_absent", folder=tmp_path).message("zh"), str)

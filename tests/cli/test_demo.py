"""The demonstration as a process, on the smallest hub: its partners are told and answer, and it ends on a signal.

Its clock runs 600 times as fast as ours and does not wait for the hub: how far a case comes is a matter of how often
the hub turns, and on a machine with other work a turn takes ten seconds in place of a third of one. So patience is
with a hub that does nothing, not with a slow one; the day has an end, behind which nothing happens any more.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hubtwin.base.errors import HubError
from hubtwin.channels.replies import REFUSED, TASK_STATE
from hubtwin.cli.demo import OFFICES_HOME, REPLAY_HOME
from hubtwin.model.record import Provenance
from hubtwin.stores.sqlite import query
from hubtwin.stores.wire import Wire
from hubtwin.wiring.offices import HEALTH, PROVINCE
from tests.cli.kit import AREAS, FEED, HUB
from tests.walk.town import MORE, RISK

PATIENCE_S, END_S = 90, 90  # without anything new; until every process is gone
RUN = "from hubtwin.cli import main; main()"
DAY = ("--date", "2022-10-20", "--at", "08:40", "--arrivals", "400", "--speed", "600", "--port", "0")


def _hub(folder: Path) -> Path:
    """Write a hub of three stations and one train from an area at risk, which says where it stands."""
    (folder / "feed").mkdir(parents=True)
    for name, told in FEED.items():
        dated = told.replace("20220301", "20221020").replace("20220302", "20221021")
        (folder / "feed" / name).write_text(dated.format(train="G1", station="A"), encoding="utf-8")
    (folder / "areas.csv").write_text(AREAS, encoding="utf-8")
    (folder / "risk.csv").write_text(RISK, encoding="utf-8")
    hub = HUB.replace('stations = ["HUB"]', 'stations = ["HUB"]\narea_code = "330104"') + MORE
    (folder / "hub.toml").write_text(hub, encoding="utf-8")
    return folder / "hub.toml"


@contextmanager
def _demo(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", RUN, "--hub", str(_hub(folder / "hub")), "--home", str(folder / "home")]
    with (folder / "log.txt").open("w") as log:
        child = subprocess.Popen(
            [*command, "--lang", "en", "demo", *DAY],
            stdout=log,
            stderr=log,
            text=True,
            env={**os.environ, "COLUMNS": "200"},
            start_new_session=True,
        )
    try:
        yield child
    finally:
        child.kill()
        child.wait(END_S)


def _counts(home: Path, office: str) -> tuple[int, int]:
    """Return how many messages an office has taken, and how many of its own have arrived."""
    folder = home / OFFICES_HOME / office
    if not (folder / "wire.sqlite").exists():
        return 0, 0
    with closing(Wire(folder, office, 0)) as books:
        return len(books.list_applied()), books.count_outgoing("tiny").get("arrived", 0)


def _done(folder: Path) -> tuple[int, int]:
    """Return what a demonstration has said, in bytes, and how many events its loop has written down."""
    rows = folder / "home" / REPLAY_HOME / "tiny" / "rows.sqlite"
    try:
        ((events,),) = query(rows, "SELECT coalesce(max(seq), 0) FROM events")
    except HubError:  # it is about to be made
        events = 0
    return (folder / "log.txt").stat().st_size, int(str(events))


def _is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def test_partners_are_told_and_answer_and_the_day_ends_on_a_signal(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with _demo(tmp_path) as child:
        before, since_s = _done(tmp_path), time.monotonic()
        while min(*_counts(home, HEALTH), *_counts(home, PROVINCE)) < 2:
            assert child.poll() is None, (tmp_path / "log.txt").read_text()[-2000:]
            if (now := _done(tmp_path)) != before:
                before, since_s = now, time.monotonic()
            assert time.monotonic() < since_s + PATIENCE_S, (now, _counts(home, HEALTH), _counts(home, PROVINCE))
            time.sleep(0.5)
        child.send_signal(signal.SIGINT)
        end_s = time.monotonic() + END_S
        child.wait(END_S)
        while not _is_gone(child.pid):  # the matcher, the railway's writer
            assert time.monotonic() < end_s, "a process is left behind"
            time.sleep(0.1)
    assert "Traceback" not in (tmp_path / "log.txt").read_text()
    with closing(Wire(home / OFFICES_HOME / HEALTH, HEALTH, 0)) as books:
        told = [one.envelope for _, one in books.list_applied()]
    assert all(one is not None and one.marks.provenance is Provenance.SYNTHETIC and one.marks.replayed for one in told)
    replies = {TASK_STATE, REFUSED}  # what the office asked for is answered under the same cover
    facts = [one for one in told if one is not None and one.type not in replies]
    assert facts
    assert all("合成旅客" in str(one.data["identity"]) for one in facts)
    with closing(Wire(home / REPLAY_HOME / "tiny", "tiny", 0)) as books:
        assert books.count_incoming(HEALTH)["applied"] >= 2

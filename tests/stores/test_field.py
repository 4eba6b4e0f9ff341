"""A process that is killed while it files or destroys leaves nothing half done that the next one does not finish."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hubtwin.stores.field import FIELD_FILE
from tests.stores.field_killed import CONTENT, OWNER, opened

ROOT = Path(__file__).resolve().parents[2]


def killed(directory: Path, where: str) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, "-m", "tests.stores.field_killed", str(directory), where]
    assert subprocess.run(command, cwd=ROOT, env=env, check=False).returncode == -signal.SIGKILL


@pytest.mark.parametrize(("where", "stands"), [("field.before_put", False), ("field.put", True)])
def test_a_content_is_filed_whole_or_not_at_all_and_once_when_it_is_sent_again(
    tmp_path: Path, where: str, stands: bool
) -> None:
    killed(tmp_path, where)
    vault, books = opened(tmp_path)
    assert (books.find("p1"), books.find("p2")) == (CONTENT, CONTENT if stands else None)
    before = vault.list_keys()
    for _ in range(2):
        books.put("p2", OWNER, CONTENT, 2)
    assert books.find("p2") == CONTENT
    assert vault.list_keys() == before, "one key a task"
    books.close()
    vault.close()


def test_what_was_being_destroyed_does_not_come_back_and_its_key_goes_with_the_next_time(tmp_path: Path) -> None:
    killed(tmp_path, "field.forgotten")
    vault, books = opened(tmp_path)
    assert (books.find("p1"), books.find("p2")) == (None, None)
    books.put("p1", OWNER, CONTENT, 3)
    assert books.find("p1") is None, "a phone that sends it once more brings nothing back"
    before = vault.list_keys()
    assert books.forget() == 0
    assert len(before - vault.list_keys()) == 1
    assert CONTENT not in (tmp_path / FIELD_FILE).read_bytes()
    books.close()
    vault.close()

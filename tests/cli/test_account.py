"""Accounts are made at the command line, and sign in over HTTP."""

import io
from pathlib import Path

import pytest

from hubtwin.base.clock import system_clock
from hubtwin.cli.app import run
from hubtwin.settings import load_settings
from hubtwin.web.start import open_desk
from tests.cli.kit import SECOND

ASKED = ("account", "wang", "--name", "Wang", "--role", "duty_commander", "--password-stdin")


def _run(home: Path, *arguments: str) -> int:
    return run(["--hub", str(SECOND), "--home", str(home), "--lang", "en", *arguments])


def test_an_account_is_made_once_and_its_password_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a long enough passphrase 7\n"))
    assert _run(tmp_path, *ASKED) == 0
    shown = capsys.readouterr()
    assert "wang" in shown.out
    assert "passphrase" not in shown.out + shown.err
    monkeypatch.setattr("sys.stdin", io.StringIO("another long passphrase 8\n"))
    assert _run(tmp_path, *ASKED) == 1, "the id is taken"
    settings = load_settings(str(SECOND), tmp_path)
    with open_desk(settings, clock=system_clock, real_clock=system_clock) as desk:
        token, person = desk.works.access.accounts.sign_in("wang", "a long enough passphrase 7")
    assert token
    assert (person.name, [role.value for role in person.roles]) == ("Wang", ["duty_commander"])

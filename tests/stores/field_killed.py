"""Files two contents of a task and destroys them; kills itself at the failpoint that is named."""

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from hubtwin.base.failpoint import arm
from hubtwin.stores.field import FieldBooks, Owner
from hubtwin.stores.vault import Vault

NOW = datetime(2022, 10, 20, 1, tzinfo=UTC)
OWNER = Owner("t1", "case-1", "")
CONTENT = b"a report that nobody may find again"


def opened(directory: Path) -> tuple[Vault, FieldBooks]:
    """Return the vault and the books of a directory."""
    vault = Vault(directory, clock=lambda: NOW, record=lambda *told: None)
    return vault, FieldBooks(directory, vault, 0)


def main(directory: str, where: str) -> None:
    """Put, put, forget, with the process killed on the way."""
    _, books = opened(Path(directory))
    books.put("p1", OWNER, CONTENT, 1)
    arm(lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == where else None)
    books.put("p2", OWNER, CONTENT, 2)
    books.forget(subjects=["case-1"])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

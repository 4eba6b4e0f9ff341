"""Gives grants on PostgreSQL in a process of its own and kills it (SIGKILL) at a failpoint.

`python -m tests.stores.postgres_killed <address> <directory>` with HUBTWIN_FAILPOINT="<name>:<n>"; every grant that
was acknowledged is told on standard output before the next begins.
"""

import os
import sys
from pathlib import Path

from hubtwin.base.clock import epoch_minute
from hubtwin.model.grant import VAULT, Grant, Purpose
from hubtwin.stores.audit import Audit
from hubtwin.stores.grants import Grants
from hubtwin.stores.postgres import open_postgres
from hubtwin.stores.signing import Signer
from tests.cluster import SCHEMA
from tests.stores.arming import arm_kill
from tests.stores.killed import clock

GRANTS = 4


def main(address: str, directory: Path) -> None:
    """Give the grants one after the other."""
    signer = Signer(directory)
    database = open_postgres(address, SCHEMA, signer.public_hex)
    grants = Grants(database, Audit(database, signer, clock=clock), clock=clock)
    now_min = epoch_minute(clock())
    arm_kill(os.environ.get("HUBTWIN_FAILPOINT", ""))
    for number in range(GRANTS):
        told = ("", f"user-{number}", VAULT, frozenset({"name"}), frozenset({Purpose.TRACE}), "epidemic")
        grants.issue(Grant(*told, now_min, now_min + 60, "owner", "security", "tracing", "e1"))
        sys.stdout.write(f"user-{number}\n")
        sys.stdout.flush()
    database.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

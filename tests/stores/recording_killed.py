"""Records the pages that a server gives, in a process of its own, and says each page's cursor once it is handed on.

`python -m tests.stores.recording_killed <directory> <url>` with HUBTWIN_FAILPOINT="<name>:<n>" dies at the n-th
passing of that name; without it, it goes on until it is killed or nothing is left.
"""

import os
import sys
from pathlib import Path

from hubtwin.base.clock import system_clock
from hubtwin.connectors.common.http import HttpTransport
from hubtwin.stores.recorder import RecordingTransport
from hubtwin.stores.recording import Recorder
from tests.stores.arming import arm_kill

SOURCE = "lanes"


def main(directory: str, url: str) -> None:
    """Record behind the last recorded cursor."""
    recorder = Recorder(Path(directory), SOURCE, system_clock)
    arm_kill(os.environ.get("HUBTWIN_FAILPOINT", ""))
    for page in RecordingTransport(HttpTransport(url), recorder, system_clock, strict=True).pages(
        recorder.last_cursor()
    ):
        sys.stdout.write(f"{page.cursor}\n")
        sys.stdout.flush()
    recorder.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Appends to a journal until it is killed; tells each entry that was acknowledged on standard output."""

import sys
from pathlib import Path

from hubtwin.stores.journal import Entry, Journal


def main(directory: str) -> None:
    """Append batches and key frames for ever."""
    journal, number = Journal(Path(directory), 0), 0
    while True:
        number += 1
        body = b'{"things":[],"gone":[],"items":[["",false,{"topic":"hub","key":"n","value":%d}]]}' % number
        entries = [Entry(number * 10, body)]
        if number % 5 == 1:
            entries.append(Entry(number * 10, body, is_key=True))
        assert journal.append(entries, 0)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])

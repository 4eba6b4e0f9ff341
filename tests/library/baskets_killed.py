"""A child that sends baskets in, one after another, and says each that has returned, until somebody kills it."""

import sys
from pathlib import Path

from hubtwin.library.applying import submit
from tests.library.baskets_kit import LIAISON, Town, ask, form


def main() -> None:
    """Send in until killed."""
    town = Town(Path(sys.argv[1]))
    for number in range(10_000):
        submit(town.applying, LIAISON, form(ask("shops"), ask("residents", "no", "phone"), key=str(number)))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

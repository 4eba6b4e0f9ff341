"""What is known of a load: which file into which dataset, how far it came, and the rows that could not be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hubtwin.rules.quality import Problem

RAW_CHARS = 65_536  # of a line that could not be read; its number says where the rest is


@dataclass(frozen=True, slots=True)
class Load:
    """A load. `told` says how the file is read (format, encoding, delimiter, mapping, marks), as plain JSON values.

    `sha256` is that of the file's bytes; a load goes on only with the same file. `cursor` says where, empty at the
    beginning. `ended_min` is None while it runs and where it was interrupted; `problem` says what stopped it.
    """

    load_id: str
    dataset: str
    part: str
    file: str
    sha256: str
    told: Mapping[str, object]
    by: str
    begun_min: int
    ended_min: int | None = None
    cursor: str = ""
    batches: int = 0
    rows: int = 0
    quarantined: int = 0
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class NewBad:
    """A row that could not be read: where it stood, the line as it came, its cells by column, and what is wrong."""

    line_no: int
    raw: str
    problems: Sequence[Problem]
    cells: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row in quarantine. `is_cut` says that `raw` is only the start of the line."""

    seq: int
    dataset: str
    part: str
    load_id: str
    line_no: int
    raw: str
    is_cut: bool
    cells: Mapping[str, str]
    problems: tuple[Problem, ...]
    at_min: int
    released_min: int | None = None

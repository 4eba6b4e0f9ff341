"""What became of the rows of an import: counted, so that nothing is lost without a trace."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from hubtwin.model.record import Quarantined


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is, for a progress bar; bytes are those of the source as read."""

    page: str
    bytes: int
    rows: int
    kept: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class Report:
    """What was read and what became of it.

    `read` = `kept` (all datasets) + `quarantined` (all reasons) + `dropped` (the same key twice in one batch, the
    last stands) + `discarded` (read before their page was refused whole). For a source of full listings `read`
    counts the listing and `kept` the changes it means.

    `identical` and `replaced` count the dropped rows and those kept rows that met a stored row of the same key;
    `compared` is False where nobody looked at the store or it was too large. `derived` are rows that sensing itself
    adds (links of pseudonyms). `skipped` are batches that an interrupted run had stored; their rows count as kept.
    """

    source: str
    pages: int = 0
    rejected: tuple[Quarantined, ...] = ()
    read: int = 0
    kept: Mapping[str, int] = field(default_factory=dict)
    quarantined: Mapping[str, int] = field(default_factory=dict)
    dropped: int = 0
    discarded: int = 0
    identical: int = 0
    replaced: int = 0
    derived: int = 0
    synthetic: int = 0
    batches: int = 0
    skipped: int = 0
    bytes: int = 0
    compared: bool = True

    def join(self, other: "Report") -> "Report":
        """Return the report of both, one after the other."""
        return Report(
            self.source,
            self.pages + other.pages,
            self.rejected + other.rejected,
            self.read + other.read,
            dict(Counter(self.kept) + Counter(other.kept)),
            dict(Counter(self.quarantined) + Counter(other.quarantined)),
            self.dropped + other.dropped,
            self.discarded + other.discarded,
            self.identical + other.identical,
            self.replaced + other.replaced,
            self.derived + other.derived,
            self.synthetic + other.synthetic,
            self.batches + other.batches,
            self.skipped + other.skipped,
            self.bytes + other.bytes,
            self.compared and other.compared,
        )

    def as_json(self) -> dict[str, object]:
        """Return the report as plain values for JSON."""
        return {
            "source": self.source,
            "pages": self.pages,
            "rejected": [
                {"page": page.locator, "reason": page.reason, "values": {k: str(v) for k, v in page.values.items()}}
                for page in self.rejected
            ],
            "read": self.read,
            "kept": dict(self.kept),
            "quarantined": dict(self.quarantined),
            "duplicates": {
                "identical": self.identical,
                "replaced": self.replaced,
                "dropped": self.dropped,
                "compared": self.compared,
            },
            "discarded": self.discarded,
            "derived": self.derived,
            "synthetic": self.synthetic,
            "batches": {"written": self.batches, "already_applied": self.skipped},
            "bytes": self.bytes,
        }

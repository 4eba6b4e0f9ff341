"""How a scene reads: rows about persons only under a live grant of the scene, and each look-up written down.

The platform is its own first client: `scene:<name>` holds grants as a person does, and where none is live the rows are
not there for it. Operational use rests on the declared event; a grant given for an emergency ends with it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import polars as pl
import pyarrow as pa
import structlog

from hubtwin.base.errors import Denied
from hubtwin.datasets.all import DATASETS
from hubtwin.library.grants import Desk, is_personal, look_up_rows
from hubtwin.model.grant import LookUp, Purpose

_LOG = structlog.get_logger()
SYSTEM_COLUMNS = ("status", "provenance", "replayed")
PURPOSES: Mapping[str, Purpose] = {"test_results": Purpose.TEST}  # every other table is read to warn


def grantee_of(scene: str) -> str:
    """Return the name under which a scene holds grants."""
    return f"scene:{scene}"


def purpose_of(dataset: str) -> Purpose:
    """Return what a scene reads a dataset for."""
    return PURPOSES.get(dataset, Purpose.WARN)


def list_wanted(names: Sequence[str]) -> list[str]:
    """Return which of the datasets need a grant, because they hold rows about persons."""
    return [name for name in names if is_personal(DATASETS[name])]


@dataclass
class ScenePass:
    """Reads for a scene. `refused` holds the datasets that the last look-up was denied, with the text key of why."""

    desk: Desk
    scene: str
    refused: dict[str, str] = field(default_factory=dict)

    def read(self, name: str, rows: Callable[[], pa.Table], about: str) -> pa.Table:
        """Return rows of a dataset, its columns and the marks; none where no grant is live.

        `rows` gives at least these columns and is asked only where that is permitted. Rows that were read before are
        asked for again all the same: a grant may have ended, and the look-up is written down.
        """
        dataset, wanted = DATASETS[name], columns_of(name)
        if not is_personal(dataset):
            return _select(rows(), wanted)
        columns = tuple(dataset.by_name)
        found: list[pa.Table] = []

        def read(asked: Sequence[str]) -> pa.Table:
            found.append(_select(rows(), wanted))
            return found[0]

        asked = LookUp(grantee_of(self.scene), self.scene, purpose_of(name), name, columns, about)
        try:
            look_up_rows(self.desk, asked, read)
        except Denied as error:
            if self.refused.get(name) != error.key:
                _LOG.warning("scene_not_granted", scene=self.scene, dataset=name, reason=error.key)
            self.refused[name] = error.key
            return dataset.schema.empty_table().select(wanted)
        self.refused.pop(name, None)
        return found[0]


def columns_of(name: str) -> list[str]:
    """Return the columns that a scene sees of a dataset of persons: its own ones and the marks."""
    return [*DATASETS[name].by_name, *SYSTEM_COLUMNS]


def _select(table: pa.Table, wanted: list[str]) -> pa.Table:
    """Return the wanted columns; the table itself where it has just these, so that it is known again."""
    return table if table.column_names == wanted else table.select(wanted)


def lazy(table: pa.Table) -> nw.LazyFrame[Any]:
    """Return a table as a frame of Polars, which answers many small questions several times faster than DuckDB."""
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return nw.from_native(frame.lazy())

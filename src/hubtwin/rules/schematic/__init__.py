"""A schematic venue: from a readable description in local metres to the features of an IMDF archive (OGC 20-094).

`reading` takes the description apart, `plane` knows metres and degrees, `capacity` knows persons and minutes,
`features` puts the features together, `archive` writes them as bytes that are the same in every run.
"""

from hubtwin.rules.schematic.archive import pack
from hubtwin.rules.schematic.features import draw
from hubtwin.rules.schematic.reading import read_plan
from hubtwin.rules.schematic.records import Drawing, Plan

__all__ = ["Drawing", "Plan", "draw", "pack", "read_plan"]

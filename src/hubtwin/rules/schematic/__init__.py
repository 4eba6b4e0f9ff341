"""A schematic venue: from a readable description in local metres to the features of an IMDF archive (OGC 20-094).

`reading` takes the description apart, `plane` knows metres and degrees, `footing` and `openings` see whether things
fit, `capacity` knows persons and minutes, `features` puts the archive together.
"""

from hubtwin.rules.schematic.features import draw
from hubtwin.rules.schematic.reading import read_plan
from hubtwin.rules.schematic.records import Plan

__all__ = ["Plan", "draw", "read_plan"]

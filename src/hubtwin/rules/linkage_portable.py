"""The collision as portable expressions: an equality join on the area, then a range filter on time.

The oracle of `rules.linkage`, and the way to run where the stays are already a table of an engine. `stays` has
columns stay_id, person, area, t_in, t_out; `risk` has interval, area, start, end, level: whole minutes, half-open.
"""

from typing import Any

import narwhals as nw


def pair(stays: nw.LazyFrame[Any], risk: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return every (stay, interval) that meets: all columns of both, and `first_min`, where the exposure begins."""
    joined = stays.join(risk, on="area")
    meets = joined.filter(nw.col("t_in") < nw.col("end"), nw.col("t_out") > nw.col("start"))
    return meets.with_columns(
        first_min=nw.when(nw.col("t_in") > nw.col("start")).then(nw.col("t_in")).otherwise(nw.col("start"))
    )


def collide(stays: nw.LazyFrame[Any], risk: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return stay_id and person of every exposed stay, each once."""
    return pair(stays, risk).select("stay_id", "person").unique()


def rank_persons(stays: nw.LazyFrame[Any], risk: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return person, highest level and first exposed minute of every exposed person."""
    return pair(stays, risk).group_by("person").agg(nw.col("level").max(), nw.col("first_min").min())

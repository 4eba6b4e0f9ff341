"""What a grantee's SQL may be made of: parts of a statement, functions, types. What is not here is refused.

No function is listed that reads anything but its arguments, that raises what it is told to raise, that makes values
without bound (`repeat`, `lpad`, lists), that tells of the engine, or that differs from call to call.
"""

from collections.abc import Mapping

from sqlglot import exp

STRUCTURE: Mapping[type[exp.Expr], frozenset[str] | None] = {
    kind: frozenset(arguments.split()) if arguments is not None else None
    for kind, arguments in {
        exp.Select: "expressions from_ joins where group having qualify order limit offset distinct with_ windows",
        exp.Union: "this expression distinct by_name order limit offset with_",
        exp.Except: "this expression distinct by_name order limit offset with_",
        exp.Intersect: "this expression distinct by_name order limit offset with_",
        exp.Subquery: "this alias joins",
        exp.With: "expressions",
        exp.CTE: "this alias materialized",
        exp.From: "this",
        exp.Table: "this alias joins db catalog hubtwin",
        exp.TableAlias: "this",
        exp.Join: "this side kind on using",
        exp.Where: "this",
        exp.Group: "expressions rollup cube grouping_sets all",
        exp.Having: "this",
        exp.Qualify: "this",
        exp.Order: "expressions",
        exp.Ordered: "this desc nulls_first",
        exp.Limit: "expression",
        exp.Offset: "expression",
        exp.Distinct: "expressions",
        exp.Star: "except_",
        exp.Column: "this table db catalog",
        exp.Identifier: None,
        exp.DataTypeParam: "this",
        exp.Alias: "this alias",
        exp.Paren: "this",
        exp.Tuple: "expressions",
        exp.Literal: None,
        exp.Boolean: None,
        exp.Null: None,
        exp.Var: None,
        exp.Interval: "this unit",
        exp.Window: "this partition_by order spec over alias",
        exp.WindowSpec: None,
        exp.Filter: "this expression",
        exp.IgnoreNulls: "this",
        exp.RespectNulls: "this",
        exp.In: "this expressions query",
        exp.Between: "this low high",
        exp.Like: "this expression negate",
        exp.ILike: "this expression negate",
        exp.Escape: None,
        exp.Is: "this expression",
        exp.EQ: "this expression",
        exp.NEQ: "this expression",
        exp.LT: "this expression",
        exp.LTE: "this expression",
        exp.GT: "this expression",
        exp.GTE: "this expression",
        exp.NullSafeEQ: "this expression",
        exp.NullSafeNEQ: "this expression",
        exp.Not: "this",
        exp.Neg: "this",
        exp.And: "this expression",
        exp.Or: "this expression",
        exp.Add: "this expression",
        exp.Sub: "this expression",
        exp.Mul: "this expression",
        exp.Div: "this expression typed safe",
        exp.IntDiv: "this expression",
        exp.Mod: "this expression",
        exp.DPipe: "this expression safe",
        exp.Rollup: "expressions",
        exp.Cube: "expressions",
        exp.GroupingSets: "expressions",
    }.items()
}
FUNCTIONS: frozenset[type[exp.Expr]] = frozenset(
    {
        *(exp.Count, exp.CountIf, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Median, exp.Mode, exp.AnyValue),
        *(exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop, exp.Corr, exp.ApproxDistinct),
        *(exp.PercentileCont, exp.PercentileDisc, exp.LogicalAnd, exp.LogicalOr),
        *(exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.Sign, exp.Sqrt, exp.Ln, exp.Log, exp.Exp, exp.Pow, exp.Trunc),
        *(exp.Greatest, exp.Least, exp.Length, exp.Lower, exp.Upper, exp.Trim, exp.Substring, exp.Left, exp.Right),
        *(exp.Concat, exp.ConcatWs, exp.Replace, exp.StrPosition, exp.StartsWith, exp.EndsWith, exp.Contains),
        *(exp.SplitPart, exp.RegexpLike, exp.Coalesce, exp.Nullif, exp.If, exp.Case, exp.Cast, exp.TryCast),
        *(exp.Extract, exp.Year, exp.Month, exp.Day, exp.Quarter, exp.Week, exp.DayOfWeek, exp.DayOfWeekIso),
        *(exp.TimestampTrunc, exp.DateTrunc, exp.DateDiff, exp.DateAdd, exp.TimeToStr, exp.DateFromParts, exp.LastDay),
        *(exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.Ntile),
        *(exp.PercentRank, exp.CumeDist, exp.Exists),
    }
)
NAMED_FUNCTIONS = frozenset({"date_part", "prefix", "suffix"})
# as the engine names them in its own reading of what was written anew
_ENGINE = """
count_star count count_if sum avg min max median mode any_value stddev stddev_pop stddev_samp
variance var_pop corr approx_count_distinct quantile_cont quantile_disc bool_and bool_or abs round
floor ceil sign sqrt ln log exp power trunc greatest least length lower upper trim ltrim rtrim
substring left right concat concat_ws replace strpos starts_with ends_with contains split_part
regexp_matches nullif date_part year month day quarter week dayofweek isodow date_trunc date_diff
strftime make_date last_day row_number rank dense_rank lag lead first_value last_value ntile
percent_rank cume_dist prefix suffix + - * / // % || ~~ ~~* !~~ !~~* ~~~ like_escape ilike_escape
not_like_escape not_ilike_escape to_days to_months to_years to_weeks to_hours to_minutes to_seconds
to_quarters
"""
ENGINE_FUNCTIONS = frozenset(_ENGINE.split())
_T = exp.DataType.Type
TYPES = frozenset(
    {
        *(_T.VARCHAR, _T.TEXT, _T.CHAR, _T.INT, _T.BIGINT, _T.SMALLINT, _T.TINYINT, _T.DOUBLE, _T.FLOAT, _T.DECIMAL),
        *(_T.BOOLEAN, _T.DATE, _T.TIMESTAMP, _T.TIME),
    }
)


def plain(name: str) -> str:
    """Return a name as the engine compares it: letters of ASCII without case, all others as they are."""
    return "".join(c.lower() if c.isascii() else c for c in name)

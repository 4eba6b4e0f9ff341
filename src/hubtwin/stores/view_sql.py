"""A view of a dataset as SQL of DuckDB over Parquet: filters, masks, black rows left out, counts with a floor."""

from hubtwin.datasets.table import ColumnType
from hubtwin.library.views import COLOUR, COUNT, NUMBER, RECORD, Branch, Source, View
from hubtwin.model.colour import Colour
from hubtwin.model.sharing import Rows
from hubtwin.rules.masks import CLEAR, SQL_TYPES, sql_mask

PLACE = 1 << 40  # a row has the place file * PLACE + row: no file has so many rows
_PLACE = f"(file_index::BIGINT * {PLACE} + file_row_number)"
_COLOURS = ", ".join(f"'{colour.name.lower()}'" for colour in sorted(Colour))
SUBJECTS = ("citizen_id", "person_no")  # standard elements that say whom a row is about


def view_sql(view: View, source: Source, out: str | None) -> str:
    """Return the SELECT behind a view. `out` is the table of the places (file, row) that nobody may have, None where
    there are none; `source.pieces` are only those that may be read."""
    if not source.pieces or all(branch.rows.nothing for branch in view.branches):
        return _nothing(view)
    return _counts(view, source, out) if view.floor is not None else _rows(view, source, out)


def quoted(name: str) -> str:
    """Return a name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Return a text as SQL."""
    return "'" + value.replace("'", "''") + "'"


def path_literal(path: object) -> str:
    """Return a file name as SQL; what DuckDB would read as a pattern is put in brackets."""
    return literal("".join(f"[{c}]" if c in "[*?" else c for c in str(path)))


def _kind(view: View, name: str) -> ColumnType:
    return view.listing.dataset.by_name[name].type


def _nothing(view: View) -> str:
    kept = {COLOUR: "VARCHAR", COUNT: "BIGINT", RECORD: "VARCHAR"}
    held = dict(view.branches[0].masks) if view.branches else {}
    parts = [
        f"CAST(NULL AS {kept.get(name) or _masked_kind(view, name, held)}) AS {quoted(name)}" for name in view.columns
    ]
    parts += [f"CAST(NULL AS BIGINT) AS {quoted(NUMBER)}"] if view.numbered else []
    return f"SELECT {', '.join(parts) or 'true AS _'} WHERE false"


def _masked_kind(view: View, name: str, masks: dict[str, str]) -> str:
    kind = _kind(view, name)
    return "VARCHAR" if masks.get(name) == "hash" else SQL_TYPES[kind]


def _source(view: View, source: Source, out: str | None) -> str:
    """Return the FROM clause with everything that nobody may have left out, whatever the share."""
    paths = ", ".join(path_literal(piece.path) for piece in source.pieces)
    mixed = len({piece.shape for piece in source.pieces}) > 1  # a contract added a column: older files do not have it
    found = f"read_parquet([{paths}]{', union_by_name = true' if mixed else ''})"
    empty = [f"CAST(NULL AS {SQL_TYPES[_kind(view, name)]}) AS {quoted(name)}" for name in source.lacking]
    if empty:
        found = f"(SELECT *, {', '.join(empty)}, file_index, file_row_number FROM {found})"  # noqa: S608
    if source.latest_by:
        keys = ", ".join(quoted(name) for name in source.latest_by)
        newest = f"row_number() OVER (PARTITION BY {keys} ORDER BY file_index DESC, file_row_number DESC)"
        kept = "*" if empty else "*, file_index, file_row_number"
        found = f"(SELECT {kept} FROM {found} QUALIFY {newest} = 1)"  # noqa: S608
    if out:  # two conditions on what the reader counts anyway: half the time of one on a number made of both
        found += f" AS r ANTI JOIN {out} AS o ON o.file = file_index AND o.place = file_row_number"
    else:
        found += " AS r"
    if COLOUR in view.columns and source.coloured:
        colours = ", ".join(path_literal(piece.colours) for piece in source.pieces if piece.colours)
        found += f" JOIN (SELECT row_no, colour FROM read_parquet([{colours}])) AS c ON c.row_no = r.row_no"  # noqa: S608
    return found


def _rows(view: View, source: Source, out: str | None) -> str:
    start = _source(view, source, out)
    selects, before = list[str](), list[str]()
    number = "r.row_no" if not source.latest_by else _PLACE
    for branch in view.branches:
        cells = [_cell(view, source, branch, name) for name in view.columns]
        cells += [f"{number} AS {quoted(NUMBER)}"] if view.numbered else []
        mine = _filter(view, source, branch.rows)
        where = [*([] if branch.rows.everything else [mine]), *(f"({each}) IS NOT TRUE" for each in before)]
        only = f" WHERE {' AND '.join(where)}" if where else ""
        selects.append(f"SELECT {', '.join(cells) or 'true AS _'} FROM {start}{only}")  # noqa: S608
        if branch.rows.everything:
            break  # nothing is left for the branches after it
        before.append(mine)
    return " UNION ALL ".join(selects)


def _cell(view: View, source: Source, branch: Branch, name: str) -> str:
    if name == COLOUR:
        return f"{f'[{_COLOURS}][c.colour]' if source.coloured else 'CAST(NULL AS VARCHAR)'} AS {quoted(name)}"
    if name == RECORD:
        return f"{_record(source, branch.salt)} AS {quoted(name)}"
    mask = dict(branch.masks).get(name, "null")
    expression, kind = f"r.{quoted(name)}", _kind(view, name)
    if name in view.listing.sought and not branch.rows.everything:
        # a condition on it must not reach the Bloom filters of a copy (`served_layout`): how long it takes them to find
        # nobody would tell of rows that are not given
        expression = f"CASE WHEN {_filter(view, source, branch.rows)} THEN {expression} END"
    return f"{sql_mask(mask, expression, kind, branch.salt) if mask != CLEAR else expression} AS {quoted(name)}"


def _record(source: Source, salt: str) -> str:
    """Return by what a record is known for good, as SQL: its number on the shelf, or where rows have none a digest of
    its key under the salt of the share. No masked value has the same digest: those begin with the salt."""
    if not source.latest_by:
        return "CAST(r.row_no AS VARCHAR)"
    assert salt.isalnum()
    parts = [f"CAST(r.{quoted(name)} AS VARCHAR)" for name in source.latest_by]
    told = ", ".join(f"length({part}), ':', {part}" for part in parts)  # its length first: no two keys read the same
    return f"left(sha256(concat('record', '{salt}', {told})), 32)"


def _filter(view: View, source: Source, rows: Rows) -> str:
    if rows.everything:
        return "true"
    if rows.nothing:
        return "false"
    values = ", ".join(literal(value) for value in sorted(rows.values))
    column = f"r.{quoted(rows.column)}"
    # a cast, also of a text to a text, is no filter of the reader
    if SQL_TYPES[_kind(view, rows.column)] != "VARCHAR" or rows.column in source.recast:
        column = f"CAST({column} AS VARCHAR)"
    return f"{column} IN ({values})"


def _counts(view: View, source: Source, out: str | None) -> str:
    """Return the groups of a share that gives counts: below the floor none, above it in steps of the floor.

    The floor is of persons where a column says whom a row is about. Steps make differences of two answers useless.
    """
    (branch,) = view.branches
    names = [name for name in view.columns if name != COUNT]
    cells = [_cell(view, source, branch, name) for name in names]
    subject = _subject(view)
    told = f"count(DISTINCT r.{quoted(subject)})" if subject else "count(*)"
    groups = f" GROUP BY {', '.join(str(place) for place in range(1, len(names) + 1))}" if names else ""
    floored = f"(count(*) // {view.floor}) * {view.floor} AS {quoted(COUNT)}"
    start = f"FROM {_source(view, source, out)} WHERE {_filter(view, source, branch.rows)}"
    return f"SELECT {', '.join([*cells, floored])} {start}{groups} HAVING {told} >= {view.floor}"


def _subject(view: View) -> str:
    for column in view.listing.dataset.columns:
        if column.type == "pid" or view.listing.trait(column.name).element in SUBJECTS:
            return column.name
    return ""

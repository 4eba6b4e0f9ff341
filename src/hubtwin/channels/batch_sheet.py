"""Files of a batch for people: rows with errors to correct, and a sheet for a platform that has nothing better.

The error file has one row a line: `row` names it, `state` and the errors in both languages stand beside the cells of
the template, which may be changed. As CSV (UTF-8 with a mark) and as Excel; Excel takes long numbers of a CSV for
figures and loses digits, so the Excel form is the one to hand out. In the sheet for the platform a person there writes
the result of each row; what comes back counts as an answer that came over the wire.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hubtwin.base.errors import Malformed
from hubtwin.channels.excel import Column, Form, read_sheet, write_sheet
from hubtwin.channels.sheet import as_text, begins_like_formula
from hubtwin.model.batch import BatchHead, RowAnswer, RowFate, SentRow
from hubtwin.model.record import Marks
from hubtwin.rules.cells import Found
from hubtwin.rules.quality import Problem
from hubtwin.rules.template import Template

ROW, STATE, ERRORS_ZH, ERRORS_EN = "row", "state", "errors_zh", "errors_en"
TITLES = "#"  # begins the second line of the CSV, which has the titles
MAX_CSV_BYTES = 32 << 20
_BESIDE = (
    Column(ROW, "行号（勿改）", "Row (leave)", required=True, names_row=True),
    Column(STATE, "状态", "State"),
    Column(ERRORS_ZH, "错误", "Errors, Chinese"),
    Column(ERRORS_EN, "错误（英文）", "Errors"),
)
_FATES = tuple(fate.value for fate in RowFate)
_ANSWER = (
    Column("batch", "批次（勿改）", "Batch (leave)", required=True),
    Column("key", "行键（勿改）", "Key (leave)", required=True, names_row=True),
    Column("revision", "修订号（勿改）", "Revision (leave)", "number", required=True),
    Column("result", "处理结果", "Result", "choice", _FATES),
    Column("reason", "退回原因", "Reason if refused"),
)
SHEET_SCHEMA = "urn:hubtwin:batch-sheet:1"


@dataclass(frozen=True, slots=True)
class Wrong:
    """A row to correct: its reference, state, cells, and what is wrong: by column, or the platform's reason."""

    ref: str
    state: str
    cells: Sequence[str]
    problems: Sequence[Found]
    reason: str = ""

    def told(self, template: Template, lang: str) -> str:
        """Return all that is wrong in one text."""
        said = [f"{template.columns[template.places[key]].title(lang)}: {p.message(lang)}" for key, p in self.problems]
        return "; ".join([*said, *([self.reason] if self.reason else [])])


@dataclass(frozen=True, slots=True)
class Corrected:
    """A row that came back: where it stood in the file, its reference, and its cells by column."""

    line: int
    ref: str
    cells: Mapping[str, str]


def write_errors_csv(template: Template, rows: Iterable[Wrong]) -> bytes:
    """Return the error file as CSV; no cell of it is a formula to a spreadsheet."""
    out = io.StringIO()
    book = csv.writer(out)
    book.writerow([*(column.key for column in _BESIDE), *(column.key for column in template.columns)])
    titles = [(c.zh, c.en) for c in _BESIDE[1:]] + [(c.zh, c.en) for c in template.columns]
    book.writerow([TITLES, *(f"{zh} {en}" for zh, en in titles)])
    for row in rows:
        beside = (row.ref, row.state, row.told(template, "zh"), row.told(template, "en"))
        book.writerow([as_text(text) for text in (*beside, *row.cells)])
    return out.getvalue().encode("utf-8-sig")


def read_errors_csv(template: Template, content: bytes) -> list[Corrected]:
    """Return the rows of an error file that came back. Raises Malformed where it is no such file."""
    if len(content) > MAX_CSV_BYTES:
        raise Malformed("channels.no_sheet", what=f"<= {MAX_CSV_BYTES >> 20} MB")
    book = csv.DictReader(io.StringIO(_decoded(content), newline=""))
    names = [column.key for column in template.columns]
    missing = [name for name in (ROW, *names) if name not in (book.fieldnames or ())]
    if missing:
        raise Malformed("channels.no_sheet", what=", ".join(missing))
    try:
        rows = list(book)
    except csv.Error as error:
        raise Malformed("channels.no_sheet", what="CSV") from error
    return [
        Corrected(number, str(row[ROW]), {name: _plain(row[name]) for name in names})
        for number, row in enumerate(rows, start=2)
        if row[ROW] and row[ROW] != TITLES
    ]


def write_errors_sheet(template: Template, rows: Iterable[Wrong], marks: Marks) -> bytes:
    """Return the error file as .xlsx."""
    told = [
        {
            ROW: row.ref,
            STATE: row.state,
            ERRORS_ZH: row.told(template, "zh"),
            ERRORS_EN: row.told(template, "en"),
            **dict(zip(_names(template), row.cells, strict=True)),
        }
        for row in rows
    ]
    return write_sheet(_errors_form(template), told, marks)


def read_errors_sheet(template: Template, content: bytes) -> tuple[list[Corrected], list[tuple[int, Problem]]]:
    """Return the rows of an .xlsx that came back, and what is wrong with the others by row of the sheet.

    Raises Malformed where it is no such sheet."""
    sheet, names = read_sheet(content, _errors_form(template)), _names(template)
    rows = [
        Corrected(number, str(row[ROW]), {name: str(row.get(name, "")) for name in names})
        for number, row in sheet.rows.items()
    ]
    return rows, list(sheet.problems)


def write_batch_sheet(head: BatchHead, template: Template, rows: Iterable[SentRow]) -> bytes:
    """Return a batch as .xlsx, for a platform that has nothing better; a person there fills in the results."""
    names = [f"c_{name}" for name in _names(template)]  # so that no column of a template is taken for ours
    form = Form(
        SHEET_SCHEMA, (*_ANSWER, *(Column(n, c.zh, c.en) for n, c in zip(names, template.columns, strict=True)))
    )
    told = [
        {"batch": head.batch_id, "key": row.key, "revision": row.revision, **dict(zip(names, row.cells, strict=True))}
        for row in rows
    ]
    return write_sheet(form, told, head.marks)


def read_batch_sheet(content: bytes) -> tuple[dict[str, list[RowAnswer]], list[tuple[int, Problem]]]:
    """Return the answers that a person wrote into such a sheet, by batch, and what is wrong by row of the sheet.

    A row without a result is not answered yet. Raises Malformed where it is no such sheet.
    """
    sheet = read_sheet(content, Form(SHEET_SCHEMA, _ANSWER))
    answers, problems = dict[str, list[RowAnswer]](), list(sheet.problems)
    for number, row in sheet.rows.items():
        fate, reason = row.get("result"), str(row.get("reason", ""))
        if fate == RowFate.REFUSED and not reason:
            problems.append((number, Problem("channels.no_reason", {"row": number})))
        elif fate:
            answer = RowAnswer(str(row["key"]), int(float(row["revision"])), RowFate(str(fate)), reason[:200])
            answers.setdefault(str(row["batch"]), []).append(answer)
    return answers, problems


def _errors_form(template: Template) -> Form:
    columns = tuple(Column(column.key, column.zh, column.en) for column in template.columns)
    return Form(f"urn:hubtwin:batch-errors:{template.name}:{template.version}", (*_BESIDE, *columns))


def _names(template: Template) -> list[str]:
    return [column.key for column in template.columns]


def _plain(cell: str | None) -> str:
    """Return a cell without the apostrophe that kept a spreadsheet from taking it for a formula."""
    text = cell or ""
    return text[1:] if text.startswith("'") and begins_like_formula(text[1:]) else text


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):  # what a Chinese Excel writes
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Malformed("channels.no_sheet", what="UTF-8, GB 18030")

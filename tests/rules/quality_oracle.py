"""A slow loop that holds each row to each rule, for comparison with the query; and small listings to try it on."""

from collections.abc import Mapping, Sequence
from datetime import date
from math import isfinite
from typing import Any

from hubtwin.datasets.listing import Catalogue, Check, Element, Library, LibraryKind, Listing, Sharing, Trait
from hubtwin.datasets.table import Column, Dataset, Grade
from hubtwin.model.colour import Colour
from hubtwin.rules.identifiers import VALIDATORS
from hubtwin.rules.quality_rules import Kind, QualityRule, RuleBook, shared_key

Row = Mapping[str, Any]
ZH_EN = {"zh": "某", "en": "some"}
STREETS = Dataset("streets", "街道", "streets", ("code",), (
    Column("code", "string", "代码", "code"), Column("title", "string", "名称", "name", nullable=True),
))  # fmt: skip
PEOPLE = Dataset("people", "人", "people", ("person_no",), (
    Column("person_no", "int", "编号", "number"),
    Column("cert_no", "string", "证件号", "certificate", Grade.L3, nullable=True),
    Column("phone", "string", "电话", "phone", nullable=True),
    Column("sex", "string", "性别", "sex", nullable=True, values=("F", "M")),
    Column("age", "int", "年龄", "age", nullable=True, minimum=0, maximum=120),
    Column("height", "float", "身高", "height", nullable=True, maximum=3.5),
    Column("street", "string", "街道", "street", nullable=True),
    Column("street_name", "string", "街道名", "name of the street", nullable=True),
    Column("born", "date", "生日", "birthday", nullable=True),
    Column("died", "date", "卒日", "day of death", nullable=True),
    Column("confirmed_min", "minute", "核实", "confirmed", nullable=True),
))  # fmt: skip
TRAITS = {
    "cert_no": Trait(element="citizen_id", required=True, unique=True),
    "phone": Trait(element="phone"),
    "street": Trait(refers_to="streets.code"),
    "street_name": Trait(required=True),
}
CHECKS = (Check("alive", {"zh": "先生后死", "en": "born before death"}, Colour.PURPLE, "died >= born"),)
ELEMENTS = tuple(Element(name, ZH_EN, "string", name) for name in ("citizen_id", "phone"))


def make_catalogue(**people: Any) -> Catalogue:
    """Return a catalogue of streets and people, the latter listed as the arguments say."""
    told: dict[str, Any] = {
        "contract": "1.0.0",
        "update_every_min": 1440,
        "confirmed_column": "confirmed_min",
        "traits": TRAITS,
    }
    told |= {"checks": CHECKS, "sharing": Sharing.UNCONDITIONAL} | people
    sharing = told.pop("sharing")
    dataset = told.pop("dataset", PEOPLE)
    listings = (
        Listing(STREETS, "base", "owner", Sharing.UNCONDITIONAL, ZH_EN, contract="1"),
        Listing(dataset, "base", told.pop("owner", "owner"), sharing, ZH_EN, **told),
    )
    library = Library("base", LibraryKind.BASE, ZH_EN, told.get("ceiling", Grade.L4))
    return Catalogue((library,), listings, ELEMENTS)


def is_missing(value: object) -> bool:
    """Return whether a value is none or blanks only."""
    return value is None or (isinstance(value, str) and not value.strip(" "))


class Oracle:
    """Everything a row is held to: the other rows of its dataset, the rows it refers to, the minute."""

    def __init__(
        self,
        book: RuleBook,
        catalogue: Catalogue,
        rows: Sequence[Row],
        others: Mapping[str, Sequence[Row]],
        now_min: int,
    ) -> None:
        self.book, self.catalogue, self.rows, self.others, self.now_min = book, catalogue, rows, others, now_min

    def failed(self, row: Row) -> int:
        """Return the mask of the rules that a row fails."""
        return sum(rule.mask for rule in self.book.rules if self._fails(rule, row))

    def _fails(self, rule: QualityRule, row: Row) -> bool:
        if rule.constant is not None:
            return rule.constant
        value: Any = row.get(rule.columns[0]) if rule.columns else None
        match rule.kind:
            case Kind.FORMAT:
                return not is_missing(value) and not VALIDATORS[rule.told](value)
            case Kind.VALUES:
                return not is_missing(value) and value not in self._column(rule).values
            case Kind.RANGE:
                return value is not None and not self._in_range(rule, value)
            case Kind.REQUIRED:
                return is_missing(value)
            case Kind.KEY | Kind.UNIQUE:
                return self._is_later_double(rule, row)
            case Kind.REFERS_TO:
                name, _, column = rule.told.partition(".")
                return not is_missing(value) and value not in {other.get(column) for other in self.others[name]}
            case Kind.SAME_AS:
                return not is_missing(value) and self._differs(rule, row, value)
            case Kind.CHECK:
                born, died = row["born"], row["died"]
                return born is not None and died is not None and not died >= born
            case Kind.STALE:
                return row["confirmed_min"] is None or self.now_min - row["confirmed_min"] > 1440
        return False

    def _column(self, rule: QualityRule) -> Column:
        return self.book.listing.dataset.by_name[rule.columns[0]]

    def _in_range(self, rule: QualityRule, value: float) -> bool:
        column = self._column(rule)
        low, high = column.minimum, column.maximum
        return isfinite(value) and (low is None or value >= low) and (high is None or value <= high)

    def _is_later_double(self, rule: QualityRule, row: Row) -> bool:
        key = [row[name] for name in rule.columns]
        if any(is_missing(part) for part in key):
            return False
        same = [other for other in self.rows if [other[name] for name in rule.columns] == key]
        return row is not min(same, key=survival)

    def _differs(self, rule: QualityRule, row: Row, value: object) -> bool:
        name, _, column = rule.told.partition(".")
        pairs = shared_key(self.book.listing, self.catalogue.get(name))
        found = [each for each in self.others[name] if all(each[theirs] == row[own] for own, theirs in pairs)]
        told = min(found, key=survival).get(column) if found else None
        return told is not None and told != value


def survival(row: Row) -> tuple[float, int]:
    """Return by what the record that survives comes first: confirmed last, then the lowest number."""
    confirmed = row.get("confirmed_min")
    return (-confirmed if confirmed is not None else float("inf"), row["row_no"])


DAYS = tuple(date(2000 + year, 1 + year % 12, 1 + year % 28) for year in range(6))

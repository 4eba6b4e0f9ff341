"""Which rules the rows of a dataset are held to: derived from how it is listed, always in the same order.

A rule has a colour, and the rules stand in the order of the colours, so the lowest bit of what a row fails is what is
wrong with it first. The bit of a rule is its place in the list: the same listing gives the same list.

The colours are our own definition (`hubtwin.model.colour`). Dimensions are those of GB/T 36344-2018.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from hubtwin.base.errors import Malformed
from hubtwin.base.text import text
from hubtwin.datasets.listing import Catalogue, Element, Library, LibraryKind, Listing, Sharing
from hubtwin.datasets.table import Column, Grade
from hubtwin.model.colour import Colour
from hubtwin.rules.identifiers import FORMATS
from hubtwin.rules.quality_checks import plain_condition

MOST_RULES = 64  # bits of a mask
NO_RECORD = 0  # stands for a colour where a later row of the same key is the record
_NUMBERS = frozenset({"int", "float", "minute", "second"})
_TEXTS = frozenset({"string", "pid"})


class Kind(StrEnum):
    """What a rule looks at."""

    UNGRADED = "ungraded"
    CEILING = "ceiling"
    WITHHELD = "withheld"
    TYPE = "type"
    FORMAT = "format"
    VALUES = "values"
    RANGE = "range"
    REQUIRED = "required"
    KEY = "key"
    LATEST = "latest"  # in the place of `key` where of the rows of a key the last one is the record
    UNIQUE = "unique"
    REFERS_TO = "refers_to"
    SAME_AS = "same_as"
    CHECK = "check"
    STALE = "stale"
    GRADE = "grade"
    SHARING = "sharing"
    OWNER = "owner"
    CONTRACT = "contract"


class Dimension(StrEnum):
    """The six dimensions of GB/T 36344-2018: 规范性 完整性 准确性 一致性 时效性 可访问性."""

    CONFORMITY = "conformity"
    COMPLETENESS = "completeness"
    ACCURACY = "accuracy"
    CONSISTENCY = "consistency"
    TIMELINESS = "timeliness"
    ACCESSIBILITY = "accessibility"


_OF_KIND: Mapping[Kind, tuple[Colour, Dimension]] = {
    Kind.UNGRADED: (Colour.BLACK, Dimension.ACCESSIBILITY),
    Kind.CEILING: (Colour.BLACK, Dimension.ACCESSIBILITY),
    Kind.WITHHELD: (Colour.BLACK, Dimension.ACCESSIBILITY),
    Kind.TYPE: (Colour.RED, Dimension.CONFORMITY),
    Kind.FORMAT: (Colour.RED, Dimension.CONFORMITY),
    Kind.VALUES: (Colour.RED, Dimension.CONFORMITY),
    Kind.RANGE: (Colour.RED, Dimension.CONFORMITY),
    Kind.REQUIRED: (Colour.ORANGE, Dimension.COMPLETENESS),
    Kind.KEY: (Colour.YELLOW, Dimension.ACCURACY),
    Kind.LATEST: (Colour.YELLOW, Dimension.ACCURACY),
    Kind.UNIQUE: (Colour.YELLOW, Dimension.ACCURACY),
    Kind.REFERS_TO: (Colour.BROWN, Dimension.CONSISTENCY),
    Kind.SAME_AS: (Colour.PURPLE, Dimension.ACCURACY),
    Kind.CHECK: (Colour.PURPLE, Dimension.ACCURACY),
    Kind.STALE: (Colour.GREY, Dimension.TIMELINESS),
    Kind.GRADE: (Colour.BLUE, Dimension.ACCESSIBILITY),
    Kind.SHARING: (Colour.BLUE, Dimension.ACCESSIBILITY),
    Kind.OWNER: (Colour.BLUE, Dimension.ACCESSIBILITY),
    Kind.CONTRACT: (Colour.BLUE, Dimension.ACCESSIBILITY),
}
_OF_TIME = frozenset({"minute", "second", "date"})
_OF_ALL = frozenset({Kind.UNGRADED, Kind.CEILING, Kind.TYPE})  # one rule for all columns


@dataclass(frozen=True, slots=True)
class QualityRule:
    """A rule. `bit` is its place in a mask; `name` is unique in its dataset (`format:cert_no`).

    `told` is what it holds a value to: a format, "dataset.column", an SQL condition. `title` is that of a declared
    check. `constant` says what a rule of the whole dataset says of every row; None for a rule of single rows.
    """

    bit: int
    name: str
    kind: Kind
    colour: Colour
    dimension: Dimension
    columns: tuple[str, ...] = ()
    told: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    title: Mapping[str, str] = field(default_factory=dict)
    constant: bool | None = None

    @property
    def mask(self) -> int:
        """Return the bit as a number."""
        return 1 << self.bit

    def sentence(self, lang: str, listing: Listing) -> str:
        """Return what the rule asks for, in "zh" or "en"; columns by the names people know them by."""
        if self.kind is Kind.CHECK:
            return self.title.get(lang) or self.name
        known = listing.dataset.by_name
        names = [getattr(known[name], lang) if name in known else name for name in self.columns]
        comma = "、" if lang == "zh" else ", "
        shown = {"columns": comma.join(names) or text("rules.quality_none", lang), "told": self.told}
        for name, value in self.values.items():
            shown[name] = comma.join(value) if isinstance(value, tuple) else str(value)
        if self.kind is Kind.FORMAT:
            shown["told"] = text(f"rules.format_{self.told}", lang)
        return text(f"rules.quality_{self.kind.value}", lang, **shown)


@dataclass(frozen=True)
class RuleBook:
    """The rules of a dataset, in order, and the listing they come from. `version` is that of its contract."""

    listing: Listing
    rules: tuple[QualityRule, ...]

    @property
    def digest(self) -> str:
        """Return what tells one list of rules from another: another list colours anew."""
        told = [f"{r.bit}|{r.name}|{r.colour}|{r.columns}|{r.told}|{r.values}|{r.constant}" for r in self.rules]
        told += [self.listing.contract, self.listing.confirmed_column, str(self.listing.update_every_min)]
        return sha256("\n".join(told).encode()).hexdigest()[:32]

    @property
    def constant_mask(self) -> int:
        """Return the bits that every row of the dataset has."""
        return sum(rule.mask for rule in self.rules if rule.constant)

    @property
    def unique(self) -> tuple[QualityRule, ...]:
        """Return the rules that no row can be held to alone."""
        return tuple(rule for rule in self.rules if rule.kind in {Kind.KEY, Kind.LATEST, Kind.UNIQUE})

    def by_kind(self, *kinds: Kind) -> tuple[QualityRule, ...]:
        """Return the rules of some kinds, in order."""
        return tuple(rule for rule in self.rules if rule.kind in kinds)

    def get(self, name: str) -> QualityRule:
        """Return a rule by its name. Raises Malformed."""
        for rule in self.rules:
            if rule.name == name:
                return rule
        raise Malformed("rules.no_such_rule", dataset=self.listing.name, rule=name)


def colour_of(rules: Sequence[QualityRule], failed: int) -> Colour:
    """Return the colour of a row that fails some rules: that of the first one, green where it fails none."""
    return next((rule.colour for rule in rules if failed & rule.mask), Colour.GREEN)


def code_of(rules: Sequence[QualityRule], failed: int) -> int:
    """Return the number of the colour of a row, `NO_RECORD` where a later row of its key is the record."""
    superseded = any(failed & rule.mask for rule in rules if rule.kind is Kind.LATEST)
    return NO_RECORD if superseded else int(colour_of(rules, failed))


def stands_latest(listing: Listing, catalogue: Catalogue) -> bool:
    """Tell whether of the rows of a key the last one is the record, as in the hub's own datasets."""
    library = catalogue.library_by_name.get(listing.library)
    return library is not None and library.kind is LibraryKind.HUB


def list_rules(listing: Listing, catalogue: Catalogue) -> RuleBook:
    """Return the rules of a dataset. Raises Malformed where it is listed so that a rule cannot be read."""
    library = catalogue.library_by_name.get(listing.library)
    elements = {each.name: each for each in catalogue.elements}
    drafts = sorted(_drafts(listing, library, elements, catalogue), key=lambda rule: rule.colour)  # sorting is stable
    if len(drafts) > MOST_RULES:
        raise Malformed("rules.too_many_rules", dataset=listing.name, count=len(drafts), most=MOST_RULES)
    rules = tuple(_placed(rule, bit) for bit, rule in enumerate(drafts))
    return RuleBook(listing, rules)


def _placed(rule: QualityRule, bit: int) -> QualityRule:
    told = (rule.columns, rule.told, rule.values, rule.title, rule.constant)
    return QualityRule(bit, rule.name, rule.kind, rule.colour, rule.dimension, *told)


def _rule(
    kind: Kind,
    *columns: str,
    told: str = "",
    values: Mapping[str, object] | None = None,
    constant: bool | None = None,
) -> QualityRule:
    colour, dimension = _OF_KIND[kind]
    name = f"{kind.value}:{'+'.join(columns)}" if columns and kind not in _OF_ALL else kind.value
    return QualityRule(0, name, kind, colour, dimension, columns, told, values or {}, {}, constant)


def _drafts(
    listing: Listing, library: Library | None, elements: Mapping[str, Element], catalogue: Catalogue
) -> Iterator[QualityRule]:
    dataset = listing.dataset
    ceiling = library.ceiling if library else Grade.L1
    ungraded = [column.name for column in dataset.columns if not listing.trait(column.name).graded_by]
    yield _rule(Kind.UNGRADED, *ungraded, constant=bool(ungraded))
    above = tuple(column.name for column in dataset.columns if column.grade > ceiling)
    yield _rule(Kind.CEILING, *above, values={"grade": ceiling.name}, constant=bool(above))
    yield _rule(Kind.WITHHELD)
    yield _rule(Kind.TYPE, *(column.name for column in dataset.columns))
    for column in dataset.columns:
        yield from _of_column(listing, column, elements)
    latest = stands_latest(listing, catalogue)
    yield _rule(Kind.LATEST if latest else Kind.KEY, *dataset.key)
    for column in dataset.columns:
        if listing.trait(column.name).unique and dataset.key != (column.name,):
            yield _rule(Kind.UNIQUE, column.name)
    for column in dataset.columns:
        yield from _of_others(listing, column, catalogue)
    for check in listing.checks:
        condition = plain_condition(check.holds, dataset, check.name)
        columns, told = condition.columns, condition.sql
        yield QualityRule(
            *(0, f"check:{check.name}", Kind.CHECK, check.colour, Dimension.ACCURACY, columns, told, {}, check.title)
        )
    of_moments = latest and any(dataset.by_name[name].type in _OF_TIME for name in dataset.key)
    if listing.update_every_min is not None and not of_moments:  # what was so at a moment does not grow stale
        columns = (listing.confirmed_column,) if listing.confirmed_column else ()
        yield _rule(Kind.STALE, *columns, values={"hours": round(listing.update_every_min / 60, 1)})
    grade, restricted = dataset.grade, listing.sharing is not Sharing.UNCONDITIONAL
    yield _rule(Kind.GRADE, values={"grade": grade.name}, constant=grade > Grade.L2)
    yield _rule(Kind.SHARING, told=listing.sharing.value, constant=restricted)
    yield _rule(Kind.OWNER, constant=not listing.owner)
    yield _rule(Kind.CONTRACT, constant=not listing.contract)


def _of_column(listing: Listing, column: Column, elements: Mapping[str, Element]) -> Iterator[QualityRule]:
    trait = listing.trait(column.name)
    form = elements[trait.element].format if trait.element in elements else ""
    if form and form not in FORMATS:
        raise Malformed("rules.no_such_format", dataset=listing.name, column=column.name, format=form)
    if form and column.type in _TEXTS:
        yield _rule(Kind.FORMAT, column.name, told=form)
    elif column.type == "pid":
        yield _rule(Kind.FORMAT, column.name, told="pid")
    if column.values:
        yield _rule(Kind.VALUES, column.name, values={"listed": column.values})
    bounds = (column.minimum, column.maximum)
    if column.type == "float" or (column.type in _NUMBERS and bounds != (None, None)):
        shown = {"minimum": "-" if bounds[0] is None else bounds[0], "maximum": "-" if bounds[1] is None else bounds[1]}
        yield _rule(Kind.RANGE, column.name, values=shown)
    if trait.required or column.name in listing.dataset.key:
        yield _rule(Kind.REQUIRED, column.name)


def _of_others(listing: Listing, column: Column, catalogue: Catalogue) -> Iterator[QualityRule]:
    trait = listing.trait(column.name)
    for kind, told in ((Kind.REFERS_TO, trait.refers_to), (Kind.SAME_AS, trait.same_as)):
        if not told:
            continue
        name, _, other = told.partition(".")
        found = catalogue.by_name.get(name)
        if found is None or other not in found.dataset.by_name:
            raise Malformed("rules.no_such_reference", dataset=listing.name, column=column.name, reference=told)
        if kind is Kind.SAME_AS:
            shared_key(listing, found)
        yield _rule(kind, column.name, told=told)


def shared_key(listing: Listing, source: Listing) -> tuple[tuple[str, str], ...]:
    """Return by which columns a row finds its row in the authoritative source: (own column, column of the source).

    The key of the source by the same names, else key by key in order. Raises Malformed where neither fits.
    """
    own, theirs = listing.dataset, source.dataset
    if all(name in own.by_name for name in theirs.key):
        return tuple((name, name) for name in theirs.key)
    if len(own.key) == len(theirs.key):
        return tuple(zip(own.key, theirs.key, strict=True))
    raise Malformed("rules.no_shared_key", dataset=listing.name, source=source.name)

"""From listings to the replies of the wire. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hubtwin.datasets.listing import Catalogue, Check, Listing
from hubtwin.datasets.table import Column, Grade
from hubtwin.library.catalogue import Held
from hubtwin.library.lineage import freshness
from hubtwin.library.odcs_quality import shown
from hubtwin.model.sharing import Share
from hubtwin.web.schemas import catalogue as c
from hubtwin.web.schemas.hub import Words
from hubtwin.web.shown import named, words


def empty_words() -> Words:
    """Return no text."""
    return Words("", "")


@dataclass(frozen=True)
class CatalogueShower:
    """Shows listings of a catalogue as they stand at a minute."""

    catalogue: Catalogue
    held: Mapping[str, Held]
    now_min: int
    partners: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # to whom shares leave: names by id

    def words(self, told: Mapping[str, str]) -> Words:
        """Return a text in both languages."""
        return named(told)

    def agency_name(self, agency_id: str) -> Words:
        """Return the name of an agency; its id where nobody named it."""
        for each in self.catalogue.agencies:
            if each.agency_id == agency_id:
                return Words(each.zh, each.en)
        return Words(agency_id, agency_id)

    def library(self) -> c.LibraryReply:
        """Return the libraries, and what an application may name."""
        catalogue = self.catalogue
        return c.LibraryReply(
            self.words(catalogue.title),
            catalogue.area_code,
            words("web.library_note"),
            [self._library(each) for each in catalogue.libraries],
            [
                c.AgencyView(each.agency_id, Words(each.zh, each.en), catalogue.street_of(each.agency_id))
                for each in catalogue.agencies
            ],
            *(
                [c.NamedView(name, self.words(title)) for name, title in told.items()]
                for told in (catalogue.purposes, catalogue.legal_bases, self.partners)
            ),
        )

    def _library(self, library: Any) -> c.LibraryView:
        of = [each.name for each in self.catalogue.listings if each.library == library.name]
        rows = sum(self.held[name].rows for name in of if name in self.held)
        return c.LibraryView(
            *(library.name, library.kind.value, self.words(library.title), library.ceiling.name, library.street),
            datasets=len(of),
            rows=rows,
        )

    def line(self, listing: Listing, where: Sequence[str], colours: Mapping[str, int] | None = None) -> c.DatasetLine:
        """Return a dataset as a line of a list; `colours` is how many of its rows have each."""
        held = self.held.get(listing.name)
        library = self.catalogue.library_by_name[listing.library]
        return c.DatasetLine(
            listing.name,
            Words(listing.dataset.zh, listing.dataset.en),
            *(listing.library, self.words(library.title), listing.owner, self.agency_name(listing.owner)),
            listing.sharing.value,
            listing.dataset.grade.name,  # type: ignore[arg-type]
            listing.contract,
            len(listing.dataset.columns),
            held.rows if held else 0,
            held.synthetic_rows if held else 0,
            held.updated_min if held else None,
            freshness(listing, held, self.now_min).value,
            colours,
            where,  # type: ignore[arg-type]
        )

    def column(self, column: Column, listing: Listing) -> c.DatasetColumn:
        """Return a column with what is known of it."""
        trait = listing.trait(column.name)
        element = next((each for each in self.catalogue.elements if each.name == trait.element), None)
        return c.DatasetColumn(
            *(column.name, column.type, Words(column.zh, column.en)),
            grade=column.grade.name,  # type: ignore[arg-type]
            leaves_as_rows=column.grade < Grade.L4,
            reason=self.words(trait.reason),
            source=trait.source,
            graded_by=trait.graded_by,
            graded_on=trait.graded_on.isoformat() if trait.graded_on else None,
            review_on=trait.review_on.isoformat() if trait.review_on else None,
            element=c.ElementView(element.name, self.words(element.title), element.format, element.source)
            if element
            else None,
            mask=trait.mask,
            key=column.name in listing.dataset.key,
            required=trait.required,
            refers_to=trait.refers_to,
            same_as=trait.same_as,
            values=column.values,
            minimum=column.minimum,
            maximum=column.maximum,
        )

    def check(self, check: Check) -> c.RowCheck:
        """Return a rule across columns."""
        return c.RowCheck(check.name, self.words(check.title), check.colour.name.lower(), check.holds)

    def unchecked(self, listing: Listing) -> list[c.UncheckedView]:
        """Return the rules of its contract that are not checked."""
        known = listing.dataset.by_name
        return [
            c.UncheckedView(
                each.column,
                Words(known[each.column].zh, known[each.column].en) if each.column in known else empty_words(),
                shown(each.told),
                words(f"library.unchecked_{each.why}"),
            )
            for each in listing.unchecked
        ]

    def lowered(self, listing: Listing) -> c.LoweredView | None:
        """Return why a dataset is graded below its parents, None where it is not."""
        told = listing.lowered
        return c.LoweredView(told.by, told.on.isoformat(), self.words(told.reason)) if told else None

    def seen_by(self, share: Share) -> c.SeenByView:
        """Return a live share as everybody may see it: no row condition, no person's name."""
        kind, _, name = share.grantee.partition(":")
        shown = self.agency_name(name) if kind == "agency" else Words(share.grantee, share.grantee)
        if kind == "partner" and name in self.partners:
            shown = self.words(self.partners[name])
        title = self.catalogue.purposes.get(share.purpose)
        purpose = self.words(title) if title else Words(share.purpose, share.purpose)
        counts_only = share.count_floor is not None
        return c.SeenByView(share.grantee, shown, len(share.columns), counts_only, purpose, share.until_min)

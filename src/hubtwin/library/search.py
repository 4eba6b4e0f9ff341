"""Searches the catalogue in Chinese and English: over names, titles, columns, elements, keywords, libraries and owners.

Chinese has no spaces: a run of it is cut into pairs of characters, which match wherever the pair stands. English words
match by their beginning. A dataset is found when it holds most of what was asked for; a rare word counts for more than
one that stands everywhere, a title for more than a description.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import log

from hubtwin.datasets.listing import Catalogue, Listing, Sharing
from hubtwin.datasets.table import Grade

WEIGHTS: Mapping[str, float] = {  # ours: what a word in each place says of a dataset
    "name": 6.0,
    "title": 6.0,
    "keyword": 4.0,
    "column": 3.0,
    "element": 3.0,
    "library": 2.0,
    "about": 1.5,
    "owner": 1.0,
}
BEGINNING = 0.7  # a word that only begins as asked
NEEDED = 0.5  # share of what was asked for, weighed by rarity, that a dataset must hold
SHORTEST_BEGINNING = 3
LONGEST_QUERY = 200
_WORD = re.compile(r"[a-z]+|[0-9]+")
_CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+")


@dataclass(frozen=True, slots=True)
class Hit:
    """A dataset that was found; `where` are the places of the catalogue's record that matched, the best first."""

    listing: Listing
    score: float
    where: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Narrowed:
    """To what a search is narrowed down; empty means: to nothing."""

    library: str = ""
    sharing: Sharing | None = None
    grade: Grade | None = None
    owner: str = ""

    def takes(self, listing: Listing) -> bool:
        """Return whether a dataset is among those looked at."""
        return (
            self.library in ("", listing.library)
            and self.sharing in (None, listing.sharing)
            and self.grade in (None, listing.dataset.grade)
            and self.owner in ("", listing.owner)
        )


EVERYTHING = Narrowed()


def narrow(library: str = "", sharing: str | None = None, grade: str | None = None, owner: str = "") -> Narrowed:
    """Return what a search is narrowed down to, from words that were checked: a sharing attribute, `L1` to `L4`."""
    return Narrowed(library, Sharing(sharing) if sharing else None, Grade[grade] if grade else None, owner)


def cut(content: str, *, single: bool = False) -> list[str]:
    """Return the terms of a text: words, numbers, pairs of Chinese characters; single characters too if asked."""
    plain = unicodedata.normalize("NFKC", content[: LONGEST_QUERY * 50]).casefold()
    terms = [_singular(word) for word in _WORD.findall(plain)]
    for run in _CHINESE.findall(plain):
        terms += [run[place : place + 2] for place in range(len(run) - 1)]
        if single or len(run) == 1:
            terms += list(run)
    return terms


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


class SearchIndex:
    """The terms of a catalogue, made once."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Index every listing of a catalogue."""
        self.catalogue = catalogue
        self._terms: dict[str, dict[int, tuple[float, str]]] = defaultdict(dict)
        agencies = {each.agency_id: each for each in catalogue.agencies}
        elements = {each.name: each for each in catalogue.elements}
        for place, listing in enumerate(catalogue.listings):
            library, owner = catalogue.library_by_name.get(listing.library), agencies.get(listing.owner)
            self._enter(place, "name", [listing.name])
            self._enter(place, "title", [listing.dataset.zh, listing.dataset.en])
            self._enter(place, "keyword", listing.keywords)
            self._enter(place, "about", listing.about.values())
            self._enter(place, "library", [listing.library, *(library.title.values() if library else ())])
            self._enter(place, "owner", [listing.owner, *((owner.zh, owner.en) if owner else ())])
            for column in listing.dataset.columns:
                self._enter(place, "column", [column.name, column.zh, column.en])
                element = elements.get(listing.trait(column.name).element)
                self._enter(place, "element", [element.name, *element.title.values()] if element else ())

    def _enter(self, place: int, kind: str, texts: Iterable[str]) -> None:
        for each in texts:
            for term in cut(each, single=True):
                if self._terms[term].get(place, (0.0, ""))[0] < WEIGHTS[kind]:
                    self._terms[term][place] = (WEIGHTS[kind], kind)

    @cached_property
    def _vocabulary(self) -> list[str]:
        return sorted(self._terms)

    def search(self, asked: str, narrowed: Narrowed = EVERYTHING) -> list[Hit]:
        """Return what was found, the best first; everything, in the catalogue's order, if nothing was asked for."""
        listings = self.catalogue.listings
        terms = list(dict.fromkeys(cut(asked[:LONGEST_QUERY])))
        if not terms:
            found = [] if asked.strip() else [Hit(each, 0.0, ()) for each in listings]
            return [hit for hit in found if narrowed.takes(hit.listing)]
        scores: dict[int, float] = defaultdict(float)
        covered: dict[int, float] = defaultdict(float)
        where: dict[int, dict[str, float]] = defaultdict(dict)
        total = 0.0
        for term in terms:
            matches = self._matches(term)
            rarity = log(1 + len(listings) / (1 + len(matches)))
            total += rarity
            for place, (weight, kind) in matches.items():
                scores[place] += rarity * weight
                covered[place] += rarity
                where[place][kind] = where[place].get(kind, 0.0) + rarity * weight
        exact = asked.strip().casefold()
        hits = []
        for place, score in scores.items():
            share, listing = covered[place] / total, listings[place]
            if share < NEEDED or not narrowed.takes(listing):
                continue
            best = 2.0 if exact in (listing.name, listing.dataset.zh, listing.dataset.en.casefold()) else 1.0
            kinds = tuple(kind for _, kind in sorted((-part, kind) for kind, part in where[place].items()))
            hits.append((-best * score * share * share, place, kinds))
        return [Hit(listings[place], -score, kinds) for score, place, kinds in sorted(hits)]

    def _matches(self, term: str) -> dict[int, tuple[float, str]]:
        """Return where a term stands, and where a word begins with it."""
        found = dict(self._terms.get(term, {}))
        if len(term) >= SHORTEST_BEGINNING and term.isascii():
            for word in self._vocabulary:
                if word != term and word.startswith(term):
                    for place, (weight, kind) in self._terms[word].items():
                        if found.get(place, (0.0, ""))[0] < weight * BEGINNING:
                            found[place] = (weight * BEGINNING, kind)
        return found

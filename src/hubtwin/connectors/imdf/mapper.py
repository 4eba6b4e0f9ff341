"""From an archive to the venue: every feature that can be understood, with what our extension says of it.

A feature that cannot is left out and told; the check of the standard says what is wrong with it. A plain archive
without our extension is a venue too: its codes are the ids, its capacities unknown, its storeys of one height.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import isfinite
from typing import Any, TypeVar

from hubtwin.connectors.imdf.files import told
from hubtwin.model import venue as v
from hubtwin.model.venue import Archive, Basis, LinkKind, RawFeature, Severity, Shape, VenueFinding
from hubtwin.rules.venue_shapes import BadShape, list_points, read_point, read_shape
from hubtwin.rules.venue_surroundings import read_surroundings

KINDS = {
    "stairs": LinkKind.STAIRS,
    "escalator": LinkKind.ESCALATOR,
    "elevator": LinkKind.ELEVATOR,
    "ramp": LinkKind.RAMP,
    "movingwalkway": LinkKind.WALK,
    "traversal": LinkKind.WALK,
    "traversal.path": LinkKind.WALK,
}
MOST = 1e9  # of any figure of the extension
Placed = TypeVar("Placed", bound=v.Placed)


def make_venue(archive: Archive) -> tuple[v.Venue | None, list[VenueFinding]]:
    """Return the venue of an archive, None where there is no usable one, and which features were left out."""
    return _Mapper(archive).run()


class _Mapper:
    """One archive on its way to a venue."""

    def __init__(self, archive: Archive) -> None:
        self.archive, self.findings = archive, list[VenueFinding]()
        extension = archive.extension
        names = ("codes", "levels", "capacities", "basis", "sources", "links", "uses", "covers", "spaces")
        self.told = {name: _table(extension.get(name)) for name in names}

    def run(self) -> tuple[v.Venue | None, list[VenueFinding]]:
        roots = [each for each in self.archive.features if each.feature_type == "venue"]
        shape = self._shape(roots[0]) if roots else None
        if shape is None:
            return None, [*self.findings, told(Severity.ERROR, "no_venue")]
        root, extension = roots[0], self.archive.extension
        levels = tuple(self._levels())
        ids = {level.feature_id for level in levels}
        venue = v.Venue(
            **self._common(root),
            category=_text(root.properties.get("category")),
            shape=shape,
            point=self._point(root) or next(iter(list_points(shape))),
            note=_labels(extension.get("note")),
            schematic=extension.get("schematic") is True,
            levels=levels,
            units=tuple(self._units(ids)),
            openings=tuple(self._openings(ids)),
            links=tuple(self._links()),
            fixtures=tuple(self._fixtures(ids)),
            amenities=tuple(self._amenities(ids)),
            anchors=tuple(self._anchors()),
            kiosks=tuple(self._placed("kiosk", v.Kiosk, ids)),
            sections=tuple(self._placed("section", v.Section, ids)),
            footprints=tuple(self._placed("footprint", v.Footprint)),
            occupants=tuple(self._occupants()),
            surroundings=read_surroundings(extension.get(v.SURROUNDINGS))[0],
        )
        return venue, self.findings

    def _of(self, kind: str) -> Iterator[RawFeature]:
        return (each for each in self.archive.features if each.feature_type == kind)

    def _left_out(self, feature: RawFeature) -> None:
        self.findings.append(
            VenueFinding(Severity.WARNING, "connectors.imdf.left_out", feature.feature_id, feature.where)
        )

    def _shape(self, feature: RawFeature) -> Shape | None:
        try:
            return read_shape(feature.geometry)
        except BadShape:
            self._left_out(feature)
            return None

    def _point(self, feature: RawFeature) -> v.Point | None:
        point = feature.properties.get("display_point")
        try:
            return read_point(point.get("coordinates")) if isinstance(point, dict) else None
        except BadShape:
            return None

    def _common(self, feature: RawFeature) -> dict[str, Any]:
        code, basis = self.told["codes"].get(feature.feature_id), self.told["basis"].get(feature.feature_id)
        return {
            "feature_id": feature.feature_id,
            "code": code if isinstance(code, str) and code else feature.feature_id,
            "name": _labels(feature.properties.get("name")),
            "basis": Basis(basis) if basis in ("published", "inferred") else Basis.UNKNOWN,
            "source": _text(self.told["sources"].get(feature.feature_id)),
        }

    def _body(self, feature: RawFeature, level_ids: set[str] | None) -> dict[str, Any] | None:
        """Return the fields of a placed feature; None where its geometry or its level cannot be used."""
        shape, level_id = self._shape(feature), _text(feature.properties.get("level_id"))
        if shape is None:
            return None
        if level_ids is not None and level_id not in level_ids:
            self._left_out(feature)
            return None
        return {
            **self._common(feature),
            "shape": shape,
            "level_id": level_id,
            "category": _text(feature.properties.get("category")),
            "point": self._point(feature),
        }

    def _placed(self, kind: str, made: type[Placed], level_ids: set[str] | None = None) -> Iterator[Placed]:
        for feature in self._of(kind):
            if (body := self._body(feature, level_ids)) is not None:
                yield made(**body)

    def _levels(self) -> Iterator[v.Level]:
        for feature in self._of("level"):
            shape, ordinal = self._shape(feature), feature.properties.get("ordinal")
            if shape is None or not isinstance(ordinal, int):
                continue
            more = _table(self.told["levels"].get(feature.feature_id))
            elevation, height = _number(more.get("elevation_m")), _number(more.get("height_m"))
            common = self._common(feature)
            yield v.Level(
                **common,
                shape=shape,
                category=_text(feature.properties.get("category")),
                ordinal=ordinal,
                short_name=_labels(feature.properties.get("short_name")) or common["name"] or {},
                outdoor=feature.properties.get("outdoor") is True,
                elevation_m=ordinal * v.STOREY_M if elevation is None else elevation,
                height_m=v.STOREY_M if height is None else height,
                point=self._point(feature),
            )

    def _units(self, level_ids: set[str]) -> Iterator[v.Unit]:
        for feature in self._of("unit"):
            if (body := self._body(feature, level_ids)) is None:
                continue
            persons, spaces = (
                _number(each)
                for each in (self._capacity(feature, "persons"), self.told["spaces"].get(feature.feature_id))
            )
            yield v.Unit(
                **body,
                restriction=_text(feature.properties.get("restriction")) or None,
                accessibility=_texts(feature.properties.get("accessibility")),
                persons=None if persons is None or persons < 0 else int(persons),
                spaces=None if spaces is None or spaces < 0 else int(spaces),
            )

    def _openings(self, level_ids: set[str]) -> Iterator[v.Opening]:
        for feature in self._of("opening"):
            if (body := self._body(feature, level_ids)) is None:
                continue
            if body["shape"].kind != "LineString":
                self._left_out(feature)
                continue
            yield v.Opening(
                **body,
                accessibility=_texts(feature.properties.get("accessibility")),
                access_control=_texts(feature.properties.get("access_control")),
                persons_per_min=self._rate(feature),
            )

    def _fixtures(self, level_ids: set[str]) -> Iterator[v.Fixture]:
        for fixture in self._placed("fixture", v.Fixture, level_ids):
            use, covers = (_text(self.told[name].get(fixture.feature_id)) for name in ("uses", "covers"))
            yield replace(fixture, use=use, covers=covers)

    def _amenities(self, level_ids: set[str]) -> Iterator[v.Amenity]:
        """An amenity has no level of its own; it stands on that of its first unit."""
        levels = {unit.feature_id: _text(unit.properties.get("level_id")) for unit in self._of("unit")}
        for feature in self._of("amenity"):
            unit_ids = _texts(feature.properties.get("unit_ids"))
            body = self._body(feature, None)
            if body is None or body["shape"].kind != "Point":
                continue
            level_id = next((levels[each] for each in unit_ids if each in levels), "")
            body |= {"level_id": level_id if level_id in level_ids else "", "point": body["shape"].coordinates}
            yield v.Amenity(**body, unit_ids=unit_ids, accessibility=_texts(feature.properties.get("accessibility")))

    def _anchors(self) -> Iterator[v.Anchor]:
        for feature in self._of("anchor"):
            body = self._body(feature, None)
            if body is not None and body["shape"].kind == "Point":
                yield v.Anchor(**body, unit_id=_text(feature.properties.get("unit_id")))

    def _occupants(self) -> Iterator[v.Occupant]:
        for feature in self._of("occupant"):
            category, anchor_id = (_text(feature.properties.get(name)) for name in ("category", "anchor_id"))
            yield v.Occupant(**self._common(feature), category=category, anchor_id=anchor_id)

    def _links(self) -> Iterator[v.Link]:
        for feature in self._of("relationship"):
            kind = KINDS.get(_text(feature.properties.get("category")))
            more = _table(self.told["links"].get(feature.feature_id))
            kind = LinkKind(more["kind"]) if more.get("kind") in tuple(LinkKind) else kind
            ends = [_reference(feature.properties.get(name)) for name in ("origin", "destination")]
            if kind is None or not all(ends):
                self._left_out(feature)
                continue
            length, through = _number(more.get("length_m")), feature.properties.get("intermediary")
            yield v.Link(
                **self._common(feature),
                kind=kind,
                origin_id=ends[0],
                destination_id=ends[1],
                through_ids=tuple(filter(None, map(_reference, through))) if isinstance(through, list) else (),
                both=self._both(feature, more),
                length_m=None if length is None or length <= 0 else length,
                persons_per_min=self._rate(feature),
                shape=None if feature.geometry is None else self._shape(feature),
            )

    def _both(self, feature: RawFeature, more: Mapping[str, Any]) -> bool:
        if more.get("direction") in ("both", "forward"):
            return bool(more["direction"] == "both")
        return feature.properties.get("direction") != "directed"

    def _capacity(self, feature: RawFeature, name: str) -> Any:
        return _table(self.told["capacities"].get(feature.feature_id)).get(name)

    def _rate(self, feature: RawFeature) -> float | None:
        rate = _number(self._capacity(feature, "persons_per_min"))
        return None if rate is None or rate < 0 else rate


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value) or abs(value) > MOST:
        return None
    return float(value)


def _labels(value: Any) -> dict[str, str] | None:
    """Return names by language tag; "zh-Hans" and the like stand for "zh" too, where nothing else does."""
    if not isinstance(value, dict):
        return None
    names = {tag: name for tag, name in value.items() if isinstance(tag, str) and isinstance(name, str) and name}
    for tag, name in list(names.items()):
        names.setdefault(tag.partition("-")[0].lower(), name)
    return names or None


def _reference(value: Any) -> str:
    return _text(value.get("id")) if isinstance(value, dict) else ""

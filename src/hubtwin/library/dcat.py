"""The catalogue as DCAT 3 in JSON-LD (W3C Recommendation of August 2024), for other catalogues to harvest.

What is published is what the catalogue says of a dataset, never a row of it: titles, owners, grades and promises are
open to whoever may read the catalogue, also of datasets that are not shared. Vocabularies beside DCAT and Dublin Core
are those of the EU Publications Office for frequency and access rights, PROV for lineage, CSVW for columns; what none
of them has a word for stands under `hubtwin:`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hubtwin.base.clock import from_epoch_minute
from hubtwin.datasets.listing import Catalogue, Library, Listing, Sharing
from hubtwin.datasets.table import Column, ColumnType
from hubtwin.library.catalogue import Held

API = "/api/v1/library"
_AUTHORITY = "http://publications.europa.eu/resource/authority/"
_ACCESS: Mapping[Sharing, str] = {
    Sharing.UNCONDITIONAL: "PUBLIC",
    Sharing.RESTRICTED: "RESTRICTED",
    Sharing.NOT_SHARED: "NON_PUBLIC",
}
_FREQUENCIES = (  # the longest interval in minutes, the word of the authority's list for it
    (1, "UPDATE_CONT"),
    (60, "HOURLY"),
    (1_440, "DAILY"),
    (10_080, "WEEKLY"),
    (20_160, "BIWEEKLY"),
    (44_640, "MONTHLY"),
    (133_920, "QUARTERLY"),
    (267_840, "ANNUAL_2"),
    (527_040, "ANNUAL"),
)
_XSD: Mapping[ColumnType, str] = {
    "string": "xsd:string",
    "int": "xsd:long",
    "float": "xsd:double",
    "bool": "xsd:boolean",
    "date": "xsd:date",
    "minute": "xsd:int",
    "second": "xsd:long",
    "pid": "xsd:string",
}
CONTEXT: Mapping[str, Any] = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "prov": "http://www.w3.org/ns/prov#",
    "csvw": "http://www.w3.org/ns/csvw#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "hubtwin": "urn:hubtwin:vocabulary:",
}


def publish(catalogue: Catalogue, base: str, held: Mapping[str, Held], now: datetime) -> dict[str, Any]:
    """Return the catalogue as a JSON-LD document.

    `base` is the address of the hub without a slash at its end: identifiers of things are addresses below it. `held`
    says what is held of each dataset, for the day of its last change.
    """
    root = base + API
    agencies = {each.agency_id for each in catalogue.agencies}
    graph = [_catalog(root, catalogue, now), _service(root, catalogue)]
    graph += [_library(root, catalogue, each) for each in catalogue.libraries]
    graph += [
        {
            "@id": _agency_id(root, each.agency_id),
            "@type": "foaf:Organization",
            "foaf:name": _words({"zh": each.zh, "en": each.en}),
        }
        for each in catalogue.agencies
    ]
    for listing in catalogue.listings:
        graph += _dataset(root, catalogue, listing, held.get(listing.name), agencies)
    return {"@context": dict(CONTEXT), "@graph": graph}


def _catalog(root: str, catalogue: Catalogue, now: datetime) -> dict[str, Any]:
    return {
        "@id": root,
        "@type": "dcat:Catalog",
        "dct:title": _words(catalogue.title or {"zh": "枢纽数据目录", "en": "Catalogue of the hub"}),
        "dct:description": _words(
            {"zh": "数据集的目录；不含任何数据", "en": "what datasets there are; it holds no row of them"}
        ),
        "dct:conformsTo": {"@id": "https://www.w3.org/TR/vocab-dcat-3/"},
        "dct:modified": _moment(now),
        "dct:language": ["zh", "en"],
        "dcat:catalog": [{"@id": _library_id(root, each.name)} for each in catalogue.libraries],
        "dcat:dataset": [{"@id": _dataset_id(root, each.name)} for each in catalogue.listings],
        "dcat:service": {"@id": f"{root}/data"},
    }


def _words(told: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"@value": told[lang], "@language": lang} for lang in ("zh", "en") if told.get(lang)]


def _moment(at: datetime) -> dict[str, str]:
    return {"@value": at.isoformat(), "@type": "xsd:dateTime"}


def _library_id(root: str, name: str) -> str:
    return f"{root}/libraries/{name}"


def _dataset_id(root: str, name: str) -> str:
    return f"{root}/datasets/{name}"


def _agency_id(root: str, name: str) -> str:
    return f"{root}/agencies/{name}"


def _service(root: str, catalogue: Catalogue) -> dict[str, Any]:
    return {
        "@id": f"{root}/data",
        "@type": "dcat:DataService",
        "dct:title": _words({"zh": "按授权查询", "en": "Queries under a grant"}),
        "dcat:endpointURL": {"@id": f"{root}/data"},
        "dcat:endpointDescription": {"@id": root.removesuffix("/library") + "/openapi.json"},
        "dcat:servesDataset": [
            {"@id": _dataset_id(root, each.name)}
            for each in catalogue.listings
            if each.sharing is not Sharing.NOT_SHARED
        ],
    }


def _library(root: str, catalogue: Catalogue, library: Library) -> dict[str, Any]:
    found: dict[str, Any] = {
        "@id": _library_id(root, library.name),
        "@type": "dcat:Catalog",
        "dct:title": _words(library.title),
        "dct:identifier": library.name,
        "dct:type": f"hubtwin:{library.kind}",
        "dcat:dataset": [
            {"@id": _dataset_id(root, each.name)} for each in catalogue.listings if each.library == library.name
        ],
    }
    if library.street:
        found["dct:spatial"] = _street(library.street)
    return found


def _street(code: str) -> dict[str, Any]:
    return {"@type": "dct:Location", "dct:identifier": code}


def _dataset(
    root: str, catalogue: Catalogue, listing: Listing, held: Held | None, agencies: set[str]
) -> list[dict[str, Any]]:
    """Return the node of a dataset, and those of its distributions."""
    one = _dataset_id(root, listing.name)
    node: dict[str, Any] = {
        "@id": one,
        "@type": "dcat:Dataset",
        "dct:identifier": listing.name,
        "dct:title": _words({"zh": listing.dataset.zh, "en": listing.dataset.en}),
        "dct:description": _words(listing.about),
        "dct:publisher": {"@id": _agency_id(root, listing.owner)},
        "dct:accessRights": {"@id": f"{_AUTHORITY}access-right/{_ACCESS[listing.sharing]}"},
        "dcat:inCatalog": {"@id": _library_id(root, listing.library)},
        "dcat:keyword": list(listing.keywords),
        "hubtwin:grade": listing.dataset.grade.name,
        "hubtwin:sharing": str(listing.sharing),
        "hubtwin:purpose": list(listing.purposes),
        "dct:provenance": _provenance(listing),
        "csvw:tableSchema": _schema(listing),
    }
    if listing.steward in agencies:
        node["dcat:contactPoint"] = {"@id": _agency_id(root, listing.steward)}
    if listing.update_every_min is not None:
        node["dct:accrualPeriodicity"] = {"@id": f"{_AUTHORITY}frequency/{frequency_of(listing.update_every_min)}"}
    if listing.contract:
        node |= {"dcat:version": listing.contract, "dct:conformsTo": {"@id": f"{one}/contract"}}
    if listing.parents:
        node["prov:wasDerivedFrom"] = [{"@id": _dataset_id(root, each)} for each in listing.parents]
    street = catalogue.library_by_name[listing.library].street
    if street or catalogue.area_code:
        node["dct:spatial"] = _street(street or catalogue.area_code)
    if held is not None and held.rows:
        node["dct:modified"] = _moment(from_epoch_minute(held.updated_min))
        node["hubtwin:synthetic"] = held.synthetic_rows > 0
    if listing.sharing is Sharing.NOT_SHARED:
        return [node]
    node["dcat:distribution"] = [{"@id": f"{one}/distributions/{form}"} for form in ("api", "csv", "parquet")]
    return [node, *_distributions(root, one, listing)]


def _distributions(root: str, one: str, listing: Listing) -> list[dict[str, Any]]:
    """Return how a grantee takes the rows. There is no open address: every row leaves under a grant."""
    media = {"api": "application/json", "csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
    return [
        {
            "@id": f"{one}/distributions/{form}",
            "@type": "dcat:Distribution",
            "dct:title": _words({"zh": f"{listing.dataset.zh}（{form}）", "en": f"{listing.dataset.en} ({form})"}),
            "dcat:mediaType": {"@id": f"https://www.iana.org/assignments/media-types/{kind}"},
            "dcat:accessURL": {"@id": f"{root}/data/{listing.name}"},
            "dcat:accessService": {"@id": f"{root}/data"},
            "dct:rights": _words({"zh": "凭授权使用", "en": "under a grant"}),
        }
        for form, kind in media.items()
    ]


def _provenance(listing: Listing) -> dict[str, Any]:
    told = {"zh": f"由{listing.owner}提供", "en": f"kept by {listing.owner}"}
    if listing.parents:
        names = ", ".join(listing.parents)
        told = {"zh": f"{told['zh']}，由 {names} 产生", "en": f"{told['en']}, made from {names}"}
    if listing.lowered is not None:
        told = {
            lang: f"{told[lang]}; {listing.lowered.reason[lang]} ({listing.lowered.by}, {listing.lowered.on})"
            for lang in told
        }
    return {"@type": "dct:ProvenanceStatement", "dct:description": _words(told)}


def _schema(listing: Listing) -> dict[str, Any]:
    columns = [_column(each, listing) for each in listing.dataset.columns]
    return {"@type": "csvw:Schema", "csvw:primaryKey": list(listing.dataset.key), "csvw:column": columns}


def _column(column: Column, listing: Listing) -> dict[str, Any]:
    trait = listing.trait(column.name)
    found: dict[str, Any] = {
        "@type": "csvw:Column",
        "csvw:name": column.name,
        "csvw:title": _words({"zh": column.zh, "en": column.en}),
        "csvw:datatype": {"@id": _XSD[column.type]},
        "csvw:required": trait.required,
        "hubtwin:grade": column.grade.name,
    }
    if trait.element:
        found["hubtwin:element"] = trait.element
    return found


def frequency_of(every_min: int) -> str:
    """Return the word of the EU frequency list for a promised interval: the one that is not shorter, or other."""
    return next((word for longest, word in _FREQUENCIES if every_min <= longest), "OTHER")

"""How baskets, items, shares and templates stand in their rows: JSON bodies, the same bytes for the same record."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from hubtwin.model.agency import AgencyKind
from hubtwin.model.basket import Ask, Basket, BasketItem, BasketKind, Form, ItemState, Said, Template
from hubtwin.model.sharing import Delivery, Lane, Rows, Share

Row = Sequence[object]


def put_json(told: Mapping[str, Any]) -> str:
    """Return a record as JSON; sets become sorted lists."""
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_listed)


def basket_body(basket: Basket) -> str:
    """Return what stands in the body of a basket: its form, and who authorised it."""
    form = asdict(basket.form)
    return put_json({"form": form, "authorised_by": basket.authorised_by, "authorised_ms": basket.authorised_ms})


def read_basket(row: Row, items: Iterable[Row]) -> Basket:
    """Return a basket of (basket_id, applicant, agency, submitted_ms, body) and the bodies of its items."""
    told = json.loads(str(row[4]))
    form = told["form"]
    return Basket(
        *(str(row[0]), str(row[1]), str(row[2])),
        Form(
            *(form["key"], form["grantee"], form["purpose"], form["legal_basis"], form["from_min"], form["until_min"]),
            tuple(_ask(each) for each in form["asks"]),
            frozenset(map(Delivery, form["delivery"])),
            BasketKind(form["kind"]),
            form["reason"],
        ),
        tuple(read_item(str(item[0])) for item in items),
        int(str(row[3])),
        told["authorised_by"],
        told["authorised_ms"],
    )


def item_body(item: BasketItem) -> str:
    """Return the body of an item."""
    return put_json(asdict(item))


def read_item(body: str) -> BasketItem:
    """Return an item of its body."""
    told = json.loads(body)
    return BasketItem(
        **{
            **told,
            "columns": frozenset(told["columns"]),
            "rows": _rows(told["rows"]),
            "lane": Lane(told["lane"]),
            "state": ItemState(told["state"]),
            "masks": _pairs(told["masks"]),
            "said": tuple(Said(Lane(each["lane"]), tuple(each["reasons"])) for each in told["said"]),
        }
    )


def share_body(share: Share) -> str:
    """Return the body of a share."""
    return put_json(asdict(share))


def read_share(body: str) -> Share:
    """Return a share of its body."""
    told = json.loads(body)
    return Share(
        **{
            **told,
            "columns": frozenset(told["columns"]),
            "masks": _pairs(told["masks"]),
            "rows": _rows(told["rows"]),
            "delivery": frozenset(map(Delivery, told["delivery"])),
            "lane": Lane(told["lane"]),
        }
    )


def template_body(template: Template) -> str:
    """Return the body of a template."""
    return put_json(asdict(template))


def read_template(body: str) -> Template:
    """Return a template of its body."""
    told = json.loads(body)
    return Template(
        **{
            **told,
            "columns": frozenset(told["columns"]),
            "masks": _pairs(told["masks"]),
            "purposes": frozenset(told["purposes"]),
            "agencies": frozenset(told["agencies"]),
            "kinds": frozenset(map(AgencyKind, told["kinds"])),
            "rows": _rows(told["rows"]),
        }
    )


def _ask(told: Mapping[str, Any]) -> Ask:
    rows = None if told["rows"] is None else _rows(told["rows"])
    return Ask(told["dataset"], frozenset(told["columns"]), rows, told["counts_only"])


def _rows(told: Mapping[str, Any]) -> Rows:
    return Rows(told["everything"], told["column"], frozenset(told["values"]))


def _pairs(told: Iterable[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((column, mask) for column, mask in told)


def _listed(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(type(value).__name__)

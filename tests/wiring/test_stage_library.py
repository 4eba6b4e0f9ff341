"""The district's cast: accounts in agencies of the catalogue, templates signed by their owners, a basket that waits."""

from pathlib import Path

import pytest

from hubtwin.base.errors import Malformed
from hubtwin.library.template_file import read_templates
from hubtwin.model.basket import ItemState
from hubtwin.model.sharing import Delivery
from hubtwin.wiring.applied import applying_of
from hubtwin.wiring.stage_library import DISTRICT_CAST, apply_first, make_district_accounts, sign_shipped
from tests.wiring.test_applied import NOW_MIN, opened


def test_the_cast_signs_and_applies_through_the_doors_of_operation(tmp_path: Path) -> None:
    with opened(tmp_path) as (works, _):
        people = make_district_accounts(works, password="correct horse battery", lang="zh")
        assert [person.user_id for person in people] == [part.user for part in DISTRICT_CAST]
        applying = applying_of(works)
        templates = sign_shipped(works, applying, people)
        assert {each.dataset for each in templates} == {"residents", "households", "elderly_persons", "legal_entities"}
        basket = apply_first(applying, people)
        assert basket is not None
        assert Delivery.API in basket.form.delivery  # the page of the own rows reads by it
        assert {item.dataset: item.state for item in basket.items} == {
            "communities": ItemState.SUBMITTED,  # for a purpose that its owner does not let pass
            "shelters": ItemState.SUBMITTED,
            "meal_services": ItemState.ACTIVE,
            "residents": ItemState.ACTIVE,
            "elderly_persons": ItemState.SUBMITTED,  # the data authority's key
            "grid_events": ItemState.SUBMITTED,
        }
        wrong = {"templates": [{"dataset": "residents", "columns": ["sex"], "kindz": ["street"]}]}
        with pytest.raises(Malformed):
            read_templates("x.toml", wrong, applying.catalogue(), now_min=NOW_MIN)

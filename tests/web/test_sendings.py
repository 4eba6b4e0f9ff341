"""Over HTTP at a real hub: a partner's share is applied for, sent, receipted, refused by row, corrected, sent again."""

import csv
import io
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from hubtwin.model.batch import RowAnswer, RowFate
from hubtwin.model.partner import Level, Partner, Way
from hubtwin.settings import load_settings
from hubtwin.settings.partners import PartnerSettings
from hubtwin.stores.accounts import Accounts
from hubtwin.web.start import desk_of
from hubtwin.wiring.stage_library import make_district_accounts
from hubtwin.wiring.works import Works, open_works
from tests.web.fake_desk import PASSWORD
from tests.web.served import Served, serving
from tests.wiring.test_applied import At, fill

CITY = {"zh": "市级平台", "en": "City platform"}
PURPOSE = "grassroots_service"
ASKED = {
    "key": "one",
    "purpose": PURPOSE,
    "legal_basis": "public_data_regulation",
    "days": 30,
    "grantee": "partner:city",
    "delivery": ["channel"],
    "items": [{"dataset": "communities", "columns": ["community_code"], "rows": {"everything": True}}],
}


class Hub:
    """A served hub with the district's cast and one partner that is reached over a folder."""

    def __init__(self, works: Works, served: Served, clock: At) -> None:
        self.works, self.served, self.clock = works, served, clock

    def ask(self, user: str, method: str, path: str, status: int = 200, **sent: Any) -> Any:
        with self.served.client(user) as client:
            answer = client.request(method, f"/api/v1/library{path}", **sent)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.headers["content-type"].startswith("application/json") else answer

    def give(self) -> str:
        """Let the steward apply for the partner; return the share."""
        (item,) = self.ask("du", "POST", "/baskets", json=ASKED)["items"]
        assert (item["state"], item["lane"]) == ("active", "automatic"), item
        return str(item["share_id"])

    def answer(self, batch_id: str, *fates: tuple[RowFate, str]) -> None:
        """Let the partner answer the rows of a sending, in their order."""
        assert self.works.batches is not None
        rows = self.works.batches.list_rows(batch_id)
        told = [RowAnswer(row.key, row.revision, *fate) for row, fate in zip(rows, fates, strict=True)]
        assert self.works.batches.settle("city", batch_id, told) == len(fates)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    folder, clock = tmp_path / "out", At()
    settings = replace(
        load_settings("hangzhou-east", tmp_path),
        district="shangcheng",
        partners={
            "city": PartnerSettings(Partner("city", CITY, Level.CITY, Way.FILES), folder=folder),
            "shop": PartnerSettings(Partner("shop", CITY, Level.HUB, Way.PAGE)),
        },
    )
    with open_works(settings, clock=clock, real_clock=clock, clocks_min={}) as opened, ExitStack() as stack:
        access = opened.access
        weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        accounts = Accounts(access.database, access.audit, clock=access.clock, hasher=weak)
        works = replace(opened, access=replace(access, accounts=accounts))
        make_district_accounts(works, password=PASSWORD, lang="en")
        fill(works)
        yield Hub(works, stack.enter_context(serving(desk_of(works))), clock)


def test_a_share_of_a_partner_is_sent_refused_by_row_corrected_and_sent_again(hub: Hub) -> None:
    assert [one["id"] for one in hub.ask("du", "GET", "")["partners"]] == ["city"], "those that take batches"
    share_id = hub.give()
    (share,) = hub.ask("du", "GET", "/shares")["shares"]
    assert {"send", "sendings"} <= set(share["may"])
    assert hub.ask("du", "GET", f"/shares/{share_id}/sendings")["sendings"] == []
    sent = hub.ask("du", "POST", f"/shares/{share_id}/send")
    assert (sent["rows"], sent["held"], sent["unchanged"]) == (3, 0, 0)
    again = hub.ask("du", "POST", f"/shares/{share_id}/send")
    assert (again["batch_id"], again["unchanged"]) == (None, 3), "what it has does not go again"

    batch = sent["batch_id"]
    (one,) = hub.ask("du", "GET", f"/shares/{share_id}/sendings")["sendings"]
    assert (one["sent"], one["accepted"], one["messages"], one["arrived"]) == (3, 0, 2, 0)
    assert (one["may"], one["synthetic"]) == (["again"], False)
    hub.answer(batch, (RowFate.ACCEPTED, ""), (RowFate.ACCEPTED, ""), (RowFate.REFUSED, "unknown code"))
    (one,) = hub.ask("du", "GET", f"/shares/{share_id}/sendings")["sendings"]
    assert (one["accepted"], one["refused"], one["may"]) == (2, 1, ["errors", "again"])

    file = hub.ask("du", "GET", f"/sendings/{batch}/errors?form=csv")
    assert file.headers["x-hubtwin-rows"] == "1"
    rows = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))
    place = rows[0].index("community_code")
    assert "unknown code" in rows[2][rows[0].index("errors_en")]
    rows[2][place] = "330102003-1"
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    done = hub.ask("du", "POST", f"/sendings/{batch}/corrections?file=e.csv", content=out.getvalue().encode())
    assert (done["goes"], done["wrong"], done["unchanged"], done["problems"]) == (1, 0, 0, [])
    newest, oldest = hub.ask("du", "GET", f"/shares/{share_id}/sendings")["sendings"]
    assert (newest["corrects"], newest["sent"], oldest["superseded"]) == (batch, 1, 1)
    assert hub.ask("du", "POST", f"/sendings/{newest['batch_id']}/again") == {"rows": 1}
    kinds = {entry.kind for entry in hub.works.access.audit.list_entries(by="du")}
    assert {"LibraryAsked", "SendingErrorsRead", "SendingCorrected", "SentAgain"} <= kinds


def test_nothing_is_sent_for_another_agency_nor_once_the_share_has_ended(hub: Hub) -> None:
    share_id = hub.give()
    batch = hub.ask("du", "POST", f"/shares/{share_id}/send")["batch_id"]
    hub.ask("lin", "GET", f"/shares/{share_id}/sendings", 403)
    assert hub.ask("shen", "GET", "/shares")["shares"][0]["may"] == ["revoke"]
    for path in (f"/sendings/{batch}/corrections", f"/sendings/{batch}/corrections?file=e.exe"):
        hub.ask("du", "POST", path, 422, content=b"")
    assert hub.ask("du", "POST", f"/sendings/{batch}/corrections?file=e.csv", 422, content=b"a,b\n")["message"]
    hub.ask("du", "POST", "/sendings/persons-1/again", 404)
    hub.ask("shen", "POST", f"/shares/{share_id}/revoke")
    for method, path in (
        ("POST", f"/shares/{share_id}/send"),
        ("POST", f"/sendings/{batch}/again"),
        ("GET", f"/sendings/{batch}/errors"),
        ("POST", f"/sendings/{batch}/corrections?file=e.csv"),
    ):
        assert hub.ask("du", method, path, 403)["key"] == "wiring.share_ended"
    (one,) = hub.ask("du", "GET", f"/shares/{share_id}/sendings")["sendings"]
    assert one["may"] == [], "it is still shown"

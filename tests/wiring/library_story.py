"""What people do at the pages of a served library, each as a step that may be cut short and is then repeated.

A step has a number, so that it can be done many times over in one home. `act` raises `Killed` where the process died;
`repeat` does what a person does then: looks, and asks again for what was not acknowledged. `list_wrong` looks at what
became of it, from outside.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from hubtwin.channels.batch_wire import ROWS as ROW_MESSAGES
from hubtwin.channels.batch_wire import read_rows
from hubtwin.stores.sqlite import query
from tests.wiring.library_hub import Served, elderly, partner_messages, receive, rows_of, store_of

FORM = {"purpose": "elderly_care", "legal_basis": "public_data_regulation", "days": 30}
PEOPLE, BASKET = 600, ("meal_services", "residents", "elderly_persons")
ASKED = "SELECT count(*) AS n FROM meal_services"
PATIENCE_S = 60


class Step:
    """Something that is done at the pages. `points` are where the process is killed in it."""

    points: tuple[str, ...] = ()

    def before(self, hub: Served, number: int) -> None:
        """Prepare what nobody is killed in."""

    def act(self, hub: Served, number: int) -> None:
        """Do it for the first time."""
        raise NotImplementedError

    def repeat(self, hub: Served, number: int) -> None:
        """Do it again after a death."""
        self.act(hub, number)

    def list_wrong(self, hub: Served, number: int) -> list[str]:
        """Return what is not as it should be once it was done."""
        raise NotImplementedError


@dataclass
class LoadFile(Step):
    """A steward uploads a file and loads it."""

    points = (
        *("uploads.received:1", "stores.shelf_written:1", "stores.shelf_renamed:2"),
        *("stores.shelf_before_commit:2", "stores.shelf_after_commit:1", "library.load_told:1"),
    )
    uploaded: set[int] = field(default_factory=set)  # what was acknowledged

    def act(self, hub: Served, number: int) -> None:
        content = elderly(number * PEOPLE, PEOPLE).encode()  # as `load`, but that the upload is acknowledged
        sent = hub("du", "POST", "/library/uploads", params={"file": _file(number)}, content=content)
        self.uploaded.add(number)
        _load(hub, "elderly_persons", sent["upload_id"])

    def repeat(self, hub: Served, number: int) -> None:
        waiting = [one for one in hub("du", "GET", "/library/uploads")["uploads"] if one["file"] == _file(number)]
        loads = [one for one in hub("du", "GET", "/library/loads")["loads"] if one["file"] == _file(number)]
        if waiting:
            _load(hub, "elderly_persons", waiting[0]["upload_id"])
        elif not any(one["state"] == "ended" for one in loads):
            assert number not in self.uploaded, "a file that was taken in is gone"
            self.act(hub, number)

    def list_wrong(self, hub: Served, number: int) -> list[str]:
        lines = elderly(number * PEOPLE, PEOPLE).splitlines()[1:]
        good = Counter(line.partition(",")[0] for line in lines if ",perhaps," not in line)
        found = Counter(rows_of(hub.folder, "elderly_persons", "citizen_id"))
        loads = [one for one in hub("du", "GET", "/library/loads")["loads"] if one["file"] == _file(number)]
        told = [(one["state"], one["rows"], one["quarantined"]) for one in loads]
        wrong = [] if told == [("ended", good.total(), PEOPLE - good.total())] else [f"load {number}: {told}"]
        if {number: found[number] for number in good} != good:
            wrong.append(f"load {number}: {sum(found[one] for one in good)} rows of {good.total()}")
        if any(one["file"] == _file(number) for one in hub("du", "GET", "/library/uploads")["uploads"]):
            wrong.append(f"load {number}: its file still waits")
        return wrong


class Govern(Step):
    """A steward colours what was loaded before."""

    points = (
        *("stores.colour_scanned:1", "stores.quality_coloured:1"),
        *("stores.quality_before_commit:1", "stores.quality_after_commit:1"),
    )

    def before(self, hub: Served, number: int) -> None:
        LoadFile().act(hub, number)

    def act(self, hub: Served, number: int) -> None:
        colour(hub, "elderly_persons")

    def list_wrong(self, hub: Served, number: int) -> list[str]:
        shown = hub("du", "GET", "/library/quality/elderly_persons")["standing"]
        rows = len(rows_of(hub.folder, "elderly_persons", "row_no"))
        return [] if shown["rows"] == rows else [f"{shown['rows']} rows are governed of {rows}"]


class Authorise(Step):
    """A street applies for several datasets in one basket; the authority turns the key."""

    points = (
        *("stores.basket_before_commit:1", "stores.basket_after_commit:1"),
        *("stores.basket_before_commit:3", "stores.basket_after_commit:3"),
    )

    def act(self, hub: Served, number: int) -> None:
        items = [{"dataset": name, "columns": _columns(name)} for name in BASKET]
        made = hub("lin", "POST", "/library/baskets", json={**FORM, "key": f"basket {number}", "items": items})
        hub("shen", "POST", f"/library/baskets/{made['basket_id']}/authorise")

    def list_wrong(self, hub: Served, number: int) -> list[str]:
        access = store_of(hub.folder) / "access.sqlite"
        rows = query(access, f"SELECT basket_id FROM baskets WHERE key = 'basket {number}'")
        if len(rows) != 1:
            return [f"basket {number} is there {len(rows)} times"]
        items = hub("lin", "GET", f"/library/baskets/{rows[0][0]}")["items"]
        wrong = [f"basket {number}: {one['dataset']} is {one['state']}" for one in items if one["state"] != "active"]
        sql = f"SELECT dataset FROM library_shares WHERE basket_id = '{rows[0][0]}'"
        shares = Counter(str(name) for (name,) in query(access, sql))
        return wrong + ([] if shares == Counter(BASKET) else [f"basket {number}: shares {dict(shares)}"])


@dataclass
class Ask(Step):
    """A street asks under its share."""

    points = ("library.answer_read:1", "library.answer_told:1")
    answered: int = 0
    tried: int = 0

    def before(self, hub: Served, number: int) -> None:
        items = [{"dataset": "meal_services", "columns": _columns("meal_services")}]
        hub("lin", "POST", "/library/baskets", json={**FORM, "key": "to ask", "items": items})

    def act(self, hub: Served, number: int) -> None:
        self.tried += 1
        answer = hub("lin", "POST", "/library/ask", json={"sql": ASKED, "purpose": FORM["purpose"]})
        assert int(answer["rows"][0][0]) > 0, answer
        self.answered += 1

    def list_wrong(self, hub: Served, number: int) -> list[str]:
        sql = "SELECT count(*) FROM audit WHERE instr(entry, 'LibraryAsked') AND instr(entry, '\"lin\"')"
        ((told,),) = query(store_of(hub.folder) / "access.sqlite", sql)
        fits = self.answered <= int(str(told)) <= self.tried
        return [] if fits else [f"{self.answered} answers of {self.tried} questions, {told} in the audit"]


@dataclass
class Send(Step):
    """What a partner was given leaves through its channel; the partner picks it up and signs for it."""

    points = (
        *("batches.made:1", "batches.begun:1", "wire.before_staged:1", "wire.staged:1", "batches.marked:1"),
        *("wire.file_written:1", "wire.put:1", "wire.settled:1"),
    )
    share_id: str = ""

    def before(self, hub: Served, number: int) -> None:
        if not self.share_id:
            items = [{"dataset": "meal_services", "columns": _columns("meal_services"), "rows": {"everything": True}}]
            asked = {**FORM, "key": "to send", "grantee": "partner:city", "delivery": ["channel"], "items": items}
            hub("du", "POST", "/library/baskets", json=asked)
            shares = hub("du", "GET", "/library/shares", params={"dataset": "meal_services"})["shares"]
            (self.share_id,) = [one["share_id"] for one in shares if one["grantee"] == "partner:city"]
        load(hub, "meal_services", f"meals {number}.csv", _meals(number))
        colour(hub, "meal_services")

    def act(self, hub: Served, number: int) -> None:
        hub("du", "POST", f"/library/shares/{self.share_id}/send")
        _until(lambda: self._has_all(hub))

    def list_wrong(self, hub: Served, number: int) -> list[str]:
        wrong = [f"message {name} was applied {n} times" for name, n in receive(hub.folder).items() if n > 1]
        rows = Counter((row.key, row.revision) for row in self._rows(hub))
        wrong += [f"row {key} came {count} times" for key, count in rows.items() if count > 1]
        held = len(rows_of(hub.folder, "meal_services", "row_no"))
        return wrong + ([] if len(rows) == held else [f"{len(rows)} rows came of {held}"])

    def _has_all(self, hub: Served) -> bool:
        hub("du", "GET", "/me")  # raises where it has died
        receive(hub.folder)
        came = len({row.key for row in self._rows(hub)})
        sql = "SELECT count(*) FROM outgoing WHERE state NOT IN ('arrived')"
        ((waiting,),) = query(store_of(hub.folder) / "wire.sqlite", sql)
        return came == len(rows_of(hub.folder, "meal_services", "row_no")) and not waiting

    def _rows(self, hub: Served) -> list[Any]:
        found = [one for one in partner_messages(hub.folder) if one.type == ROW_MESSAGES]
        return [row for one in found for row in read_rows(one)]


def load(hub: Served, dataset: str, file: str, content: str) -> None:
    """Upload a file and load it."""
    sent = hub("du", "POST", "/library/uploads", params={"file": file}, content=content.encode())
    _load(hub, dataset, sent["upload_id"])


def _load(hub: Served, dataset: str, upload_id: str) -> None:
    asked = {"upload_id": upload_id, "dataset": dataset, "synthetic": True}
    load_id = hub("du", "POST", "/library/loads", json=asked)["load_id"]
    _until(lambda: hub("du", "GET", f"/library/loads/{load_id}")["state"] != "running")
    _until(lambda: upload_id not in {one["upload_id"] for one in hub("du", "GET", "/library/uploads")["uploads"]})


def colour(hub: Served, dataset: str) -> None:
    """Colour a dataset through its route; wait where the hub does so by itself at this moment."""

    def done() -> bool:
        answer: httpx.Response = hub.ask("du", "POST", f"/library/quality/{dataset}/run")
        assert answer.status_code in {200, 409, 503}, answer.text
        return answer.status_code == 200

    _until(done)


def _until(true: Callable[[], bool]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end_s, "it does not come to an end"
        time.sleep(0.05)


def _file(number: int) -> str:
    return f"elderly {number}.csv"


def _columns(dataset: str) -> list[str]:
    return {
        "meal_services": ["canteen_no", "day", "meals", "street_code"],
        "residents": ["person_name", "street_code"],
        "elderly_persons": ["person_name", "street_code"],
    }[dataset]


def _meals(number: int) -> str:
    lines = [f"C{number:04d}{n:04d},2026-11-20,{n},0,330102001,2026-11-20 09:00" for n in range(50)]
    return "\n".join(["canteen_no,day,meals,of_them_delivered,street_code,confirmed_min", *lines]) + "\n"


STEPS: tuple[type[Step], ...] = (LoadFile, Govern, Authorise, Ask, Send)

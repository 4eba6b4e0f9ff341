"""A batch to the province: 10,000 persons with doubles and errors, from facts to the last answer, in two processes.

Run: python -m benchmarks.batches [runs]

The hub checks rows against the template, seals and stores them, signs and sends them over loopback HTTP; the simulated
platform in a process of its own verifies, stores, checks every row again by the same template, and answers each; the
hub takes the answers. Every transaction of either side is forced to the disk. Persons are made; their numbers begin
with 99. Beside it, in the same run: the rows as pydantic models, and one request a person.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, StringConstraints, ValidationError

from benchmarks.common import ROOT, machine_header
from hubtwin.base.clock import from_epoch_minute
from hubtwin.channels.receive import Reception
from hubtwin.channels.send import Parcel
from hubtwin.channels.simulator import Partner
from hubtwin.model.event import Message
from hubtwin.model.message import Peer
from hubtwin.model.record import Marks, Provenance
from hubtwin.rules.batching import RowState
from hubtwin.rules.cells import render
from hubtwin.rules.documents import citizen_check, citizen_fault, is_phone
from hubtwin.scenes.epidemic.disclosures import DISCLOSURES
from hubtwin.sim.province import Province
from hubtwin.stores.batch_keys import VaultKeys
from hubtwin.stores.batches import BatchBooks
from hubtwin.stores.signing import Signer
from hubtwin.stores.vault import Vault
from hubtwin.wiring.batches import Batching, Period, load_templates
from hubtwin.wiring.partners import Partners, make_sender, open_partners, webhook_line

HUB, PROVINCE, AT_MIN = "bench-hub", "bench-province", 27_770_460
NOW, ZONE = from_epoch_minute(AT_MIN), ZoneInfo("Asia/Shanghai")
MADE = Marks(provenance=Provenance.SYNTHETIC)
TEMPLATES = load_templates(ROOT / "data/templates/province", DISCLOSURES.profiles)
TEMPLATE = TEMPLATES.get("persons", 1)
PERSONS, DOUBLED, WRONG, ONE_BY_ONE = 10_000, 500, 300, 200


def persons() -> list[dict[str, Any]]:
    """Return the facts of the made persons; each twentieth comes twice, three in a hundred are wrong in some way."""
    told = [_person(number) for number in range(PERSONS)]
    for number in range(0, PERSONS, PERSONS // WRONG):
        if sum(_is_wrong(one) for one in told[:number]) < WRONG:
            identity = told[number]["identity"]
            wrong = ({"id_no": identity["id_no"][:-1] + "?"}, {"phone": "123"}, {"name": ""})[number % 3]
            identity.update(wrong)
    return told + [told[number] for number in range(7, PERSONS, PERSONS // DOUBLED)][:DOUBLED]


def serve(directory: Path, hub_key: str, back_url: str) -> None:
    """Be the platform until the other side closes our input; then tell how many persons it has."""
    far, peer = open_partners(directory, PROVINCE, AT_MIN), Peer(HUB, (hub_key,))
    back = make_sender(far, {HUB: webhook_line(peer, back_url, PROVINCE)}, lambda message: ())
    province, reception = Province(far.wire, back, HUB, TEMPLATES.known), Reception(PROVINCE, {HUB: peer}, ZONE)
    serving = Partner(lambda told: far.take(told, reception, NOW))
    sys.stdout.write(f"{serving.serve()}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        if line.strip() != "go":
            break
        while not province.follow():
            time.sleep(0.005)
        back.pump(NOW)
    serving.close()
    sys.stdout.write(f"{len(province.persons)} {time.process_time():.2f}\n")


@contextmanager
def platform(folder: Path, hub: Partners, back_url: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Give the process of the platform, its address and its key."""
    command = [sys.executable, "-m", "benchmarks.batches", "platform", str(folder), hub.signing.public_hex, back_url]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        yield other, other.stdout.readline().strip(), Signer(folder).public_hex


def run(folder: Path, told: list[dict[str, Any]]) -> dict[str, float]:
    """Report the persons once; return seconds by part."""
    hub = open_partners(folder / "hub", HUB, AT_MIN)
    vault = Vault(folder / "hub", clock=lambda: NOW, record=lambda kind, payload: None)
    books = BatchBooks(folder / "hub", VaultKeys(vault), AT_MIN)
    receptions = dict[str, Reception]()
    door = Partner(lambda delivery: hub.take(delivery, receptions["here"], NOW))
    far = folder / "far"
    Signer(far)
    with closing(hub.wire), closing(vault), closing(books), platform(far, hub, door.serve()) as (other, url, key):
        peer = Peer(PROVINCE, (key,))
        receptions["here"] = Reception(HUB, {PROVINCE: peer}, ZONE)
        send = make_sender(hub, {PROVINCE: webhook_line(peer, url, HUB)}, lambda message: ())
        batching = Batching(books, hub.wire, TEMPLATES, PROVINCE, ZONE, send)
        assert other.stdin
        assert other.stdout
        marks = [time.perf_counter()]
        batched = batching.check(told, TEMPLATE)
        marks.append(time.perf_counter())
        used_s = time.process_time()
        made = batching.make(told, TEMPLATE, Period(AT_MIN - 1440, AT_MIN), NOW, MADE)
        marks.append(time.perf_counter())
        assert made.head
        batching.stage(made.head.batch_id)
        marks.append(time.perf_counter())
        other.stdin.write("go\n")
        other.stdin.flush()
        send.pump(NOW)
        marks.append(time.perf_counter())
        answered = 0
        while answered < PERSONS - WRONG:
            time.sleep(0.005)
            answered += batching.follow()
        marks.append(time.perf_counter())
        used_s = time.process_time() - used_s
        counts = books.count(made.head.batch_id)
        other.stdin.close()
        persons_there, cpu_s = other.stdout.readline().split()
        assert int(persons_there) == counts[RowState.ACCEPTED] == PERSONS - WRONG, (persons_there, counts)
        assert counts[RowState.HELD] == WRONG
        assert sum(batched.counts.values()) == len(told)
    door.close()
    check_s, make_s, stage_s, wire_s, answer_s = (after - before for before, after in pairwise(marks))
    total_s = marks[-1] - marks[1]  # `make` checks again; the check alone is timed beside it
    return {
        "check rows": check_s,
        "check, seal and store": make_s,
        "sign and enter in the books of the wire": stage_s,
        "hand over, with receipts": wire_s,
        "answers of all rows, taken": answer_s,
        "in all, from facts to the last answer": total_s,
        "CPU of the hub for it": used_s,
        "CPU of the platform, its start included": float(cpu_s),
    }


def _citizen(number: str) -> str:
    if citizen_fault(number):
        raise ValueError("citizen number")
    return number


def _phone(number: str) -> str:
    if not is_phone(number):
        raise ValueError("telephone")
    return number


def _at(text: str) -> str:
    datetime.strptime(text, "%Y-%m-%d %H:%M")  # noqa: DTZ007
    return text


At = Annotated[str, AfterValidator(_at)]
Area = Annotated[str, StringConstraints(pattern=r"^\d{9}$")]
Day = Annotated[str, StringConstraints(pattern=r"^(\d{8})?$")]


class Row(BaseModel):
    """The same row as a pydantic model: kinds, lengths and numbers, without the conditions between columns."""

    case_ref: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    name: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    id_type: Annotated[str, StringConstraints(pattern=r"^0[123]$|^99$")]
    id_no: Annotated[str, AfterValidator(_citizen)]
    phone: Annotated[str, AfterValidator(_phone)]
    destination_code: Area
    destination: Annotated[str, StringConstraints(max_length=200)]
    train: Annotated[str, StringConstraints(pattern=r"^[A-Z]?[0-9]{1,5}$")]
    arrived_at: At
    exposure_area: Area
    exposure_level: Annotated[str, StringConstraints(pattern=r"^[123]$")]
    exposed_from: Day
    exposed_until: Day
    test_kind: str
    test_result: str
    sampled_at: str
    outcome: str
    verified_at: At


def by_pydantic(told: list[dict[str, Any]]) -> tuple[float, float, int]:
    """Return seconds to render cells, seconds to validate them as models, and how many are wrong."""
    began, names = time.perf_counter(), [column.key for column in TEMPLATE.columns]
    rows = [dict(zip(names, render(TEMPLATE, one, ZONE), strict=True)) for one in told]
    rendered, wrong = time.perf_counter(), 0
    for row in rows:
        try:
            Row.model_validate(row)
        except ValidationError:
            wrong += 1
    return rendered - began, time.perf_counter() - rendered, wrong


def one_by_one(folder: Path, told: list[dict[str, Any]]) -> float:
    """Return seconds a person where each is a message and a request of its own, signed and stored on both sides."""
    hub = open_partners(folder / "hub", HUB, AT_MIN)
    Signer(folder / "far")
    with closing(hub.wire), platform(folder / "far", hub, "http://127.0.0.1:9/none") as (other, url, key):
        send = make_sender(hub, {PROVINCE: webhook_line(Peer(PROVINCE, (key,)), url, HUB)}, lambda message: ())
        began = time.perf_counter()
        for number, one in enumerate(told[:ONE_BY_ONE]):
            cells = render(TEMPLATE, one, ZONE)
            parcel = Parcel(PROVINCE, "hubtwin.person", f"p{number}", TEMPLATE.schema, {"cells": cells}, MADE)
            send.stage([(Message(f"m{number}", "batches", {}, AT_MIN), parcel)])
            send.pump(NOW)
        took = time.perf_counter() - began
        assert hub.wire.count_outgoing(PROVINCE) == {"arrived": ONE_BY_ONE}
        assert other.stdin
        other.stdin.close()
        other.wait()
    return took / ONE_BY_ONE


def empty_loop() -> float:
    """Return CPU seconds of 10 million steps of nothing; about 0.3 on a core of today with nothing else to do."""
    began = time.process_time()
    for _ in range(10_000_000):
        pass
    return time.process_time() - began


def main(runs: int) -> None:
    """Run both sides so many times and print the figures."""
    print(machine_header(["cryptography", "httpx", "orjson", "pydantic"]))
    told, parts = persons(), list[dict[str, float]]()
    print(f"an empty loop of 10 million steps takes {empty_loop():.2f} s of CPU: how slow the machine is just now")
    print(f"{len(told):,} rows: {PERSONS:,} persons, {DOUBLED} of them twice, {WRONG} wrong")
    for _ in range(runs):
        with tempfile.TemporaryDirectory(dir=ROOT / "benchmarks") as folder:
            parts.append(run(Path(folder), told))
    for name in parts[0]:
        times = [each[name] for each in parts]
        print(f"  {name}: median {statistics.median(times):.2f} s (from {min(times):.2f} to {max(times):.2f})")
    render_s, model_s, wrong = by_pydantic(told)
    print(
        f"pydantic: cells {render_s:.2f} s, models {model_s:.2f} s; finds {wrong} rows wrong, stores and sends nothing"
    )
    with tempfile.TemporaryDirectory(dir=ROOT / "benchmarks") as folder:
        each_s = one_by_one(Path(folder), told)
    print(f"one request a person: {each_s * 1000:.1f} ms each over {ONE_BY_ONE}: {each_s * PERSONS:.0f} s for all")


def _person(number: int) -> dict[str, Any]:
    body = f"99{number // 1000:04d}19900101{number % 1000:03d}"
    arrived = AT_MIN - number % 900 - 20
    return {
        "case": f"c-{number:08x}",
        "identity": {
            "name": f"合成旅客{number}",
            "id_type": "citizen",
            "id_no": body + citizen_check(body),
            "phone": f"138{number:08d}",
        },
        "place": {
            "destination_code": f"33010{number % 9 + 1}",
            "destination": f"合成路 {number} 号",
            "train": f"G{number % 900 + 1}",
            "arrived_min": arrived,
        },
        "exposure": {
            "area_code": f"31010{number % 9 + 1}",
            "level": ("high", "medium", "low")[number % 3],
            "kind": "stay",
            "from_min": arrived - 9_000 - number % 700,
            "until_min": arrived - 2_000,
        },
        "tests": [{"kind": "antigen", "result": "negative", "sampled_min": arrived + 9}],
        "outcome": "released",
        "verified": {"at_min": arrived + 15},
    }


def _is_wrong(one: dict[str, Any]) -> bool:
    identity = one["identity"]
    return "?" in identity["id_no"] or identity["phone"] == "123" or not identity["name"]


if __name__ == "__main__":
    if sys.argv[1:2] == ["platform"]:
        serve(Path(sys.argv[2]), sys.argv[3], sys.argv[4])
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 5)

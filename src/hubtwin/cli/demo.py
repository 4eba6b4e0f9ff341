"""The demonstration: the list of a morning, then the whole hub on a page, with a simulated day on the real path."""

import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import click

from hubtwin.base.clock import PacedClock, epoch_minute, local, service_start, system_clock
from hubtwin.base.errors import Malformed
from hubtwin.base.text import text
from hubtwin.cli.alone import LOCK, alone
from hubtwin.cli.desk import DayType, Desk, first_use
from hubtwin.cli.serve import run_server, take_port
from hubtwin.cli.warn import print_list
from hubtwin.model.record import Status
from hubtwin.settings import Settings
from hubtwin.wiring import Ask, load, open_store, simulate_day, simulate_into, warn

DEFAULT_DATE = date(2022, 10, 20)  # a Thursday with 213 counties at risk in the shipped data
REPLAY_HOME = "replay"  # below the home; begun anew with every demonstration
OFFICES_HOME = "offices"  # beside it: books and keys of simulated partners
RAILWAY_HOME = "railway"  # beside it: the manifests, and the matcher's own home
PROGRAM = "from hubtwin.cli import main; main()"
BASIS = {
    "zh": "演示：《传染病防治法》、第九版防控方案",
    "en": "Demonstration: Law on the Prevention of Infectious Diseases, 9th plan",
}
PARTS = ("matcher", "offices", "panorama", "library")  # what the demonstration shows and a test may do without
LEFT = 7  # the simulated staff leaves one case in so many to whoever sits at the page


@dataclass(frozen=True)
class Stage:
    """A replay ready to run: the desk of its pages, its service, and the clock that everybody sees."""

    core: Any
    running: Any
    clock: PacedClock
    password: str
    offices: Any
    faults: Any


@click.command("demo")
@click.option("--date", "day", type=DayType(), default=DEFAULT_DATE)
@click.option("--at", default="09:00", show_default=True, metavar="HH:MM")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True)
@click.option("--list-only", is_flag=True)
@click.option("--speed", type=click.FloatRange(0, 3600), default=30.0, show_default=True, metavar="X")
@click.option("--port", type=click.IntRange(0, 65535), default=8710, show_default=True)
@click.option("--no-crew", is_flag=True)
@click.option("--no-event", is_flag=True)
@click.option("--arrivals", type=click.IntRange(1, 1_000_000), default=None)
@click.option("--silence", multiple=True, metavar="SOURCE[@HH:MM]")
@click.option("--crowd", multiple=True, metavar="ZONE=PEOPLE[@HH:MM]")
@click.option("--broken", multiple=True, metavar="DEVICE[@HH:MM]")
@click.pass_obj
def demo(desk: Desk, /, *, day: date, at: str, **told: Any) -> None:
    """Prepare everything that is missing, print the list, then replay the day and serve its page."""
    if desk.settings.status is not Status.ACTUAL:
        raise Malformed("cli.demo_no_exercise")
    start = desk.local_moment(day, at)
    if told["list_only"]:
        _print_only(desk, day, start, told["limit"])
        return
    with (
        closing(take_port("127.0.0.1", told["port"])) as sock,
        stage(desk, day, start, {**dict.fromkeys(PARTS, True), **told}) as ready,
    ):
        ready.running.service.step(start)
        if told["no_event"]:
            desk.say("cli.demo_no_event")
        else:
            print_list(desk, ready.running.works.latest(), "table", told["limit"])
        _tell_how(desk, ready, told["speed"])
        ready.clock.run(told["speed"])
        ready.running.start()
        ready.offices.reach(f"http://127.0.0.1:{sock.getsockname()[1]}")
        try:
            run_server(desk, ready.core, "127.0.0.1", sock)
        finally:
            ready.running.stop()


@contextmanager
def stage(desk: Desk, day: date, start: datetime, told: dict[str, Any]) -> Iterator[Stage]:
    """Set a replay up in a home of its own; its clock stands at `start`. With `matcher` the hits come from a matcher in
    a process of its own, beside manifests that the hub never sees; else they are simulated, which needs no process.
    With `offices` simulated partners answer; partners of hub.toml are told nothing of a simulated day. With `panorama`
    the hub itself is simulated too: people on their way, lines, teams, devices, weather; `Stage.faults` are switches.
    With `library` the registers of the district are filled meanwhile, and its people are let in.
    """
    settings = replace(desk.settings, home=desk.settings.home / REPLAY_HOME)
    faults = _read_faults(desk, day, told)
    with ExitStack() as stack:
        stack.enter_context(alone(settings.home.with_suffix(".lock"), "cli.demo_runs"))
        with alone(settings.home / LOCK, "cli.serve_runs"):
            shutil.rmtree(settings.home, ignore_errors=True)
        stack.enter_context(alone(settings.home / LOCK, "cli.serve_runs"))
        made = _make_day(desk, settings, day, told["arrivals"] or settings.sim_arrivals)
        gates = load("hubtwin.sim.screening:simulate_gates")(made, settings.hub.exits)
        clock = PacedClock(start, 0.0, system_clock, load("hubtwin.wiring.replay:end_of")(made))
        offices = _open_offices(stack, desk, settings, clock) if told.get("offices") else None
        settings = replace(settings, partners={} if offices is None else offices.partners)
        opened = load("hubtwin.web.start:open_desk")
        core = stack.enter_context(opened(settings, clock=clock, real_clock=system_clock, mode="replay"))
        password = "-".join((secrets.token_hex(3), secrets.token_hex(3)))
        rail = _open_railway(stack, desk, core.works, made) if told.get("matcher") else None
        with_more = {**told, "offices": offices, "faults": faults}
        running = _make_running(stack, core.works, (made, gates), rail, with_more)
        _cast(core.works, desk.lang, password, event=not told["no_event"])
        if told.get("library"):
            _cast_district(stack, core.works, desk.lang, password)
        if rail is not None:
            rail.serve(load("hubtwin.wiring.matchers:hub_side")(core.works))
        peers = (lambda: ()) if rail is None else rail.peers
        works = stack.enter_context(load("hubtwin.wiring.matchers:asking")(running.works, peers))
        seen = load("hubtwin.web.start:desk_of")(works)
        yield Stage(seen, running, clock, password, offices, faults)


def _read_faults(desk: Desk, day: date, told: dict[str, Any]) -> Any:
    """Return the faults of the simulated hub that the options ask for. Raises Malformed."""
    asked = (told.get(name, ()) for name in ("silence", "crowd", "broken"))
    read, sources = load("hubtwin.sim.flows.faults:read_faults"), load("hubtwin.sim.flows.tell:SOURCES")
    return read(*asked, day_start_min=epoch_minute(service_start(day, desk.settings.hub.zone)), sources=sources)


def _make_day(desk: Desk, settings: Settings, day: date, arrivals: int) -> Any:
    with desk.store() as store:
        first_use(desk, store)
        desk.say("cli.step_simulate")
        with open_store(settings, system_clock) as fresh:
            load("hubtwin.wiring.replay:copy_feeds")(store, fresh)
        return simulate_day(desk.settings, store, day, settings.sim_seed, arrivals)


def _open_offices(stack: ExitStack, desk: Desk, settings: Settings, clock: PacedClock) -> Any:
    """Return the simulated partners; they end with the stack."""
    folder = desk.settings.home / OFFICES_HOME
    return stack.enter_context(load("hubtwin.wiring.offices:Offices")(folder, settings, clock))


def _open_railway(stack: ExitStack, desk: Desk, works: Any, made: Any) -> Any:
    """Return the railway of the day with its matcher on the way up; it ends with the stack."""
    module, ensure = "hubtwin.wiring.railway", load("hubtwin.web.certificate:ensure_certificate")
    folder, host = desk.settings.home / RAILWAY_HOME, load(f"{module}:HOST")
    ours, theirs = (
        load("hubtwin.connectors.common.tls:ClientCert")(*ensure(place, host, system_clock())[:2])
        for place in (works.settings.home / "client", folder.with_suffix(".tls"))
    )
    program = (sys.executable, "-c", PROGRAM, "--hub", str(desk.settings.hub_file), "--lang", desk.lang)
    hub_key = load("hubtwin.stores.signing:Signer")(works.store.directory).public_hex
    post = load(f"{module}:Post")(folder, program, hub_key, ours, theirs, load(f"{module}:take_free_port")())
    return stack.enter_context(load(f"{module}:Railway")(post, made, works.clock))


def _make_running(stack: ExitStack, works: Any, simulated: tuple[Any, Any], rail: Any, told: dict[str, Any]) -> Any:
    """Return the hub with its simulated partners before each step and its simulated staff after it."""
    made, gates = simulated
    pid_of = load("hubtwin.wiring.replay:pid_maker")(works.access.vault)
    partners = load("hubtwin.wiring.replay:Partners")(
        *(works.settings, made, gates, pid_of, epoch_minute(works.clock())),
        mqtt=told.get("mqtt", True),
        hits=rail is None,
    )
    stack.enter_context(partners)
    partners.subscribe()
    sensed = _make_hub(stack, works, simulated, partners, told["faults"]) if told.get("panorama") else None
    staff: list[Any] = []
    transports = {**partners.transports, **({} if rail is None else {"matcher": rail.transport()})}
    running = load("hubtwin.wiring.running:make_running")(
        *(works, transports if sensed is None else {**transports, **sensed.transports}),
        rung="counts",
        before=(
            partners.give,
            *(() if sensed is None else (sensed.give,)),
            *(() if told["offices"] is None else (told["offices"].step,)),
        ),
        after=(lambda now: [act(now) for act in staff],),
    )
    if not told["no_crew"]:
        crew = load("hubtwin.wiring.replay:make_crew")(running, made, gates, pid_of, every=told.get("leave", LEFT))
        staff.append(lambda now: partners.laboratory.take(crew.act(epoch_minute(now))))
    return running


def _make_hub(stack: ExitStack, works: Any, simulated: tuple[Any, Any], partners: Any, faults: Any) -> Any:
    """Return the simulated hub that the panorama shows; its people are walked while the rest starts."""
    module = "hubtwin.wiring.simulated_hub"
    orders = load(f"{module}:orders_of")(works.ledger)
    made = load(f"{module}:SimulatedHub")(works.settings, *simulated, partners.broker, faults=faults, orders=orders)
    stack.enter_context(made)
    made.subscribe()
    return made


def _cast(works: Any, lang: str, password: str, *, event: bool) -> None:
    module = "hubtwin.wiring.stage"
    scene = load("hubtwin.scenes.epidemic.scene:SCENE")
    people = {p.user_id: p for p in load(f"{module}:make_accounts")(works, scene.name, password=password, lang=lang)}
    read = load("hubtwin.wiring.running:list_read")(scene)
    load(f"{module}:grant_scene")(works, scene.name, read, issued_by="zhou", approved_by="wu", lang=lang)
    known = [name for name in load("hubtwin.wiring.offices:KNOW_PERSONS") if name in works.settings.partners]
    load(f"{module}:grant_partners")(works, scene.name, known, issued_by="zhou", approved_by="wu", lang=lang)
    if event:
        load(f"{module}:declare")(works, scene.name, scene.params["disease"], BASIS[lang], people["wang"])


def _cast_district(stack: ExitStack, works: Any, lang: str, password: str) -> None:
    """Let the people of the district in. Their registers are filled while the day runs; then they apply and sign."""
    module, applying = "hubtwin.wiring.stage_library", load("hubtwin.wiring.applied:applying_of")(works)
    people = load(f"{module}:make_district_accounts")(works, password=password, lang=lang)

    def then() -> None:
        load(f"{module}:sign_shipped")(works, applying, people)
        load(f"{module}:apply_first")(applying, people)

    stack.enter_context(load("hubtwin.wiring.stage_registers:Filling")(works, then))


def _tell_how(desk: Desk, ready: Stage, speed: float) -> None:
    """Print who may sign in, and what is replayed."""
    zone = desk.settings.hub.zone
    desk.out.print(text("cli.demo_people", desk.lang, password=ready.password), style="bold")
    district = load("hubtwin.wiring.stage_library:DISTRICT_CAST") if desk.settings.district else ()
    for part in (*load("hubtwin.wiring.stage:CAST"), *district):
        role = text(f"cli.role_{part.role.value}", desk.lang)
        desk.out.print(f"  {part.user:<7} {part.zh if desk.lang == 'zh' else part.en:<14} {role}")
    moment = f"{local(ready.clock(), zone):%Y-%m-%d %H:%M}"
    desk.out.print(text("cli.demo_replay", desk.lang, moment=moment, speed=f"{speed:g}"))


def _print_only(desk: Desk, day: date, now: datetime, limit: int) -> None:
    with desk.store() as store:
        first_use(desk, store)
        with desk.progress() as begin:
            simulate_into(desk.settings, store, day, begin)
        found = warn(desk.settings, store, Ask(now, horizon_min=180, rung="counts"))
    print_list(desk, found, "table", limit)
    desk.say("cli.demo_next", day=day.isoformat())

"""A hub with the district's library for a browser: its cast, a duty commander, a security officer, an auditor, and a
partner that is reached over a folder."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from playwright.sync_api import Page

from hubtwin.model.agency import Agency, AgencyKind, Person, Role
from hubtwin.model.partner import Level, Partner, Way
from hubtwin.settings import find_data_dir, load_settings
from hubtwin.settings.partners import PartnerSettings
from hubtwin.stores.accounts import Accounts
from hubtwin.web.edge import Options
from hubtwin.web.start import desk_of, find_ui
from hubtwin.wiring.applied import applying_of
from hubtwin.wiring.stage_library import make_district_accounts, sign_shipped
from hubtwin.wiring.works import Works, open_works
from tests.browser.hands import SIZES, Hands
from tests.browser.looking import find_barriers, find_keys
from tests.web.fake_desk import PASSWORD
from tests.web.served import Served, serving
from tests.wiring.test_applied import At, fill

CITY = {"zh": "市级数据平台", "en": "City data platform"}
MORE = (
    ("wang", "王指挥", "command", AgencyKind.COMMAND, Role.DUTY_COMMANDER),
    ("wu", "吴安全", "data", AgencyKind.DATA, Role.SECURITY_OFFICER),
    ("feng", "冯审计", "audit", AgencyKind.AUDIT, Role.AUDITOR),
    ("zheng", "郑专员", "data", AgencyKind.DATA, Role.DATA_STEWARD),
)


@dataclass(frozen=True)
class LibraryHub:
    """Where it is served, what is behind it, and its clock."""

    served: Served
    works: Works
    clock: At


@contextmanager
def library_hub(home: Path) -> Iterator[LibraryHub]:
    """Open and serve the hub; it lives in a thread of its own, because the driver of the browser keeps a loop here."""
    ui = find_ui(find_data_dir())
    assert ui is not None, "the pages are not built: make ui"
    with ThreadPoolExecutor(1) as thread, ExitStack() as stack:
        works, clock = thread.submit(lambda: _opened(home, stack)).result()
        with serving(desk_of(works), Options(ui=ui)) as running:
            yield LibraryHub(running, works, clock)
        thread.submit(stack.close).result()


def _opened(home: Path, stack: ExitStack) -> tuple[Works, At]:
    clock = At()
    city = PartnerSettings(Partner("city", CITY, Level.CITY, Way.FILES), folder=home / "out")
    settings = replace(load_settings("hangzhou-east", home), district="shangcheng", partners={"city": city})
    hub = stack.enter_context(open_works(settings, clock=clock, real_clock=clock, clocks_min={}))
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    access = hub.access
    accounts = Accounts(access.database, access.audit, clock=access.clock, hasher=weak)
    works = replace(hub, access=replace(access, accounts=accounts))
    people = make_district_accounts(works, password=PASSWORD, lang="zh")
    known = {agency.agency_id for agency in accounts.list_agencies()}
    for user, name, agency, kind, role in MORE:
        if agency not in known:
            accounts.add_agency(Agency(agency, kind, agency, agency))
            known.add(agency)
        scenes = frozenset({"epidemic"})
        accounts.create(Person(user, name, agency, kind, frozenset({role}), scenes), PASSWORD, by="setup")
    sign_shipped(works, applying_of(works), people)
    fill(works)
    return works, clock


def check(page: Page) -> None:
    """Nothing on a page is untranslated, closed to anybody or wider than the window."""
    assert not find_keys(page), f"an untranslated key: {find_keys(page)}"
    assert not find_barriers(page), find_barriers(page)
    assert page.evaluate("document.querySelector('.page').scrollWidth <= document.querySelector('.page').clientWidth")


def look_everywhere(hands: Hands, name: str, shots: Any) -> None:
    """Check a page on a desk and on a phone, in the light and in the dark, and take its pictures."""
    page = hands.page
    for size in ("phone", "desk"):
        page.set_viewport_size({"width": SIZES[size][0], "height": SIZES[size][1]})
        for theme in ("dark", "light"):
            page.evaluate("theme => (document.documentElement.dataset.theme = theme)", theme)
            page.wait_for_timeout(150)  # colours fade in
            check(page)
            shots(page, f"{name}-{hands.lang}-{size}-{theme}")

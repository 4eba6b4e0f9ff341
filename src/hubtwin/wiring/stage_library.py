"""What a replay needs before the library's curtain rises: people of the district, what its owners signed beforehand,
and an application of which a part still waits. All through the doors of operation; the people are invented."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass

from hubtwin.base.clock import DAY_MIN
from hubtwin.base.errors import HubError
from hubtwin.library.applying import Applying, submit
from hubtwin.library.deciding import sign_template
from hubtwin.library.template_file import read_templates
from hubtwin.model.agency import Agency, AgencyKind, Person, Role
from hubtwin.model.basket import Ask, Basket, Form, Template
from hubtwin.model.sharing import Delivery
from hubtwin.wiring.stage import SETUP
from hubtwin.wiring.works import Works

A, R = AgencyKind, Role
SHARING = "sharing"  # folder of shipped templates, one file a district
TAKEN = frozenset({Delivery.QUERY, Delivery.API})  # rows with their numbers, to dispute them, come the second way
FIRST_BASKET = ("communities", "shelters", "meal_services", "residents", "elderly_persons", "grid_events")


@dataclass(frozen=True)
class DistrictPart:
    """Somebody of the district's cast: the name to sign in with, an invented name in both languages, agency, role."""

    user: str
    zh: str
    en: str
    agency: str
    role: Role


DISTRICT_CAST = (
    DistrictPart("shen", "沈数据局（演示）", "Shen (demo)", "data", R.DATA_AUTHORITY),
    DistrictPart("xu", "许公安数据（演示）", "Xu (demo)", "public-security", R.DATA_OWNER),
    DistrictPart("he", "何民政数据（演示）", "He (demo)", "civil-affairs", R.DATA_OWNER),
    DistrictPart("yan", "严市监数据（演示）", "Yan (demo)", "market-regulation", R.DATA_OWNER),
    DistrictPart("lin", "林街道（演示）", "Lin (demo)", "street-330102001", R.AGENCY_LIAISON),
    DistrictPart("tang", "唐街道（演示）", "Tang (demo)", "street-330102003", R.AGENCY_LIAISON),
    DistrictPart("du", "杜民政专员（演示）", "Du (demo)", "civil-affairs", R.DATA_STEWARD),
)


def make_district_accounts(works: Works, *, password: str, lang: str) -> list[Person]:
    """Make the accounts of the district's cast whose agencies the catalogue knows; return the people."""
    if works.library is None:
        return []
    accounts, people = works.access.accounts, []
    agencies = {each.agency_id: each for each in works.library.catalogue().agencies}
    known = {agency.agency_id for agency in accounts.list_agencies()}
    for part in DISTRICT_CAST:
        found = agencies.get(part.agency)
        if found is None:
            continue
        if part.agency not in known:
            accounts.add_agency(Agency(found.agency_id, found.kind, found.zh, found.en))
            known.add(part.agency)
        name = part.zh if lang == "zh" else part.en
        person = Person(part.user, name, part.agency, found.kind, frozenset({part.role}), frozenset(), "", lang)
        accounts.create(person, password, by=SETUP)
        people.append(person)
    return people


def sign_shipped(works: Works, applying: Applying, people: Sequence[Person]) -> list[Template]:
    """Let the owners of the cast sign what is shipped for their datasets; return it. Raises Malformed."""
    file = works.settings.data_dir / SHARING / f"{works.settings.district}.toml"
    if not works.settings.district or not file.is_file():
        return []
    told = tomllib.loads(file.read_text(encoding="utf-8"))
    owners = {person.agency: person for person in people if R.DATA_OWNER in person.roles}
    templates = read_templates(file.name, told, applying.catalogue(), now_min=applying.now_min())
    return [sign_template(applying, owners[each.owner], each) for each in templates if each.owner in owners]


def apply_first(applying: Applying, people: Sequence[Person]) -> Basket | None:
    """Let a street of the cast apply for six datasets in one basket: some are active at once, some wait for the key of
    the data authority, some for their owner. None where the district is another one."""
    who = next((person for person in people if person.agency_kind is A.STREET), None)
    catalogue, now_min = applying.catalogue(), applying.now_min()
    listed = [catalogue.by_name[name] for name in FIRST_BASKET if name in catalogue.by_name]
    if who is None or not listed:
        return None
    signed = {each.dataset: each.columns for each in applying.book.list_templates()}
    asks = tuple(
        Ask(one.name, signed.get(one.name) or frozenset(c.name for c in one.dataset.columns if c.grade <= 3))
        for one in listed
    )
    grantee, basis = f"agency:{who.agency}", next(iter(catalogue.legal_bases))
    form = Form("first", grantee, "elderly_care", basis, now_min, now_min + 60 * DAY_MIN, asks, delivery=TAKEN)
    try:
        return submit(applying, who, form)
    except HubError:  # a district whose purposes are others begins with no application
        return None

"""What a replay needs before its curtain rises: people who may sign in, grants of the scene, a declared event.

All of it goes through the same doors as in operation: accounts with roles, grants that two people give to a third, an
event that the duty commander declares. The people are invented, and their names say so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from hubtwin.base.clock import epoch_minute
from hubtwin.datasets.all import DATASETS
from hubtwin.flow.emergency import Declaration, declare_emergency
from hubtwin.library.sharing import partner_grantee
from hubtwin.model.agency import Agency, AgencyKind, Person, Role
from hubtwin.model.emergency import Emergency
from hubtwin.model.grant import VAULT, VAULT_FIELDS, Grant, Purpose
from hubtwin.model.record import Marks, Provenance
from hubtwin.rules.permission import may
from hubtwin.wiring.granted import grantee_of, list_wanted, purpose_of
from hubtwin.wiring.works import Works

A, R = AgencyKind, Role
GRANT_D, EVENT_D = 30, 30
SETUP = "setup"
REASON = {"zh": "场景运行所需（演示）", "en": "operation of the scene (demonstration)"}


@dataclass(frozen=True)
class Part:
    """Somebody of the cast: the name to sign in with, an invented name in both languages, what the person is for."""

    user: str
    zh: str
    en: str
    kind: AgencyKind
    role: Role
    team: str = ""


CAST = (
    Part("wang", "王指挥（演示）", "Wang (demo)", A.COMMAND, R.DUTY_COMMANDER),
    Part("li", "李研判（演示）", "Li (demo)", A.HEALTH, R.SCENE_OFFICER),
    Part("zhao", "赵采样（演示）", "Zhao (demo)", A.HEALTH, R.FIELD_STAFF, "first"),
    Part("qian", "钱站务（演示）", "Qian (demo)", A.RAILWAY, R.FIELD_STAFF, "second"),
    Part("sun", "孙联络（演示）", "Sun (demo)", A.DISTRICT, R.AGENCY_LIAISON),
    Part("zhou", "周数据主管（演示）", "Zhou (demo)", A.DATA, R.DATA_OWNER),
    Part("wu", "吴安全官（演示）", "Wu (demo)", A.DATA, R.SECURITY_OFFICER),
    Part("zheng", "郑数据专员（演示）", "Zheng (demo)", A.DATA, R.DATA_STEWARD),
    Part("feng", "冯审计（演示）", "Feng (demo)", A.AUDIT, R.AUDITOR),
    Part("chen", "陈分析（演示）", "Chen (demo)", A.COMMAND, R.ANALYST),
)


def make_accounts(works: Works, scene: str, *, password: str, lang: str) -> list[Person]:
    """Make the accounts of the cast with one password; return the people. Field staff get a team of the hub."""
    accounts, teams = works.access.accounts, [team.team_id for team in works.settings.hub.teams]
    places = {"first": teams[0], "second": teams[min(1, len(teams) - 1)]} if teams else {}  # the first are sent first
    known, people = {agency.agency_id for agency in accounts.list_agencies()}, []
    for part in CAST:
        if part.kind.value not in known:
            accounts.add_agency(Agency(part.kind.value, part.kind, part.kind.value, part.kind.value))
            known.add(part.kind.value)
        name = part.zh if lang == "zh" else part.en
        team = places.get(part.team, "")
        person = Person(
            part.user, name, part.kind.value, part.kind, frozenset({part.role}), frozenset({scene}), team, lang
        )
        accounts.create(person, password, by=SETUP)
        people.append(person)
    return people


def grant_scene(
    works: Works, scene: str, datasets: Sequence[str], *, issued_by: str, approved_by: str, lang: str = "en"
) -> list[str]:
    """Give a scene what it reads about persons, one grant a dataset, on two people's word; return their ids."""
    now_min = epoch_minute(works.access.clock())
    return [
        works.access.grants.issue(
            Grant(
                *("", grantee_of(scene), name, frozenset(DATASETS[name].by_name), frozenset({purpose_of(name)})),
                *(scene, now_min, now_min + GRANT_D * 24 * 60, issued_by, approved_by),
                reason=REASON[lang],
            )
        )
        for name in list_wanted(datasets)
    ]


def grant_partners(
    works: Works, scene: str, partners: Iterable[str], *, issued_by: str, approved_by: str, lang: str = "en"
) -> list[str]:
    """Let partners know who the persons of a scene are, on two people's word; return the ids of the grants."""
    now_min = epoch_minute(works.access.clock())
    return [
        works.access.grants.issue(
            Grant(
                *("", partner_grantee(name), VAULT, frozenset(VAULT_FIELDS), frozenset({Purpose.REPORT})),
                *(scene, now_min, now_min + GRANT_D * 24 * 60, issued_by, approved_by),
                reason=REASON[lang],
            )
        )
        for name in partners
    ]


def declare(works: Works, scene: str, disease: str, legal_basis: str, by: Person) -> Emergency:
    """Declare the event of a replay."""
    at_min = epoch_minute(works.clock())
    marks = Marks(works.store.status, Provenance.SYNTHETIC, replayed=works.mode == "replay")
    said = Declaration(scene, disease, legal_basis, by.user_id, at_min, at_min + EVENT_D * 24 * 60, marks)
    return declare_emergency(works.ledger, said, partial(may, by))

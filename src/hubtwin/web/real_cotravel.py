"""Co-travellers of a case at a hub at work: what would be asked of whom, asking, and how far it is."""

import re

from hubtwin.base.errors import Denied, HubError
from hubtwin.base.text import text
from hubtwin.model.agency import Person
from hubtwin.rules.permission import is_allowed, may
from hubtwin.web.schemas import cotravel as c
from hubtwin.web.schemas.hub import Words
from hubtwin.wiring.cotravel import MOST_PERSONS, Asked, Cotravel
from hubtwin.wiring.works import Works

ASK = "cotravel.ask"
_UNTOLD = re.compile(r"\{\w+\}")  # a value that a question does not keep: it came from outside


def show_cotravel(works: Works, who: Person, case_id: str) -> c.CotravelReply:
    """Return what a case can be asked about and what was. Raises Absent, Denied."""
    case = works.ledger.get_case(case_id)
    may(who, "case.read", scene=case.scene)
    allowed, asking = is_allowed(who, ASK, scene=case.scene), works.cotravel
    why, runs, names = None, [], []
    try:
        found = _opened(asking)
        names = [peer.name for peer in found.peers()]
        runs = found.list_runs(case)
        if not names:
            raise Denied("wiring.cotravel_no_matcher")
    except Denied as error:
        why = _words(error)
    return c.CotravelReply(
        case_id,
        may_ask=allowed and why is None,
        why_not=why,
        runs=[c.RunAsked(trip, day.isoformat()) for trip, day in runs],
        matchers=names,
        most=MOST_PERSONS,
        asked=[] if asking is None else [_view(one) for one in asking.list_asked(case_id)],
    )


def ask_along(works: Works, who: Person, case_id: str, reason: str) -> c.CotravelReply:
    """Ask every matcher about the runs of a confirmed case, each once. Raises Absent, Denied, Malformed."""
    case = works.ledger.get_case(case_id)
    may(who, ASK, scene=case.scene)
    _opened(works.cotravel).ask(case, who.user_id, reason)
    return show_cotravel(works, who, case_id)


def _opened(asking: Cotravel | None) -> Cotravel:
    if asking is None:
        raise Denied("wiring.cotravel_no_matcher")
    return asking


def _view(one: Asked) -> c.CotravelView:
    error = Words(_why(one, "zh"), _why(one, "en")) if one.error else None
    return c.CotravelView(
        *(one.trip_id, one.service_date.isoformat(), one.matcher, one.asked_by, one.asked_min),
        state=one.state,  # type: ignore[arg-type]  # held by the table itself
        error=error,
        answered_min=one.answered_min,
        persons=one.persons,
        positions=one.positions,
        traced=one.traced,
    )


def _why(one: Asked, lang: str) -> str:
    return _UNTOLD.sub("…", text(one.error, lang, source=one.matcher, most=MOST_PERSONS))


def _words(error: HubError) -> Words:
    return Words(error.message("zh"), error.message("en"))

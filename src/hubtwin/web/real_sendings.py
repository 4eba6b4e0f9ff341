"""What leaves through the channels of partners at a hub at work."""

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Denied
from hubtwin.channels.result_files import TYPES
from hubtwin.model.agency import Person
from hubtwin.model.record import Provenance
from hubtwin.model.sharing import Share
from hubtwin.rules.batching import Fate, RowState
from hubtwin.rules.permission import may
from hubtwin.web import shown
from hubtwin.web.desk_sendings import ErrorFile
from hubtwin.web.schemas import sendings as s
from hubtwin.web.schemas.hub import Words
from hubtwin.web.shown_partners import reason
from hubtwin.wiring.applying import open_baskets
from hubtwin.wiring.library_sending import (
    Sending,
    errors_of_sending,
    list_sendings,
    send_again,
    send_corrected,
    send_through,
    share_of_sending,
)
from hubtwin.wiring.library_share import PARTNER
from hubtwin.wiring.works import Works

MOST_LINES = 50  # problems of a file that an answer tells


class RealSendings:
    """`web.desk_sendings.SendingsDesk` of a hub at work."""

    def __init__(self, works: Works) -> None:
        """Take an open hub."""
        self._works = works

    def send_share(self, who: Person, share_id: str) -> s.SentShare:
        """Let what a partner was given leave through its channel."""
        self._own(who, share_id)
        made = send_through(self._works, share_id, by=who)
        counts = {fate.value: count for fate, count in made.batched.counts.items()}
        batch_id = made.head.batch_id if made.head else None
        return s.SentShare(batch_id, counts.get("goes", 0), counts.get("held", 0), counts.get("known", 0))

    def sendings(self, who: Person, share_id: str) -> s.SendingsReply:
        """Return the sendings of a share."""
        share = self._own(who, share_id)
        name, partners = share.grantee.removeprefix(PARTNER), self._works.partners
        known = self._works.settings.partners.get(name)
        failed = partners.failing(name) if partners else None
        library = self._works.library
        listing = library.catalogue().by_name.get(share.dataset) if library else None
        live = bool(library and listing and share.is_live(library.now_min(), listing.digest))
        return s.SendingsReply(
            shown.named(known.partner.name) if known else Words(name, name),
            reason(failed[0]) if failed else None,
            epoch_minute(failed[1]) if failed and failed[1] else None,
            [_view(each, live=live) for each in list_sendings(self._works, share)],
        )

    def errors(self, who: Person, batch_id: str, form: str) -> ErrorFile:
        """Return the rows that were not taken."""
        share = self._of_batch(who, batch_id)
        name = f"{batch_id}-errors.{form}"
        content, rows = errors_of_sending(self._works, share, batch_id, name, by=who)
        told = {"batch": batch_id, "share": share.share_id, "dataset": share.dataset, "rows": rows}
        self._works.access.audit.append("SendingErrorsRead", who.user_id, told)
        return ErrorFile(content, TYPES[form], name, rows)

    def correct(self, who: Person, batch_id: str, file: str, content: bytes) -> s.CorrectedReply:
        """Send what was corrected."""
        share = self._of_batch(who, batch_id)
        done = send_corrected(self._works, share, batch_id, file, content, by=who)
        goes = done.batched.counts.get(Fate.GOES, 0)
        told = {"batch": batch_id, "share": share.share_id, "dataset": share.dataset, "rows": goes}
        self._works.access.audit.append("SendingCorrected", who.user_id, told)
        return s.CorrectedReply(
            done.head.batch_id if done.head else None,
            *(goes, len(done.wrong), done.unchanged),
            [
                s.WrongLine(line, Words(problem.message("zh"), problem.message("en")))
                for line, problem in list(done.problems)[:MOST_LINES]
            ],
        )

    def send_again(self, who: Person, batch_id: str) -> s.SentAgain:
        """Send rows once more."""
        share = self._of_batch(who, batch_id)
        rows = send_again(self._works, share, batch_id, by=who)
        told = {"batch": batch_id, "share": share.share_id, "dataset": share.dataset, "rows": rows}
        self._works.access.audit.append("SentAgain", who.user_id, told)
        return s.SentAgain(rows)

    def _of_batch(self, who: Person, batch_id: str) -> Share:
        may(who, "share.send")
        return self._own(who, share_of_sending(self._works, batch_id).share_id)

    def _own(self, who: Person, share_id: str) -> Share:
        """Return a share that the own agency has applied for. Raises Denied, Absent."""
        may(who, "share.send")
        baskets = open_baskets(self._works.access)
        share = baskets.get_share(share_id)
        if baskets.get(share.basket_id).agency != who.agency:
            raise Denied("wiring.sending_of_another")
        return share


def _view(sending: Sending, *, live: bool) -> s.SendingView:
    head, rows = sending.head, sending.rows
    open_rows = sum(rows[state] for state in (RowState.READY, RowState.SENT, RowState.REFUSED))
    moves = ["errors"] if rows[RowState.REFUSED] + rows[RowState.HELD] else []
    moves += ["again"] if open_rows else []
    return s.SendingView(
        *(head.batch_id, head.made_min, head.corrects, head.attempt),
        ready=rows[RowState.READY],
        sent=rows[RowState.SENT],
        accepted=rows[RowState.ACCEPTED],
        refused=rows[RowState.REFUSED],
        held=rows[RowState.HELD],
        superseded=rows[RowState.SUPERSEDED],
        messages=sum(sending.messages.values()),
        arrived=sending.messages.get("arrived", 0),
        reason=head.reason,
        synthetic=head.marks.provenance is Provenance.SYNTHETIC,
        may=moves if live else [],
    )

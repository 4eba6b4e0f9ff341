"""What leaves through channels, in memory: one sending with a row that was refused."""

from hubtwin.model.agency import Person
from hubtwin.web.desk_sendings import ErrorFile
from hubtwin.web.schemas import sendings as s
from hubtwin.web.schemas.hub import Words

ONE = s.SendingView(*("batch-1", 10, "", 1, 0, 1, 1, 1, 0, 0, 2, 2, ""), synthetic=True, may=["errors", "again"])


class FakeSendings:
    """`web.desk_sendings.SendingsDesk` in memory."""

    def send_share(self, who: Person, share_id: str) -> s.SentShare:
        return s.SentShare("batch-1", 3, 0, 1)

    def sendings(self, who: Person, share_id: str) -> s.SendingsReply:
        return s.SendingsReply(Words("市", "city"), None, None, [ONE])

    def errors(self, who: Person, batch_id: str, form: str) -> ErrorFile:
        return ErrorFile(b"row\n", "text/csv; charset=utf-8", f"{batch_id}-errors.{form}", 1)

    def correct(self, who: Person, batch_id: str, file: str, content: bytes) -> s.CorrectedReply:
        return s.CorrectedReply("batch-2", 1, 0, 0, [])

    def send_again(self, who: Person, batch_id: str) -> s.SentAgain:
        return s.SentAgain(1)

"""Partners answer: links, answers once, in the right order, under an agreement; nothing stays longer."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.base.failpoint import arm, disarm
from hubtwin.model.event import EventKind
from hubtwin.model.partner import Said, Way
from hubtwin.rules.answers import LINK_MIN, LONGEST_LINK_MIN
from hubtwin.stores.deletion import Register, delete_nightly
from hubtwin.stores.liaison import TOKEN_CHARS
from hubtwin.wiring.keeping import keeping_of
from hubtwin.wiring.liaison import issue_link, open_letter, open_link, settle, take_answer
from hubtwin.wiring.told import get_message, liaison_of, list_about
from tests.wiring.partners_kit import BUS, HEALTH, NOW_MIN, PARTNERS, POLICE, REAL, Hub, hub, partner


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Hub]:
    with hub(tmp_path) as made:
        yield made


def _events(here: Hub) -> list[dict[str, object]]:
    found = here.works.ledger.list_events(kinds=[EventKind.PARTNER_ANSWERED], subject=here.case_id)
    return [dict(event.payload) for event in found]


def test_a_link_opens_its_message_and_no_other_and_what_is_stored_opens_nothing(here: Hub) -> None:
    for key in ("m1", "m2"):
        here.tell(POLICE, "police", key)
    token, link = issue_link(here.works, POLICE, "m1", by="li")
    other, _ = issue_link(here.works, POLICE, "m2", by="li")
    assert len(token) == TOKEN_CHARS
    assert token != other
    letter = open_link(here.works, token)
    assert (letter.message.outgoing.id, letter.agreement.agreement_id) == ("m1", "A-police")
    assert letter.envelope is not None
    assert letter.envelope.data["identity"] == {"name": "合成旅客甲", "id_no": "synthetic-1", "phone": "synthetic-2"}
    assert letter.next == (Said.RECEIVED, Said.ACCEPTED, Said.REFUSED)
    directory = here.works.store.directory
    assert all(token.encode() not in file.read_bytes() for file in directory.rglob("*") if file.is_file())
    kinds = {entry.kind: entry for entry in here.works.access.audit.list_entries()}
    assert kinds["LinkIssued"].by == "li"
    assert (kinds["LinkOpened"].by, kinds["LinkOpened"].payload["link"]) == ("partner:police", link.link_id)
    assert not any(token in str(entry.payload) for entry in here.works.access.audit.list_entries())


def test_a_link_that_is_unknown_over_or_revoked_opens_nothing(here: Hub) -> None:
    here.tell(POLICE, "police")
    token, link = issue_link(here.works, POLICE, "m1", by="li")
    for wrong in ("", "x", token[:-1] + ("A" if token[-1] != "A" else "B"), token + "A", "é" * TOKEN_CHARS):
        with pytest.raises(Absent):
            open_link(here.works, wrong)
    here.clocks.real = REAL + timedelta(minutes=LINK_MIN)
    with pytest.raises(Denied) as over:
        open_link(here.works, token)
    assert over.value.key == "wiring.link_expired"
    here.clocks.real = REAL
    for _ in range(2):
        assert liaison_of(here.works).revoke(link.link_id, by="li").revoked_by == "li"
    with pytest.raises(Denied) as gone:
        open_link(here.works, token)
    assert gone.value.key == "wiring.link_revoked"
    with pytest.raises(Malformed):
        issue_link(here.works, POLICE, "m1", by="li", lasts_min=LONGEST_LINK_MIN + 1)
    with pytest.raises(Absent):
        issue_link(here.works, BUS, "m1", by="li")
    with pytest.raises(Absent):
        issue_link(here.works, "nobody", "m1", by="li")


def test_answers_follow_each_other_once_each_and_the_case_tells(here: Hub) -> None:
    here.tell(POLICE, "police")
    first = here.answer(Said.RECEIVED, note="")
    assert take_answer(here.works, first) == take_answer(here.works, first)
    with pytest.raises(Denied):
        take_answer(here.works, here.answer(Said.DONE))
    accepted = here.answer(Said.ACCEPTED, expected_min=NOW_MIN + 25)
    for _ in range(3):
        take_answer(here.works, accepted, key="tap 1")
    later = replace(accepted, expected_min=NOW_MIN + 35)
    take_answer(here.works, later, key="tap 2")
    take_answer(here.works, accepted, key="tap 1")  # the wire brings an old one again: it changes nothing
    take_answer(here.works, here.answer(Said.DONE))
    with pytest.raises(Denied):
        take_answer(here.works, here.answer(Said.REFUSED, note="too late"))
    said = [(one.said, one.expected_min) for one in liaison_of(here.works).list_answers(POLICE, "m1")]
    assert said == [
        *((Said.RECEIVED, None), (Said.ACCEPTED, NOW_MIN + 25), (Said.ACCEPTED, NOW_MIN + 35), (Said.DONE, None))
    ]
    assert [event["said"] for event in _events(here)] == ["received", "accepted", "accepted", "done"]
    assert "Desk 3" not in str(_events(here)), "a name that somebody typed is deleted with the answer"


def test_the_bus_does_not_know_the_case_and_its_answer_stands_there_all_the_same(here: Hub) -> None:
    here.tell(BUS, "bus", "b1")
    stored = take_answer(here.works, here.answer(Said.ACCEPTED, BUS, "b1", expected_min=NOW_MIN + 9))
    assert stored.subject == here.case_id
    assert [event["partner"] for event in _events(here)] == [BUS]
    (message,) = list_about(here.works, here.case_id)
    assert "transport.pickup_min" in message.about.fields


def test_after_the_agreement_nothing_is_read_and_nothing_answered(tmp_path: Path) -> None:
    until = partner(POLICE, "police").agreements[0].until_day
    with hub(tmp_path) as made:
        made.tell(POLICE, "police")
        token, _ = issue_link(made.works, POLICE, "m1", by="li")
        made.clocks.hub += timedelta(days=(until - made.clocks.hub.date()).days + 1)
        for refused in (
            lambda: open_link(made.works, token),
            lambda: take_answer(made.works, made.answer(Said.RECEIVED)),
            lambda: issue_link(made.works, POLICE, "m1", by="li"),
        ):
            with pytest.raises(Denied) as error:
                refused()
            assert error.value.key == "wiring.agreement_over"
        assert liaison_of(made.works).list_answers() == []


@pytest.mark.parametrize("where", ["liaison.answer_stored", "ledger.before_commit", "ledger.after_commit"])
def test_what_a_kill_parts_is_made_good_once(here: Hub, where: str) -> None:
    class Killed(Exception):
        """The process ends here."""

    def kill(name: str) -> None:
        if name == where:
            raise Killed

    here.tell(POLICE, "police")
    arm(kill)
    try:
        with pytest.raises(Killed):
            take_answer(here.works, here.answer(Said.ACCEPTED), key="tap")
    finally:
        disarm()
    settle(here.works)
    settle(here.works)
    take_answer(here.works, here.answer(Said.ACCEPTED), key="tap")
    assert len(_events(here)) == len(liaison_of(here.works).list_answers()) == 1


def test_content_goes_when_its_last_link_is_over_and_the_log_says_that_it_arrived(here: Hub) -> None:
    here.tell(POLICE, "police")
    here.tell(POLICE, "police", "m2")
    token, _ = issue_link(here.works, POLICE, "m1", by="li")
    issue_link(here.works, POLICE, "m2", by="li")
    open_link(here.works, token)
    take_answer(here.works, here.answer(Said.REFUSED, note="no car"))
    settle(here.works)
    assert open_link(here.works, token).envelope is not None, "as long as the link lives"
    here.clocks.real += timedelta(minutes=LINK_MIN)
    settle(here.works)
    read, unread = (get_message(here.works, POLICE, name).outgoing for name in ("m1", "m2"))
    assert (read.state, read.readable) == ("arrived", False)
    assert (unread.state, unread.readable) == ("waiting", True), "nobody has opened it: it waits for somebody who will"
    with pytest.raises(Denied) as gone:
        issue_link(here.works, POLICE, "m1", by="li")
    assert gone.value.key == "wiring.message_gone"


def test_somebody_with_an_account_reads_for_a_day_after_the_answer(here: Hub) -> None:
    here.tell(POLICE, "police")
    assert open_letter(here.works, POLICE, "m1", by="sun").link is None
    take_answer(here.works, here.answer(Said.RECEIVED, through="page"))
    here.clocks.hub += timedelta(hours=23)
    settle(here.works)
    assert get_message(here.works, POLICE, "m1").outgoing.readable
    here.clocks.hub += timedelta(hours=1)
    settle(here.works)
    assert not get_message(here.works, POLICE, "m1").outgoing.readable
    assert here.works.access.audit.list_entries(kind="MessageOpened")[0].by == "sun"


def test_a_partner_with_a_channel_gets_its_receipt_there(here: Hub) -> None:
    assert PARTNERS[2].way is Way.HTTPS
    here.tell(HEALTH, "health", "h1")
    take_answer(here.works, here.answer(Said.ACCEPTED, HEALTH, "h1", through="wire"), key="answer-7")
    here.clocks.hub += timedelta(days=2)
    settle(here.works)
    assert get_message(here.works, HEALTH, "h1").outgoing.state == "waiting"


def test_links_and_answers_go_with_their_record(here: Hub) -> None:
    here.tell(POLICE, "police")
    here.tell(BUS, "bus", "b1")
    issue_link(here.works, POLICE, "m1", by="li")
    take_answer(here.works, here.answer(Said.RECEIVED))
    (item,) = Register(here.works.access.database).list_kept()
    assert (item.kind, item.parent, item.since_min) == ("partner_answer", here.case_id, NOW_MIN)
    here.clocks.hub += timedelta(days=59)
    take_answer(here.works, here.answer(Said.RECEIVED, BUS, "b1"))
    here.clocks.hub += timedelta(days=2)
    delete_nightly(keeping_of(here.works))
    store = liaison_of(here.works)
    assert (store.list_links(), [one.partner for one in store.list_answers()]) == ([], [BUS])

"""Accounts, sessions, identities: who is at the page, and for how long."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher, Type, extract_parameters

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, Denied, HubError, Malformed
from hubtwin.model.agency import SYSTEM_ID, Agency, AgencyKind, Person, Role
from hubtwin.stores.accounts import LONGEST_LOCK_MIN, NOBODY, PARAMETERS, Accounts, lock_min
from hubtwin.stores.audit import Audit
from hubtwin.stores.signing import Signer
from tests.databases import Engine

NOW = datetime(2022, 10, 20, 1, tzinfo=UTC)
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "four plain words here"
ANN = Person(
    *("ann", "安", "centre", AgencyKind.COMMAND),
    *(frozenset({Role.SCENE_OFFICER}), frozenset({"epidemic"}), "", "zh"),
)


class Hub:
    """Accounts in a directory, with a clock to turn."""

    def __init__(self, directory: Path, engine: Engine, hasher: PasswordHasher = CHEAP) -> None:
        self.now, self.engine = NOW, engine
        self.database = engine.open(directory, epoch_minute(NOW))
        self.audit = Audit(self.database, Signer(directory), clock=lambda: self.now)
        self.accounts = Accounts(self.database, self.audit, clock=lambda: self.now, hasher=hasher)

    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.audit.list_entries()]


@pytest.fixture
def hub(tmp_path: Path, engine: Engine) -> Iterator[Hub]:
    made = Hub(tmp_path, engine)
    made.accounts.add_agency(Agency("centre", AgencyKind.COMMAND, "指挥中心", "command"))
    made.accounts.add_agency(Agency("clinic", AgencyKind.HEALTH, "防疫", "health"))
    made.accounts.create(ANN, PASSWORD, by="root")
    yield made
    made.database.close()


def _fail(hub: Hub, user: str = "ann", password: str = "wrong") -> str:
    with pytest.raises(Denied) as refused:
        hub.accounts.sign_in(user, password)
    return refused.value.key


def test_a_session_gives_the_person_and_is_written_down(hub: Hub) -> None:
    token, person = hub.accounts.sign_in("ann", PASSWORD)
    assert person == ANN
    assert hub.accounts.get_session(token) == ANN
    assert hub.kinds() == ["AccountCreated", "SignedIn"]
    hub.accounts.sign_out(token)
    hub.accounts.sign_out(token)
    assert hub.accounts.find_session(token) is None
    assert hub.kinds()[2:] == ["SignedOut"]


def test_neither_password_nor_token_lies_in_the_file(hub: Hub, tmp_path: Path) -> None:
    token, _ = hub.accounts.sign_in("ann", PASSWORD)
    content = hub.engine.content(tmp_path)
    assert PASSWORD.encode() not in content
    assert token.encode() not in content
    assert len(token) >= 43, "256 bits"
    for file in tmp_path.iterdir():
        assert file.stat().st_mode & 0o077 == 0


def test_a_wrong_name_and_a_wrong_password_get_the_same_answers_and_the_same_waits(hub: Hub) -> None:
    known = [_fail(hub) for _ in range(8)]
    unknown = [_fail(hub, "nobody") for _ in range(8)]
    assert known == unknown
    assert known == ["stores.sign_in_failed"] * 6 + ["stores.locked_out"] * 2


def test_the_wait_grows_and_even_the_right_password_waits(hub: Hub) -> None:
    for _ in range(6):
        _fail(hub)
    assert _fail(hub, password=PASSWORD) == "stores.locked_out"
    hub.wait(1)
    assert _fail(hub) == "stores.sign_in_failed"
    hub.wait(1)
    assert _fail(hub) == "stores.locked_out"
    hub.wait(1)
    token, _ = hub.accounts.sign_in("ann", PASSWORD)
    assert hub.accounts.find_session(token)
    for _ in range(5):
        assert _fail(hub) == "stores.sign_in_failed", "a right one clears the count"
    assert hub.kinds().count("LockedOut") == 3


def test_waits_double_up_to_an_hour() -> None:
    assert [lock_min(failed) for failed in (1, 5, 6, 7, 8, 12, 13, 999)] == [0, 0, 1, 2, 4, 60, 60, LONGEST_LOCK_MIN]


def test_what_was_typed_as_a_name_is_not_written_down(hub: Hub, tmp_path: Path) -> None:
    for _ in range(9):
        with pytest.raises(Denied):
            hub.accounts.sign_in("typed my passphrase here", "x")
    assert b"typed my passphrase here" not in hub.engine.content(tmp_path)
    hub.wait(3 * 24 * 60)
    assert hub.accounts.sweep() == 1


def test_a_session_ends_when_idle_and_at_the_end_of_a_shift(hub: Hub) -> None:
    token, _ = hub.accounts.sign_in("ann", PASSWORD)
    hub.wait(29)
    assert hub.accounts.find_session(token)
    hub.wait(29)
    assert hub.accounts.find_session(token)
    hub.wait(30)
    assert hub.accounts.find_session(token) is None
    token, _ = hub.accounts.sign_in("ann", PASSWORD)
    for _ in range(12 * 60 // 20 - 1):
        hub.wait(20)
        assert hub.accounts.find_session(token)
    hub.wait(20)
    assert hub.accounts.find_session(token) is None
    with pytest.raises(Denied):
        hub.accounts.get_session(token)
    assert hub.accounts.sweep() == 2


def test_a_change_of_roles_binds_at_the_next_request_and_disabling_ends_it(hub: Hub) -> None:
    token, _ = hub.accounts.sign_in("ann", PASSWORD)
    hub.accounts.change(replace(ANN, roles=frozenset({Role.ANALYST})), by="root")
    assert hub.accounts.get_session(token).roles == {Role.ANALYST}
    hub.accounts.disable("ann", by="root")
    assert hub.accounts.find_session(token) is None
    assert _fail(hub, password=PASSWORD) == "stores.sign_in_failed"
    assert hub.accounts.list_people() == []
    with pytest.raises(Absent):
        hub.accounts.get_person("ann")


def test_a_new_password_ends_sessions_and_locks(hub: Hub) -> None:
    token, _ = hub.accounts.sign_in("ann", PASSWORD)
    for _ in range(7):
        _fail(hub)
    hub.accounts.set_password("ann", "another four plain words", by="root")
    assert hub.accounts.find_session(token) is None
    assert _fail(hub, password=PASSWORD) == "stores.sign_in_failed"
    hub.accounts.sign_in("ann", "another four plain words")
    for weak in ("short", "x" * 257):
        with pytest.raises(Malformed):
            hub.accounts.set_password("ann", weak, by="root")


def test_sessions_can_be_revoked_all_at_once(hub: Hub) -> None:
    tokens = [hub.accounts.sign_in("ann", PASSWORD)[0] for _ in range(3)]
    assert hub.accounts.revoke_sessions("ann", by="root") == 3
    assert not any(hub.accounts.find_session(token) for token in tokens)


def test_a_hash_names_its_parameters_and_is_made_anew_when_they_change(hub: Hub, tmp_path: Path) -> None:
    def stored() -> str:
        ((found,),) = hub.engine.do(tmp_path, "SELECT password FROM accounts WHERE user_id = 'ann'")
        return str(found)

    before = stored()
    assert extract_parameters(before).time_cost == 1
    stronger = Hub(tmp_path, hub.engine, PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    stronger.accounts.sign_in("ann", PASSWORD)
    assert extract_parameters(stored()).time_cost == 2
    again = stored()
    stronger.accounts.sign_in("ann", PASSWORD)
    assert stored() == again != before
    stronger.database.close()


def test_the_parameters_of_the_product_are_those_of_the_standard() -> None:
    assert (PARAMETERS.type, PARAMETERS.time_cost, PARAMETERS.memory_cost) == (Type.ID, 3, 65_536)
    assert extract_parameters(NOBODY) == PARAMETERS, "a name that nobody has takes as long as one that somebody has"


def test_a_person_comes_through_several_issuers_and_an_identity_is_one_person(hub: Hub) -> None:
    hub.accounts.create(replace(ANN, user_id="bob"), None, by="root")
    hub.accounts.link("ann", "https://gov", "s1", by="root")
    hub.accounts.link("ann", "https://gov", "s1", by="root")
    hub.accounts.link("ann", "https://rail", "s1", by="root")
    token, person = hub.accounts.sign_in_as("https://rail", "s1")
    assert person == replace(ANN, subject="s1")
    assert hub.accounts.get_session(token).subject == "s1"
    with pytest.raises(Denied):
        hub.accounts.link("bob", "https://gov", "s1", by="root")
    with pytest.raises(Denied):
        hub.accounts.sign_in_as("https://gov", "s2")
    with pytest.raises(Absent):
        hub.accounts.link("nobody", "https://gov", "s9", by="root")
    hub.accounts.unlink("https://rail", "s1", by="root")
    assert hub.accounts.find_session(token) is None
    with pytest.raises(Absent):
        hub.accounts.unlink("https://rail", "s1", by="root")
    assert hub.kinds().count("IdentityLinked") == 2


def test_an_account_without_a_password_does_not_take_any(hub: Hub) -> None:
    hub.accounts.create(replace(ANN, user_id="bob"), None, by="root")
    assert _fail(hub, "bob", "") == "stores.sign_in_failed"


@pytest.mark.parametrize(
    ("person", "error"),
    [
        (ANN, Denied),
        (replace(ANN, user_id=SYSTEM_ID), Malformed),
        (replace(ANN, user_id="scene:epidemic"), Malformed),
        (replace(ANN, user_id=" "), Malformed),
        (replace(ANN, user_id="b", agency="nowhere"), Absent),
        (replace(ANN, user_id="b", agency_kind=AgencyKind.HEALTH), Absent),
        (replace(ANN, user_id="b", roles=frozenset({Role.AUDITOR})), Malformed),
        (replace(ANN, user_id="b", roles=frozenset({Role.AUDITOR, Role.ANALYST})), Denied),
    ],
)
def test_an_account_that_must_not_be_is_refused(person: Person, error: type[HubError], hub: Hub) -> None:
    with pytest.raises(error):
        hub.accounts.create(person, PASSWORD, by="root")
    assert hub.accounts.list_people() == [ANN]


def test_an_account_that_is_not_there_cannot_be_changed(hub: Hub) -> None:
    other = replace(ANN, user_id="bob")
    with pytest.raises(Absent):
        hub.accounts.change(other, by="root")
    with pytest.raises(Absent):
        hub.accounts.disable("bob", by="root")
    with pytest.raises(Absent):
        hub.accounts.set_password("bob", PASSWORD, by="root")


def test_agencies_are_listed_by_id(hub: Hub) -> None:
    hub.accounts.add_agency(Agency("centre", AgencyKind.COMMAND, "总指挥", "command"))
    assert [agency.zh for agency in hub.accounts.list_agencies()] == ["总指挥", "防疫"]

"""What a request may say: checked models; unknown fields are refused."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from hubtwin.model.case import COMMANDS
from hubtwin.model.grant import VAULT_FIELDS, Purpose
from hubtwin.model.task import TASK_COMMANDS

Short = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]
Line = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Day = Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-[0-1][0-9]-[0-3][0-9]$")]
Version = Annotated[int, Field(ge=0, le=2**31 - 1)]
Age = Annotated[int, Field(ge=0, le=7 * 86_400)]
Text = Annotated[str, StringConstraints(max_length=500)]
Whole = Annotated[int, Field(ge=-(2**53), le=2**53)]  # what every reader of JSON holds exactly
Number = Annotated[float, Field(ge=-(2**53), le=2**53, allow_inf_nan=False)]
# no line feed or tab, but what moves the cursor of a terminal or turns the direction of a text
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def one_of(*names: str) -> tuple[AfterValidator, Any]:
    """Return what makes a string one of `names`, on the wire and in the document."""

    def check(value: str) -> str:
        if value not in names:
            raise ValueError("unknown")
        return value

    return AfterValidator(check), Field(json_schema_extra={"enum": list(names)})


VaultField = Annotated[str, *one_of(*VAULT_FIELDS)]
PurposeName = Annotated[str, *one_of(*(purpose.value for purpose in Purpose))]
CaseCommandName = Annotated[str, *one_of(*COMMANDS)]
TaskCommandName = Annotated[str, *one_of(*TASK_COMMANDS)]


class Asked(BaseModel):
    """A request body: unknown fields are refused, nothing is guessed from a wrong type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    @model_validator(mode="after")
    def _refuse_hidden(self) -> Self:
        for name in type(self).model_fields:
            if name != "password" and any(map(_HIDDEN.search, _list_texts(getattr(self, name)))):
                raise PydanticCustomError("control_character", "a character that nobody sees")
        return self


class SignIn(Asked):
    """Name and password."""

    user: Short
    password: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class Second(SignIn):
    """The second person of a two-person act confirms at the same desk, with the own password."""


class Declare(Asked):
    """Declare an event: what, on which legal basis, until which day (the last one, hub time)."""

    disease: Short
    legal_basis: Annotated[str, StringConstraints(min_length=4, max_length=500, strip_whitespace=True)]
    ends_on: Day


class EndEmergency(Asked):
    """End the event; its data are destroyed on two people's word unless a legal hold stands."""

    second: Second
    reason: Line = ""


class DestroyData(EndEmergency):
    """Destroy the data of an event that has ended and whose data still stand; both persons as for its end."""

    emergency_id: Reference


class EvidenceIn(Asked):
    """A piece of evidence: its kind, a reference (never a name), values that may be shown."""

    kind: Short
    ref: Reference
    values: dict[Short, Text | Whole | Number | bool | None] = Field(default_factory=dict, max_length=20)


class PersonIn(Asked):
    """Who stands before the desk, read from the document. Kept sealed, and only if it is the person of the case."""

    id_type: Short
    id_no: Annotated[str, StringConstraints(min_length=4, max_length=40, strip_whitespace=True)]
    name: Annotated[str, StringConstraints(max_length=80, strip_whitespace=True)] = ""
    phone: Annotated[str, StringConstraints(max_length=40, strip_whitespace=True)] = ""
    address: Line = ""
    declared_origin: Line = ""


class MoveCase(Asked):
    """Move a case on. `expects` is the version that was seen; with a `key` of the sender the same move twice is one.

    `person` may come with the scan of a document: it must be the person of the case.
    """

    command: CaseCommandName
    evidence: list[EvidenceIn] = Field(default_factory=list, max_length=20)
    expects: Version | None = None
    key: Reference | None = None
    person: PersonIn | None = None


class BeginOverflow(Asked):
    """Begin overflow at a place, an exit of the hub: people are let go there and followed up by data."""

    place: Short
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]


class LodgeAppeal(Asked):
    """Say that a case is wrong. `ground` is a reference (a form, a test), never a name."""

    ground: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class AskCotravel(Asked):
    """Ask matchers who travelled along with a case; `reason` is written to the audit."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class DecideAppeal(Asked):
    """Decide an appeal; `ref` is the reference of the decision. Upheld, it corrects the case."""

    upheld: bool
    ref: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    note: Line = ""


class MoveTask(Asked):
    """Move a task on; some moves ask for a reason or a team. `expects` and `key` as in MoveCase."""

    command: TaskCommandName
    reason: Line = ""
    team: Annotated[str, StringConstraints(max_length=80)] = ""
    expects: Version | None = None
    key: Reference | None = None


class FileTick(Asked):
    """Tick a line of the checklist, or take the tick back. `age_s`: how long ago, where the phone had no connection."""

    item: Short
    done: bool
    key: Reference
    age_s: Age = 0


class FileWords(Asked):
    """Report in own words, or file a code that was scanned. It is sealed: still, no names."""

    kind: Annotated[str, *one_of("note", "scan")]
    text: Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]
    key: Reference
    age_s: Age = 0


class PlaceIn(Asked):
    """Where somebody is: a place of the hub, a position (WGS 84) with the code of its level, or both."""

    code: Annotated[str, StringConstraints(max_length=80, strip_whitespace=True)] = ""
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    level: Annotated[str, StringConstraints(max_length=40, strip_whitespace=True)] = ""


class AskHelp(Asked):
    """Call for help. Without a place, the post of the own team is meant. `task` is what the team is at."""

    key: Reference
    place: PlaceIn = Field(default_factory=PlaceIn)
    task: Annotated[str, StringConstraints(max_length=200)] = ""


class SharePosition(Asked):
    """Where a team is (WGS 84), as one of its phones knows it; `on` false: nobody of it tells any more."""

    on: bool = True
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None


class SendTeam(Asked):
    """Send a team to a place: a named one, else the nearest. `about` is what for: an open call for help goes to it."""

    key: Reference
    place: Annotated[str, StringConstraints(max_length=80, strip_whitespace=True)] = ""
    team: Annotated[str, StringConstraints(max_length=80, strip_whitespace=True)] = ""
    about: Annotated[str, StringConstraints(max_length=200)] = ""


class Reveal(Asked):
    """Unmask persons: which fields, for what, about which case or train; more than 20 persons need a second person.

    `break_glass` opens the vault for 15 minutes without a grant; somebody else reviews it within a day.
    """

    scene: Short
    pids: list[Reference] = Field(min_length=1, max_length=200)
    fields: list[VaultField] = Field(min_length=1, max_length=6)
    purpose: PurposeName
    about: Reference
    reason: Line = ""
    second: Second | None = None
    break_glass: bool = False


class SetSpeed(Asked):
    """Let a replay run at another speed: hub seconds a second, 0 to stand still."""

    speed: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]


def _list_texts(value: object) -> Iterable[str]:
    """Return the texts of a field: its own, those of a list, names and values of a table."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return [each for each in (value if isinstance(value, list | tuple) else [value]) if isinstance(each, str)]


class Acknowledge(Asked):
    """The numbers (`rev`) of the alarms that were heard."""

    seqs: Annotated[list[Annotated[int, Field(ge=1, le=2**53)]], Field(min_length=1, max_length=500)]


class ShelveAlarms(Asked):
    """For how many minutes alarms of a kind are to be quiet, and why; 0 minutes end it."""

    kind: Short
    minutes: Annotated[int, Field(ge=0, le=2**31 - 1)]
    reason: Line = ""

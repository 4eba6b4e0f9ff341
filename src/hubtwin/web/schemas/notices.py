"""The rule that the library shares by, and what has gone up because its clock ran out, on the wire.

Minutes are those of the real clock. Days of people are working days by the calendar that is named beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hubtwin.web.schemas.hub import Words


@dataclass(frozen=True, slots=True)
class TermsView:
    """How far the lanes go and how long people may take: the one published rule.

    `automatic_days` to `near_end_days` are days and hours of the clock; `authority_days` to `source_days` working days;
    `calendar_years` are the years whose holidays are known, all others count Monday to Friday.
    """

    automatic_days: int
    template_days: int
    emergency_hours: int
    review_hours: int
    near_end_days: int
    count_floor: int
    scale_rows: int
    authority_days: int
    owner_days: int
    unpublished_days: int
    source_days: int
    calendar: str
    calendar_years: Sequence[int]
    zone: str


@dataclass(frozen=True, slots=True)
class NoticeView:
    """Something whose clock ran out, and that the reader is to do something about, or watches over.

    `kind` is `decision`, `order`, `return` or `review`; `key` stays the same while it stands at one `step`. `since_min`
    is since when it is late, `up_min` since when it stands with whom it went up to; null where that was not noted.
    `acts`: the reader is one of those who can end it. `place` is the section of the page it stands on, and `id` what
    to open there.
    """

    key: str
    kind: str
    id: str
    dataset: str
    title: Words
    agency: str
    agency_name: Words
    since_min: int | None
    up_min: int | None
    step: int
    acts: bool
    place: str


@dataclass(frozen=True, slots=True)
class NoticesReply:
    """What has gone up to the reader, what is late for longest first."""

    now_min: int
    notices: Sequence[NoticeView]

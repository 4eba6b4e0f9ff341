"""What a partner may answer, and when: received, then accepted or refused, then done; the newest answer is valid.

A partner may change its mind until it has said that it is done: another minute, a refusal after all, or coming after
all. Each answer stays on file.
"""

from collections.abc import Mapping

from hubtwin.base.errors import Denied, Malformed
from hubtwin.model.partner import Answer, Said

LINK_MIN, LONGEST_LINK_MIN = 8 * 60, 24 * 60  # ours: a shift, and a day and night
MAX_BY, MAX_NOTE = 80, 500
EARLIEST_MIN, LATEST_MIN = 60, 7 * 24 * 60  # a told minute lies at most so far before and after the answer
_FOLLOWS: Mapping[Said | None, tuple[Said, ...]] = {
    None: (Said.RECEIVED, Said.ACCEPTED, Said.REFUSED),
    Said.RECEIVED: (Said.ACCEPTED, Said.REFUSED),
    Said.ACCEPTED: (Said.ACCEPTED, Said.REFUSED, Said.DONE),
    Said.REFUSED: (Said.ACCEPTED,),
    Said.DONE: (),
}


def list_next(before: Answer | None) -> tuple[Said, ...]:
    """Return what may be said after the newest answer, None where there is none."""
    return _FOLLOWS[before.said if before else None]


def is_repeated(before: Answer | None, answer: Answer) -> bool:
    """Tell whether an answer says what the newest one says already."""
    told = (answer.said, answer.expected_min, answer.note, answer.by)
    return before is not None and told == (before.said, before.expected_min, before.note, before.by)


def refuse_answer(before: Answer | None, answer: Answer) -> None:
    """Return if an answer may follow the newest one. Raises Denied (not now), Malformed (it does not say enough)."""
    if len(answer.by) > MAX_BY or len(answer.note) > MAX_NOTE:
        raise Malformed("rules.answer_too_long", by=MAX_BY, note=MAX_NOTE)
    if before is not None and before.said is Said.DONE:
        raise Denied("rules.answer_after_done")
    if answer.said is Said.DONE and answer.said not in list_next(before):
        raise Denied("rules.answer_done_first")
    if answer.said not in list_next(before):
        raise Denied("rules.answer_given")
    if answer.said is Said.REFUSED and not answer.note.strip():
        raise Malformed("rules.refused_without_reason")
    if answer.expected_min is None:
        return
    if answer.said is not Said.ACCEPTED:
        raise Malformed("rules.expected_only_accepted")
    if not answer.at_min - EARLIEST_MIN <= answer.expected_min <= answer.at_min + LATEST_MIN:
        raise Malformed("rules.expected_far_off")


def late_min(told_min: int, answered_min: int | None, answer_min: int, now_min: int) -> int:
    """Return by how many minutes the first answer to a message is late; 0 where it came in time or is not due yet."""
    return max(0, (now_min if answered_min is None else answered_min) - told_min - answer_min)

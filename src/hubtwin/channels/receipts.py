"""Receipts and heads as signed JSON: what a receiver says it has stored, and where its log stands.

A receipt counts only if the partner signed it, it is meant for us, and it names what we sent by its digest.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from hubtwin.base.errors import Denied, Malformed
from hubtwin.channels.jws import Signing, verify
from hubtwin.model.message import Gap, Handling, Head, Peer, Receipt, Signed, Verdict

VERSION = 1
_LEAVES_A_GAP = frozenset({"channels.key_reused", "channels.far_ahead"})
_TEXT, _MOST = 512, 1 << 53


def keeps_place(verdict: Verdict) -> bool:
    """Tell whether a refused message has its place in the order of the receiver all the same, so that nothing waits for
    it: one whose sender is not proven has no id and no place."""
    return bool(verdict.id) and verdict.reason not in _LEAVES_A_GAP


def write_receipt(receipt: Receipt, signing: Signing) -> Signed:
    """Return a receipt, signed."""
    told = {
        "receipt": VERSION,
        "by": receipt.by,
        "to": receipt.to,
        "at_ms": receipt.at_ms,
        "verdicts": [[one.id, one.digest, one.handling.value, one.reason] for one in receipt.verdicts],
        "gaps": [[gap.subject, gap.first, gap.last] for gap in receipt.gaps],
        "head": _told(receipt.head),
    }
    return signing(orjson.dumps(told, option=orjson.OPT_SORT_KEYS))


def read_receipt(signed: Signed, peer: Peer, me: str, sent: Iterable[str] = ()) -> Receipt:
    """Return the receipt of a partner; where `sent` is given, at least one verdict is about one of these digests.

    Raises Denied where the partner did not sign it, where it is for somebody else or is about nothing that was sent;
    Malformed where it cannot be read.
    """
    verify(signed, peer.keys)
    told = _object(signed)
    try:
        verdicts = tuple(Verdict(_text(a), _text(b), Handling(c), _text(d)) for a, b, c, d in told["verdicts"])
        gaps = tuple(Gap(_text(a), _whole(b), _whole(c)) for a, b, c in told["gaps"])
        found = Receipt(
            _text(told["by"]), _text(told["to"]), _whole(told["at_ms"]), verdicts, gaps, _head(told["head"])
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("channels.broken_receipt", sender=peer.source) from error
    if (found.by, found.to) != (peer.source, me) or (found.head.owner, found.head.partner) != (peer.source, me):
        raise Denied("channels.other_recipient", recipient=found.to)
    asked = set(sent)
    if asked and asked.isdisjoint(one.digest for one in verdicts):
        raise Denied("channels.receipt_for_nothing", sender=peer.source)
    return found


def write_head(head: Head, signing: Signing) -> Signed:
    """Return the end of a log, signed."""
    return signing(orjson.dumps({"log": VERSION, **_told(head)}, option=orjson.OPT_SORT_KEYS))


def read_head(signed: Signed, peer: Peer, me: str) -> Head:
    """Return the end of the partner's log for us. Raises Denied, Malformed as `read_receipt`."""
    verify(signed, peer.keys)
    told = _object(signed)
    try:
        head = _head(told)
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("channels.broken_receipt", sender=peer.source) from error
    if (head.owner, head.partner) != (peer.source, me):
        raise Denied("channels.other_recipient", recipient=head.partner)
    return head


def _object(signed: Signed) -> Mapping[str, Any]:
    try:
        told = orjson.loads(signed.content)
    except orjson.JSONDecodeError:
        told = None
    return told if isinstance(told, dict) else {}


def _told(head: Head) -> dict[str, object]:
    return {"owner": head.owner, "partner": head.partner, "seq": head.seq, "hash": head.hash}


def _head(told: Mapping[str, Any]) -> Head:
    return Head(_text(told["owner"]), _text(told["partner"]), _whole(told["seq"]), _text(told["hash"]))


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _TEXT:
        raise ValueError
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MOST:
        raise ValueError
    return value

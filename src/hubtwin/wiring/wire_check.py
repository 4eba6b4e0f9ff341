"""Whether the message log with a partner is whole, and whether what the partner has signed agrees with it."""

from dataclasses import dataclass

from hubtwin.base.errors import Denied, Malformed
from hubtwin.channels.jws import verify
from hubtwin.channels.receipts import read_receipt
from hubtwin.model.message import Direction, Handling, Head, Peer, Signed
from hubtwin.model.partner import Partner, Way
from hubtwin.rules.message_log import verify as verify_chain
from hubtwin.rules.quality import Problem
from hubtwin.stores.wire import Wire


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found: entries of our log, signed heads of the partner's, the number of the last of these."""

    entries: int
    heads: int
    last_head: int
    problems: tuple[Problem, ...]


def check_log(wire: Wire, partner: Partner) -> Checked:
    """Walk along our log, then hold what the partner signed against it.

    Our chain must be unbroken; each head must bear the partner's signature; the partner cannot have signed two logs; a
    receipt must be about messages that we sent; and its log cannot be shorter than what it has acknowledged.
    """
    entries, name = wire.list_entries(partner.partner_id), partner.partner_id
    proofs, peer = wire.list_proofs(name), Peer(name, partner.keys)
    sent = {entry.digest for entry in entries if entry.direction is Direction.OUT}
    problems = verify_chain(entries, wire.owner, name)
    seen: dict[int, str] = {}
    for proof in proofs:
        head = proof[1]
        if seen.setdefault(head.seq, head.hash) != head.hash:
            problems.append(Problem("wiring.head_forked", {"partner": name, "seq": head.seq}))
        problems += _signature(proof, peer, wire.owner, sent)
    last = max(seen, default=0)
    arrived = wire.count_outgoing(name).get("arrived", 0)
    if seen and partner.way is not Way.PAGE and last < arrived:
        problems.append(Problem("wiring.head_short", {"partner": name, "seq": last, "arrived": arrived}))
    return Checked(len(entries), len(proofs), last, tuple(problems))


def _signature(proof: tuple[str, Head, Signed], peer: Peer, me: str, sent: set[str]) -> list[Problem]:
    kind, head, signed = proof
    told = {"partner": peer.source, "seq": head.seq}
    try:
        verify(signed, peer.keys)
        if kind != "receipt":
            return []
        receipt = read_receipt(signed, peer, me)
    except (Denied, Malformed):
        return [Problem("wiring.head_not_signed", told)]
    unknown = [one for one in receipt.verdicts if one.handling is not Handling.REFUSED and one.digest not in sent]
    return [Problem("wiring.receipt_for_nothing", {**told, "count": len(unknown)})] if unknown else []

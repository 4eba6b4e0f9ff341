"""Work orders as rows: each move in one transaction with its audit row."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from sqlite3 import Connection

from hubtwin.base.errors import Absent
from hubtwin.library.governing import (
    ACTED_ON,
    Moved,
    Order,
    OrderState,
    answered,
    escalated,
    open_order,
    rechecked,
)
from hubtwin.model.colour import MEANINGS, Colour
from hubtwin.rules.quality_rules import RuleBook
from hubtwin.stores.sqlite import Database

Audit = Callable[[str, Mapping[str, object]], None]
_RESPONSIBLE = {meaning.colour: meaning.responsible for meaning in MEANINGS}


class Orders:
    """The work orders of a library, beside its quality."""

    def __init__(self, database: Database, audit: Audit) -> None:
        """Take the open `quality.sqlite` and what writes into the audit."""
        self._database, self._audit = database, audit

    def list_orders(self, *, dataset: str = "", agency: str = "", closed: bool = False) -> list[Order]:
        """Return orders, what is due first; closed ones only if asked for."""
        found = self._database.all(
            "SELECT told FROM orders WHERE (?1 = '' OR dataset = ?1) AND (?2 = '' OR agency = ?2)"
            " AND (?3 OR state <> 'closed') ORDER BY state = 'closed', due_min, order_id",
            *(dataset, agency, closed),
        )
        return [_order(str(told)) for (told,) in found]

    def get(self, order_id: str) -> Order:
        """Return an order. Raises Absent."""
        found = self._database.all("SELECT told FROM orders WHERE order_id = ?", order_id)
        if not found:
            raise Absent("stores.no_order", order=order_id)
        return _order(str(found[0][0]))

    def answer(self, order_id: str, state: OrderState, reason: str, *, by: str, at_min: int) -> Order:
        """Take the answer of who is responsible. Raises Absent, Denied."""
        self.get(order_id)
        with self._database.transaction() as con:
            (told,) = con.execute("SELECT told FROM orders WHERE order_id = ?", (order_id,)).fetchone()
            moved = answered(_order(told), state, reason, by=by, at_min=at_min)
            self._move(con, moved, by)
        return moved.order

    def escalate(self, now_min: int) -> list[Order]:
        """Escalate what is overdue; return it. Each step once: its new date lies ahead."""
        due = "SELECT told FROM orders WHERE state = 'open' AND due_min <= ? ORDER BY due_min"
        if not self._database.all(due, now_min):
            return []
        done = []
        with self._database.transaction() as con:
            for (told,) in con.execute(due, (now_min,)).fetchall():
                moved = escalated(_order(told), now_min)
                if moved:
                    self._move(con, moved, "")
                    done.append(moved.order)
        return done

    def follow(self, con: Connection, book: RuleBook, failed: Mapping[int, int], *, run_id: int, at_min: int) -> None:
        """Open, close and reopen orders after a run, within its transaction."""
        rows = con.execute("SELECT told FROM orders WHERE dataset = ? AND state <> 'closed'", (book.listing.name,))
        standing = {order.rule: order for order in (_order(told) for (told,) in rows.fetchall())}
        for rule in book.rules:
            count, order = failed.get(rule.bit, 0), standing.pop(rule.name, None)
            if rule.colour not in ACTED_ON:
                continue
            if order is None:
                if count:
                    role, order_id = _RESPONSIBLE[rule.colour], f"{book.listing.name}-{run_id}-{rule.bit}"
                    made = open_order(order_id, book.listing, rule, count, role=role, at_min=at_min)
                    told = {"agency": made.agency, "role": role, "failing": count, "due_min": made.due_min}
                    self._move(con, Moved(made, "QualityOrderOpened", told), "")
                continue
            self._recheck(con, order, count, at_min)
        for order in standing.values():  # its rule is gone: there is nothing left to do
            self._recheck(con, order, 0, at_min)

    def _recheck(self, con: Connection, order: Order, count: int, at_min: int) -> None:
        moved = rechecked(order, count, at_min)
        if moved:
            self._move(con, moved, "")
        elif count != order.failing:
            self._put(con, _order(json.dumps({**asdict(order), "failing": count})))

    def _move(self, con: Connection, moved: Moved, by: str) -> None:
        order = moved.order
        self._put(con, order)
        told = {"order": order.order_id, "dataset": order.dataset, "rule": order.rule, "agency": order.agency}
        self._audit(moved.kind, {**told, **moved.told, **({"by": by} if by else {})})

    def _put(self, con: Connection, order: Order) -> None:
        head = (order.order_id, order.dataset, order.rule, order.agency, order.state.value)
        con.execute(
            "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*head, order.due_min, order.opened_min, json.dumps(asdict(order))),
        )


def _order(told: str) -> Order:
    plain = json.loads(told)
    return Order(**{**plain, "colour": Colour(plain["colour"]), "state": OrderState(plain["state"])})

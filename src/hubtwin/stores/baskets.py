"""Baskets, their items, shares and templates as rows of `access.sqlite`, beside the audit that tells of them.

A change is decided inside its transaction, by a pure function that is given the basket as it is now: two persons who
decide at once decide one after the other, the second on what the first has left. State and audit row are one commit.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.base.errors import Absent, Denied
from hubtwin.base.failpoint import failpoint
from hubtwin.model.basket import HELD, WAITING, Basket, BasketItem, Template
from hubtwin.model.sharing import Lane, Share
from hubtwin.rules.basket_moves import BasketNote, Changed, is_withheld, revoke, suspend
from hubtwin.stores.access_rows import AccessRows, Reader, Session, narrowed
from hubtwin.stores.audit import Audit, Note
from hubtwin.stores.basket_rows import (
    basket_body,
    item_body,
    read_basket,
    read_share,
    read_template,
    share_body,
    template_body,
)

Decide = Callable[[Basket, Mapping[str, Share]], Changed]
_BASKET = "basket_id, applicant, agency, submitted_ms, body"


@dataclass(frozen=True, slots=True)
class BasketFilter:
    """Which baskets; what is not given does not narrow. `concerns`: of this agency, or with an item that it owns;
    `waiting`: with an item that somebody must decide. `before` is the id of the last one of the page before."""

    applicant: str | None = None
    agency: str | None = None
    concerns: str | None = None
    waiting: bool = False
    since_ms: int = 0
    limit: int = 100
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Who sent an application in."""

    applicant: str
    agency: str


class Baskets:
    """The applications and shares of one store directory."""

    def __init__(self, database: AccessRows, audit: Audit, *, clock: Clock) -> None:
        """Take the open `access.sqlite` and the audit in it."""
        self._database, self._audit, self._clock = database, audit, clock

    def submit(self, basket: Basket, shares: Iterable[Share] = (), notes: Iterable[BasketNote] = ()) -> Basket:
        """Store an application with what was decided of it at once; return it as it is stored.

        The same key of the same applicant is the same application, which is returned as it is by now. Raises Denied
        where the key was used for something else.
        """
        with self._database.transaction() as con:
            sql = "SELECT basket_id FROM baskets WHERE applicant = ? AND key = ?"
            known = con.execute(sql, (basket.applicant, basket.form.key)).fetchone()
            if known is not None:
                return _same(_get(con, known[0]), basket)
            con.execute(
                f"INSERT INTO baskets ({_BASKET}, key) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
                (
                    *(basket.basket_id, basket.applicant, basket.agency, basket.submitted_ms),
                    *(basket_body(basket), basket.form.key),
                ),
            )
            _put_items(con, basket, {})
            _put_shares(con, shares)
            self._tell(con, notes)
            failpoint("stores.basket_before_commit")
        failpoint("stores.basket_after_commit")
        return basket

    def is_known(self, applicant: str, key: str) -> bool:
        """Return whether somebody has sent an application in under a key."""
        return bool(self._database.all("SELECT 1 FROM baskets WHERE applicant = ? AND key = ?", applicant, key))

    def change(self, basket_id: str, decide: Decide) -> Basket:
        """Let a pure function decide what becomes of a basket, and store it; return the basket afterwards.

        It is given the basket and its shares (by id) as they are at that moment. Raises what it raises, and Absent.
        """
        with self._database.transaction() as con:
            done = self._change(con, basket_id, decide)
            failpoint("stores.basket_before_commit")
        failpoint("stores.basket_after_commit")
        return done

    def revoke(self, share_id: str, by: str) -> Basket:
        """End a share; it binds at the next question. Twice is harmless. Raises Absent."""
        at_min = epoch_minute(self._clock())
        return self._change_share(share_id, lambda basket, share: revoke(basket, share, by=by, at_min=at_min))

    def suspend(self, share_id: str, why: str, by: str = "system") -> Basket:
        """Let a share rest; it binds at the next question. Twice is harmless. Raises Absent."""
        at_min = epoch_minute(self._clock())
        return self._change_share(share_id, lambda basket, share: suspend(basket, share, by=by, why=why, at_min=at_min))

    def get(self, basket_id: str) -> Basket:
        """Return a basket. Raises Absent."""
        rows = self._database.all(f"SELECT {_BASKET} FROM baskets WHERE basket_id = ?", basket_id)  # noqa: S608
        if not rows:
            raise Absent("stores.no_basket", basket=basket_id)
        return read_basket(rows[0], self._database.all(_ITEMS, basket_id))

    def list_baskets(self, where: BasketFilter) -> list[Basket]:
        """Return a page of baskets, the newest first."""
        asked: dict[str, object] = {
            "applicant = ?": where.applicant,
            "agency = ?": where.agency,
            "submitted_ms >= ?": where.since_ms or None,
            f"(submitted_ms, basket_id) < {_PLACE}": where.before,
        }
        clause, values = narrowed(asked)
        if where.concerns is not None:
            clause += " AND (agency = ? OR basket_id IN (SELECT basket_id FROM basket_items WHERE owner = ?))"
            values += (where.concerns, where.concerns)
        if where.waiting:
            clause += f" AND basket_id IN (SELECT basket_id FROM basket_items WHERE state IN ({_WAITING}))"  # noqa: S608
        sql = f"SELECT {_BASKET} FROM baskets WHERE {clause} ORDER BY submitted_ms DESC, basket_id DESC LIMIT ?"  # noqa: S608
        whose = (f"user:{where.applicant}",) if where.applicant else ()
        reader: Reader = self._database.seen_by(*whose) if whose else self._database
        rows = reader.all(sql, *values, where.limit)
        items: dict[object, list[tuple[object, ...]]] = {}
        chosen = f"SELECT basket_id FROM ({sql}) AS chosen"  # noqa: S608
        listed = f"SELECT basket_id, body FROM basket_items WHERE basket_id IN ({chosen}) ORDER BY basket_id, place"  # noqa: S608
        for basket_id, body in reader.all(listed, *values, where.limit):
            items.setdefault(basket_id, []).append((body,))
        return [read_basket(row, items.get(row[0], ())) for row in rows]

    def list_origins(self) -> dict[str, Origin]:
        """Return who applied for what there are shares of, by the id of the basket."""
        sql = (
            "SELECT basket_id, applicant, agency FROM baskets WHERE basket_id IN (SELECT basket_id FROM library_shares)"
        )
        return {str(name): Origin(str(who), str(agency)) for name, who, agency in self._database.all(sql)}

    def get_share(self, share_id: str) -> Share:
        """Return a share. Raises Absent."""
        rows = self._database.all("SELECT body FROM library_shares WHERE share_id = ?", share_id)
        if not rows:
            raise Absent("stores.no_share", share=share_id)
        return read_share(str(rows[0][0]))

    def list_shares(self, grantee: str) -> list[Share]:
        """Return the shares of somebody that are neither over nor revoked, oldest first.

        Whether one holds is asked of itself, with the minute and the shape of its dataset: `Share.is_live`.
        """
        sql = (
            "SELECT body FROM library_shares WHERE grantee = ? AND until_min > ? AND revoked_min IS NULL"
            " ORDER BY until_min, share_id"
        )
        rows = self._database.seen_by(grantee).all(sql, grantee, epoch_minute(self._clock()))
        return [read_share(str(body)) for (body,) in rows]

    def list_all_shares(self, *, dataset: str | None = None, limit: int = 10_000) -> list[Share]:
        """Return shares, those that are over as well, the latest end first."""
        where, values = narrowed({"dataset = ?": dataset})
        sql = f"SELECT body FROM library_shares WHERE {where} ORDER BY until_min DESC, share_id LIMIT ?"  # noqa: S608
        return [read_share(str(body)) for (body,) in self._database.all(sql, *values, limit)]

    def shares_of(self, basket_id: str) -> list[Share]:
        """Return the shares that came of a basket."""
        return [read_share(str(body)) for (body,) in self._database.all(_SHARES, basket_id)]

    def was_revoked(self, agency: str, dataset: str, known: Collection[str]) -> bool:
        """Return whether somebody ended what an agency was given of a dataset, and its owner has not given it anew.

        Whichever person or agency of it was the grantee, and whoever ended it. `known` are the columns that the dataset
        still has.
        """
        sql = (
            "SELECT s.body FROM library_shares s JOIN baskets b ON b.basket_id = s.basket_id"
            " WHERE s.dataset = ? AND b.agency = ? AND s.lane NOT IN (?, ?)"
        )
        found = self._database.all(sql, dataset, agency, Lane.EMERGENCY.value, Lane.OPERATIONAL.value)
        return is_withheld([read_share(str(body)) for (body,) in found], known)

    def list_late(self, at_min: int) -> list[str]:
        """Return the baskets with an item whose minute has come without a decision."""
        sql = "SELECT DISTINCT basket_id FROM basket_items WHERE due_min <= ? ORDER BY basket_id"
        return [str(basket_id) for (basket_id,) in self._database.all(sql, at_min)]

    def list_unprobed(self) -> list[str]:
        """Return the baskets with a share that was not probed yet, or not with success."""
        sql = "SELECT DISTINCT basket_id FROM basket_items WHERE state = 'provisioning' ORDER BY basket_id"
        return [str(basket_id) for (basket_id,) in self._database.all(sql)]

    def list_held(self) -> list[tuple[str, Share]]:
        """Return every share that stands behind an item (basket id, share), whatever the clock says of it."""
        sql = (
            "SELECT i.basket_id, s.body FROM basket_items i JOIN library_shares s"  # noqa: S608
            f" ON s.basket_id = i.basket_id AND s.dataset = i.dataset WHERE i.state IN ({_HELD})"
        )
        return [(str(basket_id), read_share(str(body))) for basket_id, body in self._database.all(sql)]

    def list_unreviewed(self) -> list[Share]:
        """Return emergency accesses that nobody has reviewed yet."""
        return [read_share(str(body)) for (body,) in self._database.all(_UNREVIEWED.format("ORDER BY share_id"))]

    def list_unreviewed_of(self, grantee: str, applicant: str) -> list[Share]:
        """Return emergency accesses that were given to somebody, or taken by somebody, and nobody has reviewed."""
        theirs = (
            "AND (grantee = ? OR basket_id IN (SELECT basket_id FROM baskets WHERE applicant = ?)) ORDER BY share_id"
        )
        found = self._database.all(_UNREVIEWED.format(theirs), grantee, applicant)
        return [read_share(str(body)) for (body,) in found]

    def alarm_overdue(self, review_min: int) -> list[Share]:
        """Write an alarm row for each emergency access that nobody reviewed in time, once; return these."""
        now_min, alarmed = epoch_minute(self._clock()), []
        with self._database.transaction() as con:
            for (body,) in con.execute(_UNREVIEWED.format("AND alarmed_min IS NULL ORDER BY share_id")).fetchall():
                share = read_share(body)
                if (due_min := share.from_min + review_min) <= now_min:
                    con.execute(
                        "UPDATE library_shares SET alarmed_min = ? WHERE share_id = ?", (now_min, share.share_id)
                    )
                    told = {"share": share.share_id, "grantee": share.grantee, "due_min": due_min}
                    self._audit.append_in(con, [Note("ShareReviewOverdue", "system", told)])
                    alarmed.append(share)
        return alarmed

    def put_template(self, template: Template, *, by: str) -> None:
        """Store what an owner has signed, or has withdrawn again."""
        with self._database.transaction() as con:
            values = (template.template_id, template.owner, template.dataset, template_body(template))
            con.execute(
                "INSERT INTO library_templates VALUES (?, ?, ?, ?)"
                " ON CONFLICT (template_id) DO UPDATE SET body = excluded.body",
                values,
            )
            told = {
                "template": template.template_id,
                "dataset": template.dataset,
                "columns": sorted(template.columns),
                "until_min": template.until_min,
            }
            if template.withdrawn_min is None:
                self._audit.append_in(con, [Note("TemplateSigned", by, told)])
            else:
                self._audit.append_in(con, [Note("TemplateWithdrawn", by, told)])

    def get_template(self, template_id: str) -> Template:
        """Return a template. Raises Absent."""
        rows = self._database.all("SELECT body FROM library_templates WHERE template_id = ?", template_id)
        if not rows:
            raise Absent("stores.no_template", template=template_id)
        return read_template(str(rows[0][0]))

    def list_templates(self, dataset: str | None = None) -> list[Template]:
        """Return the templates of a dataset or of all, those that are over as well."""
        where, values = narrowed({"dataset = ?": dataset})
        sql = f"SELECT body FROM library_templates WHERE {where} ORDER BY dataset, template_id"  # noqa: S608
        return [read_template(str(body)) for (body,) in self._database.all(sql, *values)]

    def _change_share(self, share_id: str, decide: Callable[[Basket, Share], Changed]) -> Basket:
        with self._database.transaction() as con:
            found = con.execute("SELECT basket_id FROM library_shares WHERE share_id = ?", (share_id,)).fetchone()
            if found is None:
                raise Absent("stores.no_share", share=share_id)
            return self._change(con, found[0], lambda basket, shares: decide(basket, shares[share_id]))

    def _change(self, con: Session, basket_id: str, decide: Decide) -> Basket:
        before = _get(con, basket_id)
        shares = {each.share_id: each for each in _shares(con, basket_id)}
        done = decide(before, shares)
        if done.basket.authorised_by != before.authorised_by:
            con.execute("UPDATE baskets SET body = ? WHERE basket_id = ?", (basket_body(done.basket), basket_id))
        _put_items(con, done.basket, {item.dataset: item for item in before.items})
        _put_shares(con, done.shares)
        self._tell(con, done.notes)
        return done.basket

    def _tell(self, con: Session, notes: Iterable[BasketNote]) -> None:
        told = [Note(note.kind, note.by, note.payload) for note in notes]
        if told:
            self._audit.append_in(con, told)


_WAITING = ", ".join(f"'{state}'" for state in sorted(WAITING))
_HELD = ", ".join(f"'{state}'" for state in sorted(HELD))
_PLACE = "(SELECT submitted_ms, basket_id FROM baskets WHERE basket_id = ?)"
_ITEMS = "SELECT body FROM basket_items WHERE basket_id = ? ORDER BY place"
_SHARES = "SELECT body FROM library_shares WHERE basket_id = ? ORDER BY share_id"
_UNREVIEWED = "SELECT body FROM library_shares WHERE lane = 'emergency' AND reviewed_min IS NULL {}"


def _same(stored: Basket, asked: Basket) -> Basket:
    form = stored.form
    if replace(asked.form, from_min=form.from_min, until_min=form.from_min + asked.form.minutes) != form:
        raise Denied("stores.basket_key_used", used=form.key)
    return stored


def _get(con: Session, basket_id: str) -> Basket:
    row = con.execute(f"SELECT {_BASKET} FROM baskets WHERE basket_id = ?", (basket_id,)).fetchone()  # noqa: S608
    if row is None:
        raise Absent("stores.no_basket", basket=basket_id)
    return read_basket(row, con.execute(_ITEMS, (basket_id,)).fetchall())


def _shares(con: Session, basket_id: str) -> list[Share]:
    return [read_share(body) for (body,) in con.execute(_SHARES, (basket_id,)).fetchall()]


def _put_items(con: Session, basket: Basket, before: Mapping[str, BasketItem]) -> None:
    rows: Sequence[tuple[object, ...]] = [
        (
            *(basket.basket_id, item.dataset, place, item.owner, item.state.value),
            *(item.due_min, item.decided_ms, item.active_ms, item_body(item)),
        )
        for place, item in enumerate(basket.items)
        if before.get(item.dataset) != item
    ]
    con.executemany(
        "INSERT INTO basket_items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (basket_id, dataset) DO UPDATE SET"
        " state = excluded.state, due_min = excluded.due_min, decided_ms = excluded.decided_ms,"
        " active_ms = excluded.active_ms, body = excluded.body",
        rows,
    )


def _put_shares(con: Session, shares: Iterable[Share]) -> None:
    con.executemany(
        "INSERT INTO library_shares VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?) ON CONFLICT (share_id) DO UPDATE SET"
        " until_min = excluded.until_min, revoked_min = excluded.revoked_min, reviewed_min = excluded.reviewed_min,"
        " body = excluded.body",
        [
            (
                *(share.share_id, share.basket_id, share.grantee, share.dataset, share.lane.value),
                *(share.until_min, share.revoked_min, share.reviewed_min, share_body(share)),
            )
            for share in shares
        ],
    )

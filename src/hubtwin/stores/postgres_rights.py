"""Making a schema of PostgreSQL ready for a hub, and looking after it: tables, roles, rights, row-level security.

Done as the owner of the schema, who is not the role that the hub connects as. Rights are given anew each time, so
that a table of a new version begins with none. What names no row's owner the role of the address cannot read at all.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import psycopg
from psycopg import sql as text

from hubtwin.base.errors import Absent, Denied
from hubtwin.rules.quality import Problem
from hubtwin.stores.dialect import FUNCTIONS, as_migrated
from hubtwin.stores.migrate import list_migrations, list_statements
from hubtwin.stores.postgres import GRANTEE, NAME, desk_of, refuse_bad_name, said

KIND = "access"
# What the desk may do with a table; with any other all four.
RIGHTS: Mapping[str, str] = MappingProxyType(
    {
        "audit": "SELECT, INSERT",  # the oldest rows go by prune_audit alone
        "audit_ends": "SELECT, INSERT, UPDATE",
        "basket_items": "SELECT, INSERT, UPDATE",
        "baskets": "SELECT, INSERT, UPDATE",
        "contracts": "SELECT, INSERT",
        "grants": "SELECT, INSERT, UPDATE",
        "holds": "SELECT, INSERT, UPDATE",
        "library_shares": "SELECT, INSERT, UPDATE",
        "library_templates": "SELECT, INSERT, UPDATE",
        "migrations": "SELECT",
        "reports": "SELECT, INSERT",
        "returns": "SELECT, INSERT, UPDATE",
        "signed_by": "SELECT, INSERT",
        "words": "SELECT, INSERT, UPDATE",
    }
)
EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"
_NAMED = "ANY ((SELECT seeing())::text[])"
# Whose a row is, where it is somebody's: what row-level security asks of it.
OWNERS: Mapping[str, str] = MappingProxyType(
    {
        "basket_items": "basket_id IN (SELECT basket_id FROM baskets)",  # under the policy of that table
        "baskets": f"applicant = {_NAMED} OR 'user:' || applicant = {_NAMED}",
        "grants": f"grantee = {_NAMED}",
        "library_shares": f"grantee = {_NAMED}",
        "library_templates": f"'agency:' || owner = {_NAMED}",
        # what the own agency sent, and what is about a dataset that it answers for: the catalogue says which
        "returns": f"'agency:' || agency = {_NAMED} OR 'dataset:' || dataset = {_NAMED}",
    }
)
AUDIT_DAYS = 1095 - 1  # retention.toml: kept for three years, PIPL Art. 56; a day for clocks that differ
_OWN = (  # tables that SQLite needs none of
    """CREATE TABLE IF NOT EXISTS writers (
         name TEXT PRIMARY KEY, token TEXT NOT NULL, seen TIMESTAMPTZ NOT NULL DEFAULT now())""",
    "CREATE TABLE IF NOT EXISTS signed_by (one INTEGER PRIMARY KEY CHECK (one = 1), public_hex TEXT NOT NULL)",
    "DELETE FROM writers WHERE seen < now() - interval '30 days'",
)
_SEEING = f"""CREATE OR REPLACE FUNCTION seeing() RETURNS TEXT[] LANGUAGE sql STABLE PARALLEL SAFE
  AS $$SELECT string_to_array(nullif(current_setting('{GRANTEE}', true), ''), E'\\x1f')$$"""
_PRUNE = """CREATE OR REPLACE FUNCTION prune_audit(up_to BIGINT) RETURNS SETOF BIGINT
  LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
  BEGIN
    IF EXISTS (SELECT 1 FROM audit WHERE seq <= up_to
               AND at_min >= floor(extract(epoch FROM now()) / 60) - {oldest}) THEN
      RAISE EXCEPTION 'rows of the last three years stay' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY DELETE FROM audit WHERE seq <= up_to RETURNING seq;
  END $$""".replace("{oldest}", str(AUDIT_DAYS * 1440))
_RECORD = (
    "CREATE TABLE IF NOT EXISTS migrations"
    ' (number BIGINT PRIMARY KEY, name TEXT COLLATE "C" NOT NULL, at_min BIGINT NOT NULL)'
)
_ROLE = "SELECT rolsuper OR rolbypassrls, rolname = current_user FROM pg_roles WHERE rolname = %s"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1"


def prepare(address: str, schema: str, role: str, at_min: int) -> int:
    """Make or upgrade a schema for the role of a hub, as the owner whom the address names, in one transaction.

    Returns how many migrations were applied. Raises Absent where the role does not exist, Denied where row-level
    security would not bind it or the owner may not do this, and for the rows of a later version.
    """
    refuse_bad_name(schema)
    with said(), psycopg.connect(address, connect_timeout=10, application_name="hubtwin prepare") as con:
        try:
            _refuse_role(con, role)
            _make_desk(con, role)
            con.execute(_with("CREATE SCHEMA IF NOT EXISTS {schema}", schema=schema))
            con.execute(_with("SET LOCAL search_path = {schema}", schema=schema))
            count = _migrate(con, at_min)
            for statement in (*_OWN, _SEEING, _PRUNE):
                con.execute(statement.encode())
            _give_rights(con, schema, role)
        except psycopg.errors.InsufficientPrivilege:
            raise Denied("stores.postgres_owner", role=role) from None
        return count


def list_problems(address: str, schema: str) -> list[Problem]:
    """Return what is wrong with the rights of a schema, asked as the role of the hub. Raises what connecting raises."""
    with said(), psycopg.connect(address, connect_timeout=10, application_name="hubtwin check") as con:
        return list(_problems(con, schema))


def _problems(con: psycopg.Connection[Any], schema: str) -> Iterator[Problem]:
    (role, loose) = _one(
        con, "SELECT session_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = session_user"
    )
    if loose:
        yield Problem("stores.postgres_loose_role", {"role": role})
    sql = "SELECT count(*) FROM pg_tables WHERE schemaname = %s AND pg_has_role(tableowner, 'MEMBER')"
    if _one(con, sql, schema)[0]:
        yield Problem("stores.postgres_role_owns", {"role": role, "schema": schema})
    sql = (
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s"
        " AND c.relname = ANY (%s) AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY 1"
    )
    for (table,) in con.execute(sql, (schema, list(OWNERS))).fetchall():
        yield Problem("stores.postgres_open_table", {"table": table})
    for right in ("UPDATE", "DELETE", "TRUNCATE"):
        sql = "SELECT has_table_privilege(%s, format('%%I.audit', %s::text), %s)"
        if _one(con, sql, desk_of(str(role)), schema, right)[0]:
            yield Problem("stores.postgres_audit_open", {"right": right})
    for name in ("fsync", "full_page_writes"):
        if _one(con, "SELECT current_setting(%s)", name)[0] == "off":
            yield Problem("stores.postgres_unsafe", {"setting": name})


def _refuse_role(con: psycopg.Connection[Any], role: str) -> None:
    found = con.execute(_ROLE, (role,)).fetchone()
    if found is None:
        raise Absent("stores.postgres_no_role", role=role)
    if found[0]:
        raise Denied("stores.postgres_loose_role", role=role)
    if found[1]:
        raise Denied("stores.postgres_role_owns", role=role, schema=NAME)


def _make_desk(con: psycopg.Connection[Any], role: str) -> None:
    """Make the role of the desk. The hub's role may take it and does not have its rights before it has done so."""
    desk = desk_of(role)
    if con.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (desk,)).fetchone() is None:
        con.execute(_with("CREATE ROLE {desk} NOLOGIN", desk=desk))
    if con.info.server_version >= 160_000:
        con.execute(_with("GRANT {desk} TO {role} WITH INHERIT FALSE, SET TRUE", desk=desk, role=role))
        return
    if _one(con, "SELECT rolinherit FROM pg_roles WHERE rolname = %s", role)[0]:
        con.execute(_with("ALTER ROLE {role} NOINHERIT", role=role))
    if not _one(con, "SELECT pg_has_role(%s, %s, 'MEMBER')", role, desk)[0]:
        con.execute(_with("GRANT {desk} TO {role}", desk=desk, role=role))


def _migrate(con: psycopg.Connection[Any], at_min: int) -> int:
    steps = list_migrations(KIND)
    con.execute(_RECORD.encode())
    (done,) = _one(con, "SELECT coalesce(max(number), 0) FROM migrations")
    if done > len(steps):
        raise Denied("stores.newer_version", path=NAME, found=done, known=len(steps))
    if done == 0:
        for function in FUNCTIONS:
            con.execute(function.encode())
    for number, step in enumerate(steps[done:], start=done + 1):
        for statement in list_statements(step.read_text(encoding="utf-8")):
            for made in as_migrated(statement):
                con.execute(made.encode())
        con.execute("INSERT INTO migrations VALUES (%s, %s, %s)", (number, step.stem, at_min))
    return len(steps) - int(done)


def _give_rights(con: psycopg.Connection[Any], schema: str, role: str) -> None:
    desk, names = desk_of(role), {"schema": schema, "role": role, "desk": desk_of(role)}
    for each in ("PUBLIC", "{role}", "{desk}"):
        con.execute(_with(f"REVOKE ALL ON ALL TABLES IN SCHEMA {{schema}} FROM {each}", **names))
        con.execute(_with(f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {{schema}} FROM {each}", **names))
    con.execute(_with("REVOKE ALL ON SCHEMA {schema} FROM PUBLIC", **names))
    con.execute(_with("GRANT USAGE ON SCHEMA {schema} TO {role}, {desk}", **names))
    con.execute(_with("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {desk}", **names))
    con.execute(_with("GRANT EXECUTE ON FUNCTION seeing() TO {role}", **names))
    con.execute(_with("GRANT USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA {schema} TO {desk}", **names))
    for (table,) in con.execute(_TABLES, (schema,)).fetchall():
        given = RIGHTS.get(table, EVERYTHING)
        con.execute(_with(f"GRANT {given} ON {{table}} TO {{desk}}", table=table, desk=desk))
        if table in OWNERS:
            _guard(con, table, OWNERS[table], role)


def _guard(con: psycopg.Connection[Any], table: str, whose: str, role: str) -> None:
    """Let the desk see all rows of a table and the role of the address those of the grantees that it names."""
    names = {"table": table, "role": role, "desk": desk_of(role)}
    for statement in (
        "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        "DROP POLICY IF EXISTS of_desk ON {table}",
        "DROP POLICY IF EXISTS of_grantee ON {table}",
        "CREATE POLICY of_desk ON {table} TO {desk} USING (true) WITH CHECK (true)",
        f"CREATE POLICY of_grantee ON {{table}} FOR SELECT TO {{role}} USING ({whose})",
        "GRANT SELECT ON {table} TO {role}",
    ):
        con.execute(_with(statement, **names))


def _with(statement: str, **names: str) -> text.Composed:
    return text.SQL(statement).format(**{name: text.Identifier(value) for name, value in names.items()})


def _one(con: psycopg.Connection[Any], sql: str, *values: object) -> tuple[Any, ...]:
    found: tuple[Any, ...] | None = con.execute(sql.encode(), values).fetchone()
    return found or (None,)

"""PostgreSQL: what belongs to a database and is not in it, as statements that give it to another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .driver import rows_of
from .postgresql_schema import literal, quote_one

if TYPE_CHECKING:
    from collections.abc import Iterator

# Settings whose value is a list: its parts are quoted one by one (pg_dump, variable_is_guc_list_quote).
LISTS = (
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
)


def carried_over(dbapi: Any, source: str, to: str) -> Iterator[str]:
    """Yield the statements that give a database the owner, limit, comment, settings and privileges of another one."""
    oid, owner, limit, comment = _facts(dbapi, source)
    oid_now, owner_now, _, _ = _facts(dbapi, to)
    name = f"DATABASE {quote_one(to)}"
    if owner != owner_now:
        yield f"ALTER {name} OWNER TO {quote_one(owner)}"
    yield f"ALTER {name} CONNECTION LIMIT {limit}"
    yield f"COMMENT ON {name} IS {literal(comment) if comment else 'NULL'}"
    for role, _ in _settings(dbapi, oid_now):
        yield f"ALTER {_whose(role, name)} RESET ALL"
    for role, setting in _settings(dbapi, oid):
        key, _, value = setting.partition("=")
        named = ".".join(map(quote_one, key.split(".")))
        yield f"ALTER {_whose(role, name)} SET {named} TO {_value(key, value)}"
    yield from _privileges(dbapi, (oid, oid_now), name, owner)


def _facts(dbapi: Any, name: str) -> Any:
    statement = (
        "SELECT oid, pg_get_userbyid(datdba), datconnlimit, shobj_description(oid, 'pg_database')"
        f" FROM pg_database WHERE datname = {literal(name)}"
    )
    return rows_of(dbapi, statement)[0]


def _settings(dbapi: Any, oid: int) -> list[Any]:
    """Return what `ALTER DATABASE … SET` said, and `ALTER ROLE … IN DATABASE … SET` with the role."""
    statement = (
        "SELECT r.rolname, unnest(s.setconfig) FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole"
        f" WHERE s.setdatabase = {oid}"
    )
    return rows_of(dbapi, statement)


def _whose(role: str | None, name: str) -> str:
    return f"ROLE {quote_one(role)} IN {name}" if role else name


def _value(key: str, value: str) -> str:
    if key.lower() not in LISTS:
        return literal(value)
    return ", ".join(map(literal, _parts(value))) or "''"


def _parts(value: str) -> list[str]:
    """Return the parts of a list, as SplitGUCList takes them: quoted ones as they are, others without blanks."""
    parts, part, quoted, was_quoted = [], "", False, False
    for place, character in enumerate(value):
        if character == '"':
            if not quoted and was_quoted and value[place - 1] == '"':
                part += '"'  # doubled
            quoted, was_quoted = not quoted, True
        elif character == "," and not quoted:
            parts.append(part)
            part, was_quoted = "", False
        elif quoted or not character.isspace():
            part += character
    return [one for one in [*parts, part] if one or was_quoted]


def _privileges(dbapi: Any, oids: tuple[int, int], name: str, owner: str) -> Iterator[str]:
    """Yield what makes the privileges the same; nothing where both have those that every database has."""
    wanted, found = (_granted(dbapi, oid) for oid in oids)
    if wanted == found:
        return
    holders = sorted({who for who, _, _ in [*wanted, *found]} | {"PUBLIC", quote_one(owner)})
    yield f"REVOKE ALL ON {name} FROM {', '.join(holders)} CASCADE"
    for who, privilege, grantable in wanted:
        again = grantable and who not in ("PUBLIC", quote_one(owner))
        yield f"GRANT {privilege} ON {name} TO {who}{' WITH GRANT OPTION' if again else ''}"


def _granted(dbapi: Any, oid: int) -> list[tuple[str, str, bool]]:
    statement = (
        "SELECT CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee) END, a.privilege_type, a.is_grantable"
        " FROM pg_database d CROSS JOIN aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a"
        f" WHERE d.oid = {oid} ORDER BY 1, 2"
    )
    return [(quote_one(who) if who else "PUBLIC", what, again) for who, what, again in rows_of(dbapi, statement)]

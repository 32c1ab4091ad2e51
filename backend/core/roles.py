"""The roles of the database and the database itself, made by a superuser once.

    kw_owner    owns the tables, runs migrations and makes partitions; bound by the policies too
    kw_app      web, alarm, aggregate, jobs; bound by row-level security
    kw_limited  what kw_app turns into for a member who sees a part of a project; logs in nowhere
    kw_ingest   stores readings; bypasses row-level security because COPY FROM refuses it, and
                therefore may touch a short list of tables only
    kw_backup   reads everything for pg_dump

Every statement can be repeated. `init_sql` is what `kilowise db init --print-sql` prints for a
database administrator to run with psql.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import quote, urlsplit, urlunsplit

from backend.core.sight import ROLE as LIMITED

DATABASE = "kilowise"

DATABASE_EXISTS = "SELECT 1 FROM pg_database WHERE datname = %s"

ATTRIBUTES: Mapping[str, str] = {
    "kw_owner": "NOBYPASSRLS",
    "kw_app": "NOBYPASSRLS",
    "kw_ingest": "BYPASSRLS",
    "kw_backup": "BYPASSRLS",
}
"""What tells the roles apart; none is superuser or may make roles or databases."""

_LIMITS: Mapping[str, Mapping[str, str]] = {
    "kw_owner": {},
    "kw_app": {"statement_timeout": "60s", "idle_in_transaction_session_timeout": "60s"},
    "kw_ingest": {"statement_timeout": "60s", "idle_in_transaction_session_timeout": "60s"},
    "kw_backup": {"default_transaction_read_only": "on"},
}


def role_statements(passwords: Mapping[str, str]) -> list[str]:
    """Answer the statements that make the roles, or put them right when they exist."""
    statements: list[str] = []
    for role, bypass in ATTRIBUTES.items():
        statements += [
            f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') "
            f"THEN CREATE ROLE {role}; END IF; END $$",
            f"ALTER ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION {bypass} "
            f"PASSWORD '{scram_verifier(passwords[role])}'",
            f"ALTER ROLE {role} SET timezone = 'UTC'",
        ]
        statements += [
            f"ALTER ROLE {role} SET {name} = '{value}'" for name, value in _LIMITS[role].items()
        ]
    statements += [
        "GRANT pg_read_all_data TO kw_backup",
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{LIMITED}') "
        f"THEN CREATE ROLE {LIMITED}; END IF; END $$",
        f"ALTER ROLE {LIMITED} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION "
        f"NOBYPASSRLS",
        # kw_app may turn into it but is not bound by its policies (nor, from 16 on, by its rights).
        "ALTER ROLE kw_app NOINHERIT",
        f"GRANT {LIMITED} TO kw_app",
    ]
    return statements


def create_database_sql(database: str = DATABASE) -> str:
    """Answer the statement that makes the database."""
    return (
        f"CREATE DATABASE {database} OWNER kw_owner ENCODING 'UTF8' LOCALE 'C.UTF-8' "
        f"TEMPLATE template0"
    )


def database_statements(database: str = DATABASE) -> list[str]:
    """Answer the statements that close the database to everybody but the four roles."""
    roles = ", ".join(ATTRIBUTES)
    return [
        f"ALTER DATABASE {database} OWNER TO kw_owner",
        f"REVOKE ALL ON DATABASE {database} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {database} TO {roles}",
    ]


def init_sql(passwords: Mapping[str, str], database: str = DATABASE) -> str:
    """Answer the whole as a script for psql."""
    lines = ["-- Kilowise: run once as superuser, for instance: psql -d postgres -f this-file"]
    lines += [f"{statement};" for statement in role_statements(passwords)]
    make = create_database_sql(database).replace("'", "''")
    exists = DATABASE_EXISTS.replace("%s", f"'{database}'")
    lines.append(f"SELECT '{make}' WHERE NOT EXISTS ({exists})\\gexec")
    lines += [f"{statement};" for statement in database_statements(database)]
    return "\n".join(lines) + "\n"


def database_name(url: str) -> str:
    """Answer the database a URL names; `kilowise` when it names none or `postgres`."""
    name = urlsplit(url).path.lstrip("/")
    return DATABASE if name in {"", "postgres"} else name


def url_for_role(url: str, role: str, password: str, database: str | None = None) -> str:
    """Answer the address `url` with another user and password, and another database if given."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    user = f"{quote(role, safe='')}:{quote(password, safe='')}"
    path = f"/{database}" if database else parts.path
    return urlunsplit(("postgresql", f"{user}@{place}", path, parts.query, ""))


def scram_verifier(password: str) -> str:
    """Answer what PostgreSQL stores for a password (RFC 5803), so that no log shows it."""
    salt, rounds = secrets.token_bytes(16), 4096
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored = base64.b64encode(hashlib.sha256(client).digest()).decode()
    server = base64.b64encode(hmac.digest(salted, b"Server Key", "sha256")).decode()
    return f"SCRAM-SHA-256${rounds}:{base64.b64encode(salt).decode()}${stored}:{server}"

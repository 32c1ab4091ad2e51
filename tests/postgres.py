"""Fixtures of a real PostgreSQL, for every test folder whose conftest imports them by star.

    postgres_server   one server a session: embedded 18; `--pg=15` Debian's; `--pg=both` every test
                      on both. Tests marked `both_postgres` run on both anyway.
    database_name     a fresh database for this test, cloned from a migrated template (about 20 ms)
    database          `Database` on it, logged in as kw_app and kw_ingest: never superuser
    clock             a ManualClock that stands at NOW
    platform          a `Platform` of the above (no broker behind its mqtt_url)
    make_project      await make_project("demo", zone="Asia/Shanghai") -> Tenant(id, uid, slug)
    make_person       await make_person("alice", tenant, role="manager", node=7) -> Actor
    alice, bob        two people of the project `acme`; charlie is a stranger in the project `other`
    admin             a superuser's connection, to look at the catalogue or behind the wall

Partitions of `reading` exist two months around NOW and around the real present. Settings are off
that only matter when the machine loses power (fsync), so that tests are fast.
"""

import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from backend.acquisition.credentials import internal_url
from backend.core.clock import ManualClock
from backend.core.db import Database
from backend.core.ids import encode_id, new_uuid
from backend.core.migrate import init_database
from backend.core.partitions import keep_partitions
from backend.core.passwords import load_passwords
from backend.core.platform import Platform
from backend.core.postgres import EmbeddedPostgres, find_programs
from backend.core.roles import url_for_role
from backend.core.settings import Settings
from backend.service.people.ready_made import make_roles

NOW = datetime(2026, 3, 15, 4, 0, tzinfo=UTC)
"""Where the tests' clock stands: noon of a Sunday in Shanghai."""

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
TEMPLATE = "kilowise"
OPTIONS = {"fsync": "off", "full_page_writes": "off", "max_connections": "150"}
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server with the migrated template."""

    address: str
    passwords: dict[str, str]

    def url(self, role: str, database: str) -> str:
        """Address of a database for a role; `postgres` is the superuser."""
        return url_for_role(self.address, role, self.passwords[role], database)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A project."""

    id: int
    uid: UUID
    slug: str


@dataclass(frozen=True, slots=True)
class Actor:
    """A person with a role in one project."""

    id: int
    uid: UUID
    login: str
    tenant: Tenant

    @property
    def text(self) -> str:
        """The person's identity outside."""
        return encode_id("per", self.uid)


MakeProject = Callable[..., Awaitable[Tenant]]
MakePerson = Callable[..., Awaitable[Actor]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Chooses the server(s) a test runs on."""
    if "postgres_server" not in metafunc.fixturenames:
        return
    wanted = str(metafunc.config.getoption("--pg"))
    if wanted == "18" and metafunc.definition.get_closest_marker("both_postgres"):
        wanted = "both"
    fifteen = pytest.param("15", marks=pytest.mark.needs("postgresql-15"))
    eighteen = pytest.param("18")
    versions = {"18": [eighteen], "15": [fifteen], "both": [eighteen, fifteen]}[wanted]
    metafunc.parametrize("postgres_server", versions, indirect=True, scope="session")


def memory_folder() -> Path | None:
    """A file system in memory with room for the tests' databases: cloning takes 20 ms there."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK) or shutil.disk_usage(shared).free < 2 << 30:
        return None
    return shared


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Starts the server and migrates the template once a session."""
    folder = Path(tempfile.mkdtemp(prefix="kw test ", dir=memory_folder()))
    folder.chmod(0o711)
    programs = DEBIAN_15 if request.param == "15" else find_programs(Settings())
    passwords_file = folder / "passwords.json"
    server = EmbeddedPostgres(folder, programs, passwords_file, OPTIONS)
    try:
        server.start()
        found = Server(server.url, load_passwords(passwords_file))
        init_database(found.url("postgres", "postgres"), found.passwords, NOW, TEMPLATE)
        keep_partitions(found.url("kw_owner", TEMPLATE), datetime.now(UTC))
        yield found
    finally:
        server.stop()
        shutil.rmtree(folder)


@contextmanager
def cloned(postgres_server: Server) -> Iterator[str]:
    """Clones the template and drops the clone afterwards."""
    with copied(postgres_server, TEMPLATE) as name:
        yield name


@contextmanager
def copied(postgres_server: Server, database_name: str) -> Iterator[str]:
    """Copies a database that nobody is connected to, and drops the copy afterwards."""
    name = f"t{os.getpid()}_{next(_numbers)}"
    _as_superuser(
        postgres_server,
        f"CREATE DATABASE {name} TEMPLATE {database_name} OWNER kw_owner STRATEGY FILE_COPY",
    )
    yield name
    _as_superuser(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


def _as_superuser(postgres_server: Server, statement: str) -> None:
    with psycopg.connect(postgres_server.url("postgres", "postgres"), autocommit=True) as admin:
        admin.execute(statement.encode())


@pytest.fixture
def database_name(postgres_server: Server) -> Iterator[str]:
    """A database of this test's own."""
    with cloned(postgres_server) as name:
        yield name


@pytest.fixture
async def database(postgres_server: Server, database_name: str) -> AsyncIterator[Database]:
    """The doors to this test's database."""
    async with Database(lambda role: postgres_server.url(role, database_name)) as opened:
        yield opened


@pytest.fixture
def admin(postgres_server: Server, database_name: str) -> Iterator[psycopg.Connection]:
    """A superuser's connection to this test's database, in autocommit."""
    url = postgres_server.url("postgres", database_name)
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at NOW until it is advanced."""
    return ManualClock(NOW)


@pytest.fixture
def platform(database: Database, clock: ManualClock, tmp_path: Path) -> Platform:
    """A platform whose embedded broker is away; tests that need one replace its mqtt_url."""
    settings = Settings(data=tmp_path)
    broker = internal_url(settings.data_folder, 1)
    return Platform(settings, clock, database, broker, "http://127.0.0.1:8000")


@pytest.fixture
def make_project(database: Database) -> MakeProject:
    """Makes a project: `await make_project(slug, zone=..., currency=..., demo=...)`."""

    async def make(
        slug: str, zone: str = "Asia/Shanghai", currency: str = "CNY", *, demo: bool = False
    ) -> Tenant:
        return await add_project(database, slug, zone, currency, demo=demo)

    return make


async def add_project(
    database: Database,
    slug: str,
    zone: str = "Asia/Shanghai",
    currency: str = "CNY",
    *,
    demo: bool = False,
) -> Tenant:
    """A project in a database."""
    uid = new_uuid(NOW)
    async with database.platform() as tx:
        number = await tx.fetch_value(
            "INSERT INTO project (uid, slug, name, zone, day_start_minute, currency, demo,"
            " created_at) VALUES (%s, %s, %s, %s, 0, %s, %s, %s) RETURNING id",
            (uid, slug, Jsonb({"en": slug}), zone, currency, demo, NOW),
            into=int,
        )
        assert number is not None
        await make_roles(tx, number)
    return Tenant(number, uid, slug)


@pytest.fixture
def make_person(database: Database) -> MakePerson:
    """Makes a person with a role in a project: `await make_person(login, tenant, role=...)`."""

    async def make(
        login: str,
        tenant: Tenant,
        role: str = "manager",
        locale: str = "en",
        node: int | None = None,
        modules: list[str] | None = None,
    ) -> Actor:
        uid = new_uuid(NOW)
        async with database.platform() as tx:
            number = await tx.fetch_value(
                "INSERT INTO person (uid, login, name, locale, demo, created_at)"
                " VALUES (%s, %s, %s, %s, false, %s) RETURNING id",
                (uid, login, Jsonb({"en": login.title()}), locale, NOW),
                into=int,
            )
            assert number is not None
            await tx.execute(
                "INSERT INTO membership (project_id, person_id, role, node_id, modules)"
                " VALUES (%s, %s, %s, %s, %s)",
                (tenant.id, number, role, node, modules),
            )
        return Actor(number, uid, login, tenant)

    return make


@pytest.fixture
async def alice(make_project: MakeProject, make_person: MakePerson) -> Actor:
    """A manager of the project `acme`."""
    return await make_person("alice", await make_project("acme"), role="manager")


@pytest.fixture
async def bob(alice: Actor, make_person: MakePerson) -> Actor:
    """Alice's team-mate, on shift."""
    return await make_person("bob", alice.tenant, role="shift_leader")


@pytest.fixture
async def charlie(make_project: MakeProject, make_person: MakePerson) -> Actor:
    """The stranger: manager of another project."""
    return await make_person("charlie", await make_project("other"), role="manager")

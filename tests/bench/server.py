"""A fresh PostgreSQL for a benchmark, with the options the product ships."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from backend.core.db import Database
from backend.core.migrate import init_database
from backend.core.partitions import keep_partitions
from backend.core.passwords import load_passwords
from backend.core.postgres import EmbeddedPostgres, find_programs
from backend.core.roles import url_for_role
from backend.core.settings import Settings


@dataclass(frozen=True, slots=True)
class BenchServer:
    """Where the benchmark's database is."""

    folder: Path
    address: str
    passwords: dict[str, str]
    programs: Path

    def url(self, role: str) -> str:
        """Address of the database for a role."""
        return url_for_role(self.address, role, self.passwords[role], "kilowise")

    def database(self) -> Database:
        """The doors to it."""
        return Database(self.url)


@contextmanager
def bench_server(now: datetime) -> Iterator[BenchServer]:
    """A migrated server with partitions around `now`, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="kw bench "))
    folder.chmod(0o711)
    programs = find_programs(Settings())
    server = EmbeddedPostgres(folder, programs, folder / "passwords.json")
    try:
        server.start()
        passwords = load_passwords(folder / "passwords.json")
        found = BenchServer(folder, server.url, passwords, programs)
        admin = url_for_role(server.url, "postgres", passwords["postgres"], "postgres")
        init_database(admin, passwords, now)
        keep_partitions(found.url("kw_owner"), now)
        keep_partitions(found.url("kw_owner"), datetime.now(UTC))
        yield found
    finally:
        server.stop()
        shutil.rmtree(folder)


def figure(
    name: str,
    value: float,
    unit: str,
    *,
    against: str = "",
    ratio: float | None,
    reach: float,
    at_most: bool = False,
) -> str:
    """One line of `make bench`: `reach` is of the ratio where there is one, else of the value.

    It is the least to reach, or with `at_most` the most.
    """
    reached = value if ratio is None else ratio
    return json.dumps(
        {
            "name": name,
            "value": round(value, 1) if value >= 100 else round(value, 3),
            "unit": unit,
            "against": against,
            "ratio": None if ratio is None else round(ratio, 3),
            "reach": reach,
            "ok": reached <= reach if at_most else reached >= reach,
        }
    )


def run(main: object) -> None:
    """Run an async benchmark that returns its lines as a role is run, and print them."""
    assert asyncio.iscoroutinefunction(main)
    print("\n".join(uvloop.run(main())), flush=True)

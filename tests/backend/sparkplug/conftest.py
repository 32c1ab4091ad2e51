"""The recorded exchange of the host, made once a session."""

import asyncio

import pytest

from tests.backend.sparkplug.session import Recording, record
from tests.postgres import Server


@pytest.fixture(scope="session")
def recording(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """What a real ingest worker and a real broker said to each other."""
    return asyncio.run(record(postgres_server, tmp_path_factory.mktemp("host")))

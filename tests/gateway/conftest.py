"""Fixtures of the gateway's tests: a mosquitto on a free port."""

from collections.abc import AsyncIterator

import pytest

from tests.gateway.broker import Mosquitto
from tests.gateway.modbus_server import free_port


@pytest.fixture
async def mosquitto() -> AsyncIterator[Mosquitto]:
    """A running broker that a test may kill and start again."""
    broker = Mosquitto(free_port())
    await broker.start()
    yield broker
    broker.close()

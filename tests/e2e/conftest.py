"""One product and one Chromium for the whole folder; what a test changes it puts back."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Playwright, sync_playwright

from tests.e2e.browser import chromium
from tests.e2e.plant import Plant, free_port
from tests.graphql.receivers import Receiver, receiver_apart
from tests.product import Product, product
from tests.push_service import PushService, push_service

PRODUCT_S = 900
TEST_S = 1200
"""The first test of the folder waits for the product and its history, too."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here needs Chromium and 简体中文; the first one waits for the product."""
    for item in items:
        if "tests/e2e" in item.nodeid:
            item.add_marker(pytest.mark.needs("chromium", "fonts"))
            item.add_marker(pytest.mark.timeout(TEST_S))


@pytest.fixture(scope="package")
def push() -> Iterator[PushService]:
    """The push service that the product may send to."""
    with push_service() as service:
        yield service


@pytest.fixture(scope="package")
def hooked() -> Iterator[Receiver]:
    """The program that the product may tell events."""
    with receiver_apart() as listening:
        yield listening


@pytest.fixture(scope="package")
def running(
    tmp_path_factory: pytest.TempPathFactory, push: PushService, hooked: Receiver
) -> Iterator[Product]:
    """The demonstration, live and with its history."""
    with product(
        tmp_path_factory.mktemp("e2e"),
        PORT=str(free_port()),
        MQTT_PORT=str(free_port()),
        MQTT_TLS_PORT=str(free_port()),
        KILOWISE_PUSH_HOSTS=push.host,
        KILOWISE_WEBHOOK_HOSTS=hooked.host,
        KILOWISE_SIGN_UP="invited",
    ) as started:
        started.wait_ready()
        Plant(started).wait_history(PRODUCT_S)
        yield started


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Chromium]:
    """Chromium; every person gets a context of it."""
    with chromium(playwright) as started:
        yield started


@pytest.fixture
def plant(running: Product) -> Iterator[Plant]:
    """The simulated plant and the database; afterwards nothing is overloaded and no alarm open."""
    found = Plant(running)
    yield found
    found.calm()

"""What all tests share: a scrubbed environment, free ports, and programs that may be absent."""

import os
import signal
import socket
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

from scripts import programs

# No verdict hangs on a clock: a loaded machine may take as long as it needs.
settings.register_profile("kilowise", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kilowise")

OURS = ("KILOWISE_", "PG")
OURS_EXACTLY = {"PORT", "MQTT_PORT", "MQTT_TLS_PORT", "MQTT_TLS_BIND", "BIND", "PHONE"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the choice of PostgreSQL: 18 (embedded), 15 (Debian's), or every test on both."""
    parser.addoption("--pg", choices=("18", "15", "both"), default="18")
    parser.addoption("--long", action="store_true", help="longer faults: cuts of 15 s and 60 s")


def pytest_configure(config: pytest.Config) -> None:
    """Takes our settings out of the environment before any module is imported."""
    for name in list(os.environ):
        if name.startswith(OURS) or name in OURS_EXACTLY:
            del os.environ[name]
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # So a shell starts what it puts into the background, and what tests start would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts long tests first: a part then does not wait for one that began last.

    Skips what needs an absent program, by name; in CI nothing is skipped, so it fails there.
    """
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    absent = {program.name: program for program in programs.absent()}
    known = {program.name for program in programs.PROGRAMS}
    for item in items:
        for marker in item.iter_markers("needs"):
            unknown = set(marker.args) - known
            if unknown:
                raise pytest.UsageError(
                    f"{item.nodeid} needs {unknown}: not in scripts/programs.py"
                )
            missing = [absent[name] for name in marker.args if name in absent]
            if missing and not os.environ.get("CI"):
                item.add_marker(pytest.mark.skip(reason=programs.sentence(missing).strip()))


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Returns a loopback port nobody listens on, another one at each call."""
    given: set[int] = set()

    def take() -> int:
        while True:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = int(probe.getsockname()[1])
            if port not in given:
                given.add(port)
                return port

    return take

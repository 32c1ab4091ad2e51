"""The recorded exchange, made once a session."""

import pytest

from tests.gateway.sparkplug.session import Recording, play


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """What a real gateway and a real broker said to each other."""
    return play(tmp_path_factory.mktemp("recording"))

"""What a web process does before its first request, seen in a process of its own."""

import subprocess
import sys

WARMS_UP = """
import gc
from backend.application.web_process import warm_up
from gateway.contract.energy import energy_types

before = gc.get_freeze_count(), energy_types.cache_info().currsize
warm_up()
print(before, gc.get_freeze_count() > 10_000, energy_types.cache_info().currsize)
"""


def test_energy_types_are_read_and_what_stays_is_not_collected_again() -> None:
    argv = [sys.executable, "-c", WARMS_UP]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert told == "(0, 0) True 1\n"

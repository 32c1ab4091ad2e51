"""Case 14 on the whole product: the link is cut, polling goes on, nothing is lost or doubled.

A cut of 24 h is part of test_month_is_truth and of `make faults`, on an accelerated clock.
"""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.campaign import drained_balance
from tests.faults.ledger import audit, journaled
from tests.faults.strike import cut_link
from tests.product import product

REST_S = 3.0


def test_cuts_of_the_link_lose_and_double_nothing(
    tmp_path: Path, free_port: Callable[[], int], request: pytest.FixtureRequest
) -> None:
    tmp_path.chmod(0o755)
    data = tmp_path / "data folder"
    data.mkdir()
    audit(data)
    port = free_port()
    lengths = (1, 15, 60) if request.config.getoption("--long") else (1, 5)
    cuts = []
    words = f"--no-bench --cut 127.0.0.1:{port}"
    with product(tmp_path, MQTT_PORT=str(port), KILOWISE_SIMULATE=words) as running:
        running.wait_ready()
        for seconds in lengths:
            begin = time.time()
            cut_link(running, seconds)
            time.sleep(seconds)
            cuts.append((begin * 1000, time.time() * 1000))
            time.sleep(REST_S)
        found = drained_balance(running)
    assert found.holds, found
    times = [f.ts_ms for f in journaled(data) if (f.device, f.point) == ("incomer-1", "ep_imp")]
    for begin, end in cuts[1:]:
        assert [ts for ts in times if begin < ts < end], "polling stopped while the link was cut"
    print(f"cuts of {lengths} s: {found}")

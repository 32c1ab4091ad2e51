"""Case 14 on the whole product: the link is cut, polling goes on, nothing is lost or doubled."""

import json
import signal
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.simulator.command import ask
from tests.faults.ledger import audit, imported_until, journaled, stored, wait_drained
from tests.product import product

pytestmark = pytest.mark.timeout(600)

QUARTER_MS = 900_000
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
            cut = json.dumps({"fault": "link", "minutes": seconds / 60})
            assert ask(data, cut)["ok"]
            time.sleep(seconds)
            cuts.append((begin * 1000, time.time() * 1000))
            time.sleep(REST_S)
        for slug in {fact.device for fact in journaled(data)}:
            assert ask(data, json.dumps({"fault": "dead", "device": slug}))["ok"]
        wait_drained(data)
        running.kill("gateway", signal.SIGSTOP)
        wait_drained(data)
        expected, found, history = journaled(data), stored(data), imported_until(data)
        running.kill("gateway", signal.SIGCONT)
    assert len(expected) == len(set(expected))
    assert set(expected) - set(found) == set()
    first = min(fact.ts_ms for fact in expected)
    more = {fact for fact in set(found) - set(expected) if fact.ts_ms >= first}
    assert not [fact for fact in more if fact.ts_ms % QUARTER_MS or fact.ts_ms > history]
    times = [f.ts_ms for f in expected if (f.device, f.point) == ("incomer-1", "ep_imp")]
    assert all(earlier < later for earlier, later in pairwise(times))
    for begin, end in cuts[1:]:
        assert [ts for ts in times if begin < ts < end], "polling stopped while the link was cut"
    print(f"cuts of {lengths} s: {len(expected)} readings compared")

"""Case 14 on the whole product: the link is cut, polling goes on, nothing is lost or doubled."""

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.faults.campaign import DAY_S, FAST, Fault, Leg, What, drained_balance, run_leg
from tests.faults.ledger import audit, journaled
from tests.faults.strike import cut_link
from tests.product import product

pytestmark = pytest.mark.timeout(600)

REST_S = 3.0
HOUR_MS = 3_600_000


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


def test_a_day_without_a_link_is_there_afterwards(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    day = Fault(What.CUT, DAY_S, DAY_S / FAST + REST_S)
    found = run_leg(tmp_path / "day", Leg("a day", (day,), FAST), print)
    assert found.holds, found
    facts = journaled(tmp_path / "day" / "data folder")
    times = [f.ts_ms for f in facts if (f.device, f.point) == ("incomer-1", "ep_imp")]
    # Read each quarter hour, on a busy machine a little more rarely: the whole day, not its ends.
    assert times[-1] - times[0] > DAY_S * 1000
    assert max(later - earlier for earlier, later in pairwise(times)) < 6 * HOUR_MS
    print(f"a day without a link: {found}")

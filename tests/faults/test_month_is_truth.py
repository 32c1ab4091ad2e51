"""The current month over Modbus with a wrap, a dead slave of 2 h and a cut of 24 h, and 35 days of
imported history, equal the simulator's truth file: every meter and node, in integers.

A run is a stretch between two readings that lie on quarter hours. Every run's sum must be exact;
where a meter was silent, the quarter hours of the run must be marked estimated. Late polls of a
busy machine may make a run of more than one quarter hour; its sum is exact all the same.
"""

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest

from gateway.contract.clock import parse_clock
from gateway.contract.quality import Quality
from gateway.simulator.command import ask
from gateway.simulator.plant_file import read_plant
from tests.faults.ledger import superuser, wait_drained
from tests.product import ROOT, Product, product

pytestmark = pytest.mark.timeout(3 * 900)

ZONE = timedelta(hours=8)
RATE = 1800
STEP_S = 900
QUARTER = timedelta(seconds=900)
BEGIN = datetime(2026, 10, 31, 15, tzinfo=UTC) - ZONE
"""The first live values come before the month, or when they are later, the faults are."""
MONTH = datetime(2026, 11, 1, tzinfo=UTC) - ZONE
WRAPPED = "furnace-1"
WRAP = {"fault": "wrap", "device": WRAPPED, "point": "ep_imp", "at": MONTH + timedelta(hours=9)}
"""In the events from the start: a wrap to come moves the register's whole past."""
SILENT = "compressor-1"
MISLED = "paint"
MAX_GAP = timedelta(seconds=1800)
"""What the profiles say: a longer silence is estimated."""
PATIENCE_S = 900.0


@dataclass(frozen=True, slots=True)
class Faults:
    """What happens, counted from the beginning of the month, or of live values when later."""

    base: datetime

    @property
    def silence(self) -> tuple[datetime, datetime]:
        """One meter does not answer for 2 h."""
        return self.base + timedelta(hours=1), self.base + timedelta(hours=3)

    @property
    def cut(self) -> tuple[datetime, datetime]:
        """The link to the broker is cut for 24 h (case 14)."""
        return self.base + timedelta(hours=2.5), self.base + timedelta(hours=26.5)

    @property
    def end(self) -> datetime:
        """Every meter is compared until then at least."""
        return self.base + timedelta(hours=28)

    def requests(self) -> list[dict[str, object]]:
        """What the simulator is asked."""
        begin, end = self.silence
        cut, mended = self.cut
        return [
            {"fault": "dead", "device": SILENT, "from": begin, "to": end},
            {"fault": "link", "from": cut, "to": mended},
        ]


@dataclass(frozen=True, slots=True)
class Bucket:
    """One stored bucket."""

    end: datetime
    quantity: int
    estimated: int
    quality: int


Buckets = dict[tuple[int, int], dict[datetime, Bucket]]
"""(scope id, period) -> start -> bucket, of meters or of nodes."""


def test_the_month_equals_the_truth_in_integers(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    tmp_path.chmod(0o755)
    data = tmp_path / "data folder"
    (data / "simulator").mkdir(parents=True)
    (data / "simulator" / "events.jsonl").write_text(line(WRAP) + "\n")
    port = free_port()
    clock = f"{BEGIN.isoformat()},{RATE},{time.time()!r}"
    words = f"--no-bench --step {STEP_S} --cut 127.0.0.1:{port}"
    with product(
        tmp_path, KILOWISE_CLOCK=clock, MQTT_PORT=str(port), KILOWISE_SIMULATE=words
    ) as running:
        running.wait_ready()
        with superuser(data) as db:
            widen_nameplates(db)
        now = parse_clock(clock).now()
        hour = now.replace(minute=0, second=0, microsecond=0)
        faults = Faults(max(MONTH, hour + timedelta(hours=2)))
        print(f"month: live values flow at {now + ZONE}, faults begin at {faults.base + ZONE}")
        for request in faults.requests():
            assert ask(data, line(request))["ok"]
        wait_until(lambda: parse_clock(clock).now() >= faults.end, running)
        wait_until(lambda: imported(data), running)
        wait_until(lambda: read_since(data, faults.end), running)
        last = parse_clock(clock).now()
        for slug in devices():
            assert ask(data, line({"fault": "dead", "device": slug, "from": last}))["ok"]
        wait_drained(data)
        wait_until(lambda: accounted(data), running)
        truth = truth_file(data, tmp_path / "truth.jsonl", clock, words)
        compare(data, truth, faults)


def widen_nameplates(db: psycopg.Connection) -> None:
    """Allow what a busy machine does at this clock's rate, where a moment is minutes of the meters'
    time: a reading that was taken late makes the next one look like a jump. What was read so far is
    judged anew, as when a person changes a nameplate.
    """
    with db.transaction():
        db.execute("UPDATE meter SET nameplate_per_hour = nameplate_per_hour * 100")
        db.execute(
            "INSERT INTO dirty (project_id, point_id, first_ts, last_ts)"
            " SELECT DISTINCT p.project_id, p.id, %s::timestamptz, %s::timestamptz FROM meter m"
            " JOIN point p ON p.project_id = m.project_id AND p.device_id = m.device_id"
            " AND p.name = m.register_name",
            (BEGIN, MONTH + timedelta(days=2)),
        )


def compare(data: Path, truth: "Truth", faults: Faults) -> None:
    """Every meter and every node against the truth."""
    with superuser(data) as db:
        meters = db.execute(
            "SELECT m.id, m.slug, d.slug, m.register_name, p.id FROM meter m"
            " JOIN device d ON d.project_id = m.project_id AND d.id = m.device_id"
            " JOIN point p ON p.project_id = m.project_id AND p.device_id = d.id"
            " AND p.name = m.register_name ORDER BY m.slug"
        ).fetchall()
        read: dict[int, list[datetime]] = defaultdict(list)
        for point, ts in db.execute(
            "SELECT point_id, ts FROM reading WHERE point_id = ANY(%s) ORDER BY ts",
            ([row[4] for row in meters],),
        ):
            read[point].append(ts.astimezone(UTC))
        rows: dict[int, Buckets] = {1: defaultdict(dict), 2: defaultdict(dict)}
        for scope, ident, period, start, end, qty, estimated, quality in db.execute(
            "SELECT scope, scope_id, period, start_ts, end_ts, qty, estimated_qty, quality"
            " FROM account"
        ):
            bucket = Bucket(end.astimezone(UTC), qty, estimated, quality)
            rows[scope][ident, period][start.astimezone(UTC)] = bucket
        shares = db.execute(
            "SELECT n.node_id, n.meter_id, n.coefficient, m.energy FROM node_meter n"
            " JOIN meter m ON m.project_id = n.project_id AND m.id = n.meter_id"
        ).fetchall()
        wraps = db.execute(
            "SELECT d.slug, p.name FROM register_judgement j"
            " JOIN point p ON p.project_id = j.project_id AND p.id = j.point_id"
            " JOIN device d ON d.project_id = p.project_id AND d.id = p.device_id"
            " WHERE j.kind = 'wrap'"
        ).fetchall()
        energies = db.execute(
            "SELECT scope_id, energy, period, start_ts, end_ts, qty FROM account WHERE scope = 2"
        ).fetchall()
    exact = runs = 0
    for ident, slug, device, register, point in meters:
        known = ends_of_runs(read[point])
        done = compare_meter(slug, truth[device, register], known, rows[1], ident, faults.base)
        check_marks(slug, read[point], rows[1][ident, 1], faults)
        exact, runs = exact + done[0], runs + done[1]
    print(f"month: {len(meters)} meters, {exact} single quarter hours exact, {runs} longer runs")
    assert wraps == [(WRAPPED, "ep_imp")]
    check_nodes(rows[1], shares, energies)


class Truth(dict[tuple[str, str], "TruthOf"]):
    """(device, point) -> what its register counted."""


@dataclass(frozen=True, slots=True)
class TruthOf:
    """What a register counted, by quarter hours from `start`: of what flowed, except where the
    meter is set to a wrong ratio.
    """

    start: datetime
    sums: tuple[int, ...]

    def between(self, first: datetime, last: datetime) -> int:
        """Smallest units counted from one quarter hour to another."""
        return (
            self.sums[(last - self.start) // QUARTER] - self.sums[(first - self.start) // QUARTER]
        )


def compare_meter(
    slug: str, truth: TruthOf, known: list[datetime], rows: Buckets, ident: int, base: datetime
) -> tuple[int, int]:
    """One meter, from more than a month before `base` on; answers how many quarter hours were
    exact alone and how many runs in sum.
    """
    quarters = rows[ident, 1]
    assert known[0] <= base - timedelta(days=33), slug
    singles = longer = 0
    for first, last in pairwise(known):
        inside = [first + QUARTER * step for step in range((last - first) // QUARTER)]
        assert all(start in quarters for start in inside), f"{slug}: no bucket in {first}..{last}"
        total = sum(quarters[start].quantity for start in inside)
        assert total == truth.between(first, last), f"{slug} {first}..{last}"
        singles += len(inside) == 1
        longer += len(inside) > 1
    check_upward(slug, truth, set(known), rows, ident)
    return singles, longer


def ends_of_runs(read: list[datetime]) -> list[datetime]:
    """Quarter hours at which the register was read, the reading before being on one too.

    A meter that was just found is read at once, between two steps of the simulator, and shows the
    value of the step before: its next step looks like a jump, and is judged with the one after.
    """
    on_grid = [(ts - MONTH) % QUARTER == timedelta() for ts in read]
    return [
        ts for index, ts in enumerate(read) if on_grid[index] and (index == 0 or on_grid[index - 1])
    ]


def check_marks(
    slug: str, read: list[datetime], quarters: dict[datetime, Bucket], faults: Faults
) -> None:
    """Quarter hours in a gap longer than the point's limit are marked estimated, no others are.

    One meter was silenced; a busy machine may leave another unread, which is then marked as well.
    """
    gaps = [(one, two) for one, two in pairwise(read) if two - one > MAX_GAP]
    begin, end = faults.silence
    silent = any(one < end and two > begin for one, two in gaps)
    assert silent or slug != SILENT, f"{slug}: {gaps}"
    for start, bucket in quarters.items():
        inside = any(one < start + QUARTER and two > start for one, two in gaps)
        marked = bucket.quality == int(Quality.ESTIMATED)
        assert marked == inside, f"{slug} {start}: {bucket}, gaps {gaps}"


def check_upward(
    slug: str, truth: TruthOf, known: set[datetime], rows: Buckets, ident: int
) -> None:
    """Hours, days and months are the sums of their quarter hours, and the truth where both ends
    were read.
    """
    quarters = rows[ident, 1]
    for period in (2, 3, 4):
        assert rows[ident, period], f"{slug}: no period {period}"
        for start, bucket in rows[ident, period].items():
            steps = [start + QUARTER * step for step in range((bucket.end - start) // QUARTER)]
            inside = [quarters[at] for at in steps if at in quarters]
            assert bucket.quantity == sum(q.quantity for q in inside), f"{slug} {period} {start}"
            assert bucket.estimated == sum(q.estimated for q in inside), f"{slug} {period} {start}"
            if start in known and bucket.end in known:
                assert bucket.quantity == truth.between(start, bucket.end), f"{slug} {start}"
    assert MONTH in rows[ident, 4], f"{slug}: no account of the current month"
    last = max(known)
    so_far = sum(q.quantity for at, q in quarters.items() if MONTH <= at < last)
    if MONTH in known:
        assert so_far == truth.between(MONTH, last), f"{slug}: the month so far"


def check_nodes(
    meters: Buckets,
    shares: list[tuple[int, int, Decimal, str]],
    energies: list[tuple[int, str, int, datetime, datetime, int]],
) -> None:
    """A node's quarter hour is the sum of coefficient x meter, and any longer bucket of these.

    Of every tree; a share is rounded once, half even, so that an account stays an integer.
    """
    of: dict[tuple[int, str], list[tuple[int, Decimal]]] = defaultdict(list)
    for node, meter, coefficient, energy in shares:
        of[node, energy].append((meter, coefficient))
    assert energies
    quarters: dict[tuple[int, str], dict[datetime, int]] = defaultdict(dict)
    for node, energy, period, start, _, quantity in energies:
        if period == 1:
            at = start.astimezone(UTC)
            parts = [
                coefficient * meters[meter, 1][at].quantity
                for meter, coefficient in of[node, energy]
                if at in meters[meter, 1]
            ]
            assert quantity == round(sum(parts)), f"node {node} {energy} {at}"
            quarters[node, energy][at] = quantity
    for node, energy, period, start, end, quantity in energies:
        if period != 1:
            steps = range((end - start) // QUARTER)
            mine = quarters[node, energy]
            known = (mine.get(start.astimezone(UTC) + QUARTER * step, 0) for step in steps)
            assert quantity == sum(known), f"node {node} {energy} {period} {start}"
    print(f"month: {len(energies)} buckets of nodes are the sums of their meters")


def truth_file(data: Path, file: Path, clock: str, options: str) -> Truth:
    """The truth that the simulator writes for this data folder, until now."""
    words = ["--truth", str(file), "--from", (MONTH - timedelta(days=36)).isoformat()]
    argv = [sys.executable, "-m", "gateway", "simulate", "--data", str(data), *words]
    argv += ["--to", parse_clock(clock).now().isoformat()]
    environment = {**os.environ, "KILOWISE_CLOCK": clock, "KILOWISE_SIMULATE": options}
    subprocess.run(argv, cwd=ROOT, env=environment, check=True)
    found = Truth()
    for line in file.read_text().splitlines():
        row = json.loads(line)
        check_ratio(row["device"], row["quantities"], row.get("shown"))
        sums = [0]
        for quantity in row.get("shown", row["quantities"]):
            sums.append(sums[-1] + quantity)
        start = datetime.fromisoformat(row["start"])
        found[row["device"], row["point"]] = TruthOf(start, tuple(sums))
    return found


def check_ratio(device: str, flowed: list[int], shown: list[int] | None) -> None:
    """One meter is set to a wrong ratio, 150/5 for 200/5, and counts 3/4 of the truth."""
    assert (shown is not None) == (device == MISLED and sum(flowed) > 0), device
    if shown is not None:
        assert [4 * one for one in shown] == [3 * one for one in flowed]


def devices() -> list[str]:
    """The plant's devices."""
    return [device.slug for device in read_plant("qichuan").devices]


def imported(data: Path) -> bool:
    """Whether the history is in the database."""
    with superuser(data) as db:
        states = [row[0] for row in db.execute("SELECT state FROM import_job").fetchall()]
    assert "failed" not in states
    return states == ["done"]


def read_since(data: Path, moment: datetime) -> bool:
    """Whether every meter's register was read at the moment or later."""
    with superuser(data) as db:
        late = db.execute(
            "SELECT 1 FROM meter m JOIN point p ON p.project_id = m.project_id"
            " AND p.device_id = m.device_id AND p.name = m.register_name"
            " WHERE NOT EXISTS (SELECT 1 FROM reading r WHERE r.project_id = p.project_id"
            " AND r.point_id = p.id AND r.ts >= %s) LIMIT 1",
            (moment,),
        )
        return late.fetchone() is None


def accounted(data: Path) -> bool:
    """Whether nothing waits for accounting."""
    with superuser(data) as db:
        return db.execute("SELECT 1 FROM dirty LIMIT 1").fetchone() is None


def wait_until(met: Callable[[], bool], running: Product) -> None:
    """Wait for something of the product."""
    deadline = time.monotonic() + PATIENCE_S
    while not met():
        assert running.process.poll() is None, running.printed()[-3000:]
        assert time.monotonic() < deadline, running.printed()[-6000:]
        time.sleep(0.2)


def line(request: Mapping[str, object]) -> str:
    """A request to the simulator, or a line of its events."""
    return json.dumps({key: _text(value) for key, value in request.items()})


def _text(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value

"""Signed updates: what is refused, what is kept, what goes back by itself, kill -9 anywhere."""

import asyncio
import random
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.__main__ import main
from gateway.contract import topics
from gateway.contract.clock import SystemClock
from gateway.contract.update import MANIFEST, SIGNATURE, WHEEL
from gateway.journal import Journal
from gateway.update.health import Health, Monitor, read_health
from gateway.update.release import UpdateFault, read_release
from gateway.update.sign import sign
from gateway.update.software import Outcome, Software, Trial
from gateway.update.supervise import MAX_STARTS, Supervisor, judge
from tests.gateway.broker import Mosquitto
from tests.gateway.host import Host
from tests.gateway.modbus_server import free_port, sdm630_field, serving
from tests.gateway.releases import Maker
from tests.gateway.test_gateway import write_config

BROKEN = 'raise ImportError("a library is missing")\n'
MUTE = "import time\ntime.sleep(60)\n"


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    return Maker(tmp_path_factory.mktemp("maker"))


@pytest.fixture(scope="module")
def newer(maker: Maker) -> Path:
    return maker.release("9.0.0")


class Box:
    """A gateway's folder, its supervisor as a process, and its releases."""

    def __init__(self, folder: Path, mqtt_port: int, key: str, within_s: float) -> None:
        self.port = free_port()
        self.file = write_config(folder, mqtt_port, self.port)
        told = f"update: {{keys: ['{key}'], healthy_within_s: {within_s}}}\n"
        self.file.write_text(self.file.read_text() + told)
        self.software = Software(folder / "software")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "supervise", "--config", str(self.file)],
            stderr=subprocess.DEVNULL,
        )

    def end(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait()

    def update(self, release: Path, *more: str) -> int:
        return main(["update", str(release), "--config", str(self.file), *more])

    async def rolled_back(self, version: str) -> Outcome:
        """How a trial ended, once this version's did."""
        async with asyncio.timeout(30):
            while True:
                outcome = self.software.outcome()
                if outcome is not None and outcome.version == version and not outcome.kept:
                    return outcome
                await asyncio.sleep(0.05)

    async def until(self, met: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not met():  # noqa: ASYNC110 - files have no bell
                await asyncio.sleep(0.05)


@pytest.fixture
def box(tmp_path: Path, maker: Maker) -> Box:
    return Box(tmp_path, 1883, maker.public, 60)


def test_a_release_is_staged_and_switched_to(
    box: Box, newer: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert box.software.current == ""
    assert box.update(newer) == 0
    assert "9.0.0 is installed and on trial" in capsys.readouterr().out
    assert (box.software.current, box.software.confirmed) == ("9.0.0", "")
    assert box.software.on_trial
    assert (box.software.path("9.0.0") / "gateway/run.py").is_file()
    assert box.update(newer, "--force") == 1
    assert "runs already" in capsys.readouterr().err


def test_what_is_not_to_be_believed_is_refused(
    box: Box, newer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = Maker(tmp_path / "stranger").release("9.1.0")
    cut = tmp_path / "cut.release"
    cut.write_bytes(newer.read_bytes()[:-1000])
    swapped = tmp_path / "swapped.release"
    with zipfile.ZipFile(newer) as good, zipfile.ZipFile(swapped, "w") as bad:
        for name in (MANIFEST, SIGNATURE):
            bad.writestr(name, good.read(name))
        bad.writestr(WHEEL, good.read(WHEEL)[:-1] + b"x")
    renamed = tmp_path / "renamed.release"
    with zipfile.ZipFile(newer) as good, zipfile.ZipFile(renamed, "w") as bad:
        bad.writestr(MANIFEST, good.read(MANIFEST).replace(b"9.0.0", b"9.9.0"))
        for name in (SIGNATURE, WHEEL):
            bad.writestr(name, good.read(name))
    for file, said in (
        (stranger, "not signed by any of update.keys"),
        (cut, "not a whole release"),
        (swapped, "not the one that was signed"),
        (renamed, "not signed by any of update.keys"),
        (tmp_path / "nothing", "not a whole release"),
    ):
        assert box.update(file, "--force") == 1
        assert said in capsys.readouterr().err
    assert box.software.current == ""
    with pytest.raises(UpdateFault, match="no key is configured"):
        read_release(newer, ())


def test_a_wheel_that_reaches_out_is_refused(tmp_path: Path, box: Box, maker: Maker) -> None:
    # Signed all the same: a mistake of the maker must not write outside the folder.
    wheel = tmp_path / "kilowise-9.3.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("../../../escaped.py", "x")
    sign(wheel, maker.key, tmp_path / "bad.release")
    assert box.update(tmp_path / "bad.release") == 1
    assert box.software.current == ""
    assert not list(tmp_path.rglob("escaped.py"))


def test_older_ones_and_those_for_a_newer_platform_need_force(
    box: Box, maker: Maker, newer: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, ahead = maker.release("0.0.1"), maker.release("9.2.0", min_wire="2.0")
    for release, said in ((old, "is not newer than"), (ahead, "speak wire 2.0")):
        assert box.update(release) == 1
        assert said in capsys.readouterr().err
    assert box.update(newer) == 0
    assert box.update(old) == 1
    assert box.update(old, "--force") == 0
    assert box.software.current == "0.0.1"


@pytest.mark.long
@pytest.mark.needs("mosquitto")
async def test_a_good_update_proves_itself_a_broken_one_goes_back(
    tmp_path: Path, mosquitto: Mosquitto, maker: Maker, newer: Path
) -> None:
    box, host = Box(tmp_path, mosquitto.port, maker.public, 20), Host("works", mosquitto.port)
    broken = maker.release("9.1.0", {"gateway/run.py": BROKEN})
    await host.start()
    async with serving(sdm630_field(1), box.port):
        box.start()
        try:
            await host.until(lambda: bool(host.samples))
            assert await asyncio.to_thread(box.update, newer) == 0
            await box.until(lambda: box.software.confirmed == "9.0.0")
            assert host.node[topics.EXT_SOFTWARE].value == "9.0.0"
            host.births.clear()
            assert await asyncio.to_thread(box.update, broken) == 0
            outcome = await box.rolled_back("9.1.0")
            assert (box.software.current, outcome.reason) == ("9.0.0", "it ended with code 1")
            await host.until(lambda: "NBIRTH/edge" in host.births)
            assert host.node[topics.EXT_SOFTWARE].value == "9.0.0"
        finally:
            await asyncio.to_thread(box.end)
    await host.stop()


@pytest.mark.needs("mosquitto")
async def test_a_trial_outlives_kill_9_and_a_mute_version_goes_back(
    tmp_path: Path, mosquitto: Mosquitto, maker: Maker, newer: Path
) -> None:
    box, host = Box(tmp_path, mosquitto.port, maker.public, 60), Host("works", mosquitto.port)
    mute = maker.release("9.4.0", {"gateway/run.py": MUTE})
    host.acknowledging = False
    await host.start()
    async with serving(sdm630_field(1), box.port):
        box.start()
        try:
            await host.until(lambda: bool(host.samples))
            assert await asyncio.to_thread(box.update, newer) == 0
            await box.until(lambda: box.software.trial().starts == 1)
            await asyncio.to_thread(box.end, signal.SIGKILL)
            assert (box.software.current, box.software.on_trial) == ("9.0.0", True)
            host.acknowledging = True
            box.start()
            await box.until(lambda: box.software.confirmed == "9.0.0")
            text = box.file.read_text()
            box.file.write_text(text.replace("healthy_within_s: 60", "healthy_within_s: 0.5"))
            assert await asyncio.to_thread(box.update, mute) == 0
            outcome = await box.rolled_back("9.4.0")
            assert box.software.current == "9.0.0"
            assert outcome.reason.startswith("it did not work within 0.5 s")
        finally:
            await asyncio.to_thread(box.end)
    await host.stop()


@dataclass
class Link:
    """A connection that does what it is told."""

    online: bool = False
    contact_s: float | None = None


async def test_what_a_gateway_says_of_its_health(tmp_path: Path) -> None:
    journal, link, file = Journal(tmp_path / "j"), Link(), tmp_path / "health.json"
    journal.open()
    monitor = Monitor(file, 7, link, journal, SystemClock(), devices=1)
    assert monitor.look() == Health(7)
    journal.append("m1", b"x")
    await journal.read(0, 1)
    assert monitor.look() == Health(7, journaling=True)
    link.online = True
    assert not monitor.look().acknowledged
    # Nothing to read: a session is all that can be asked for.
    assert Monitor(file, 7, link, journal, SystemClock(), devices=0).look().acknowledged
    link.contact_s = 1.0
    task = asyncio.create_task(monitor.run())
    async with asyncio.timeout(60):
        while not file.exists():  # noqa: ASYNC110 - files have no bell
            await asyncio.sleep(0.01)
    task.cancel()
    assert read_health(file, 7) == Health(7, online=True, acknowledged=True, journaling=True)
    # Another process said it.
    assert read_health(file, 8) == Health(8)
    await asyncio.to_thread(journal.close)


SWITCHING = """
import sys
from pathlib import Path
from gateway.update.release import Release
from gateway.update.software import Software
software = Software(Path(sys.argv[1]))
wheel = Path(sys.argv[2]).read_bytes()
print("ready", flush=True)
for number in range(1000):
    version = f"1.0.{number % 2}"
    if software.current != version:
        software.stage(Release(version, "1.0", wheel))
    software.switch(version)
    software.confirm(version)
"""


def test_kill_9_while_switching_leaves_the_old_or_the_new_one(tmp_path: Path) -> None:
    wheel = tmp_path / "w"
    with zipfile.ZipFile(wheel, "w") as archive:
        for number in range(20):
            archive.writestr(f"gateway/m{number}.py", "x" * 1000)
    dice, software = random.Random(7), Software(tmp_path / "software")
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", SWITCHING, str(software.folder), str(wheel)],
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(dice.uniform(0.01, 0.15))
            process.kill()
        if (software.folder / "current").is_symlink():
            version = software.current
            assert version in ("1.0.0", "1.0.1")
            assert len(list((software.path(version) / "gateway").iterdir())) == 20
        assert software.confirmed in ("", "1.0.0", "1.0.1")


def test_a_version_that_takes_the_box_down_is_given_up(
    tmp_path: Path, maker: Maker, newer: Path
) -> None:
    software = Software(tmp_path / "software")
    software.stage(read_release(newer, [maker.public]))
    software.switch("9.0.0")
    software.keep_trial(Trial("9.0.0", starts=MAX_STARTS))
    supervisor = Supervisor(software, ["-c", "import time; time.sleep(60)"], lambda: 60)
    task = threading.Thread(target=supervisor.run)
    task.start()
    while software.on_trial:
        time.sleep(0.02)
    supervisor.end()
    task.join()
    assert software.current == ""
    outcome = software.outcome()
    assert outcome is not None
    assert "started 3 times" in outcome.reason


@pytest.mark.parametrize(
    ("health", "contact", "late", "verdict"),
    [
        (Health(1, acknowledged=True), True, False, True),
        (Health(1, online=True, journaling=True), True, False, None),
        (Health(1, online=True, journaling=True), True, True, False),
        # It had contact before: that it works without is not enough.
        (Health(1, journaling=True), True, True, False),
        (Health(1, journaling=True), False, False, None),
        (Health(1, journaling=True), False, True, True),
        (Health(1), False, True, False),
        # A session in which nothing is acknowledged is not well, whatever was before.
        (Health(1, online=True, journaling=True), False, True, False),
    ],
)
def test_what_works(health: Health, contact: bool, late: bool, verdict: bool | None) -> None:
    assert judge(health, contact=contact, late=late) is verdict

"""On a box: the service, the image and the doctor say what is really there."""

import configparser
import re
import shlex
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from gateway.__main__ import main
from gateway.service_unit import unit
from gateway.update.health import Health
from gateway.update.software import Outcome, Software
from tests.architecture.reading import ROOT
from tests.gateway.modbus_server import free_port

DOCKERFILE = ROOT / "docker" / "Dockerfile.gateway"


def accepts(words: list[str], capsys: pytest.CaptureFixture[str]) -> bool:
    """Whether the program knows this command."""
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    capsys.readouterr()
    return ended.value.code == 0


def test_the_unit_runs_a_real_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "gateway.yaml"
    assert main(["install-service", "--config", str(config), "--user", "meter"]) == 0
    told = capsys.readouterr().out
    told_unit = configparser.ConfigParser(interpolation=None, comment_prefixes=("#",), strict=False)
    told_unit.optionxform = str  # type: ignore[assignment,method-assign]
    told_unit.read_string(told)
    program, *words = shlex.split(told_unit["Service"]["ExecStart"])
    assert Path(program).is_absolute()
    assert words == ["supervise", "--config", str(config)]
    assert accepts(words[:1], capsys)
    assert told_unit["Service"]["User"] == "meter"
    assert shlex.split(told_unit["Service"]["ReadWritePaths"]) == [str(tmp_path)]
    assert told_unit["Install"]["WantedBy"] == "multi-user.target"


def test_the_unit_allows_as_little_as_it_needs(tmp_path: Path) -> None:
    lines = [
        line.partition("=")[::2]
        for line in unit(Path("/usr/bin/x"), tmp_path / "gateway.yaml", "meter").splitlines()
    ]
    told = dict(lines)
    assert told["CapabilityBoundingSet"] == ""
    assert told["RestrictAddressFamilies"] == "AF_INET AF_INET6 AF_UNIX"
    assert told["SystemCallFilter"] == "@system-service"
    assert (told["ProtectSystem"], told["DevicePolicy"]) == ("strict", "closed")
    devices = {value for name, value in lines if name == "DeviceAllow"}
    assert devices == {f"char-tty{kind} rw" for kind in ("S", "USB", "ACM", "AMA")}
    yes = {name for name, value in lines if value == "yes"}
    assert yes == {
        *("NoNewPrivileges", "ProtectHome", "ProtectHostname", "ProtectClock", "PrivateTmp"),
        *("ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs"),
        *("ProtectControlGroups", "RestrictNamespaces", "RestrictRealtime"),
        *("RestrictSUIDSGID", "LockPersonality"),
    }


def test_the_image_is_healthy_while_its_process_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command of the health check, on the file that a gateway writes."""
    code = re.search(r'HEALTHCHECK.*?"-c", \\\n\s*"(.+?)"\]', DOCKERFILE.read_text(), re.DOTALL)
    assert code is not None
    file = Software(tmp_path / "software").health_file
    file.parent.mkdir()
    command = code[1].replace("/etc/kilowise/software/health.json", str(file))
    assert "/etc/kilowise" not in command
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        file.write_bytes(msgspec.json.encode(Health(child.pid)))
        healthy = subprocess.run([sys.executable, "-c", command], check=False)
        child.communicate(b"\n")
    dead = subprocess.run([sys.executable, "-c", command], check=False, capture_output=True)
    assert (healthy.returncode, dead.returncode) == (0, 1)


def test_the_image_is_made_of_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    steps = [line.split(maxsplit=1) for line in text.splitlines() if re.match(r"[A-Z]+ ", line)]
    found: dict[str, list[str]] = {}
    for word, rest in steps:
        found.setdefault(word, []).append(rest)
    assert steps[0][0] == "FROM"
    [copied] = found["COPY"]
    sources = copied.split()[:-1]
    assert (ROOT / sources[0]).is_file()
    assert sources[1].startswith("dist/kilowise-")
    assert found["USER"] == ["kilowise"]
    [entry], [command] = (re.findall(r'"([^"]+)"', found[key][0]) for key in ("ENTRYPOINT", "CMD"))
    assert f'{entry} = "gateway.__main__:main"' in (ROOT / "pyproject.toml").read_text()
    assert accepts([command], capsys)
    variable = found["ENV"][0].partition("=")[0]
    assert variable in (ROOT / "docs" / "operating.md").read_text()
    assert "--require-hashes" in found["RUN"][1]


def test_the_doctor_looks_at_ports_budget_and_software(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(
        f"project: works\nnode: edge\nmqtt: {{url: 'mqtt://127.0.0.1:{free_port()}'}}\n"
        "data_budget: {mb_per_month: 10}\n"
        "lines: {bus: {serial: /dev/no-such-port}, null: {serial: /dev/null}}\n"
        "devices:\n  - {slug: m1, profile: eastron/sdm630, line: bus, unit: 1}\n"
        "  - {slug: m2, profile: eastron/sdm630, line: 'null', unit: 1}\n"
    )
    software = Software(tmp_path / "software")
    software.folder.mkdir()
    software.end_trial(Outcome("9.0.0", kept=False, reason="it ended with code 1"))
    assert main(["doctor", "--config", str(file)]) == 1
    told = capsys.readouterr().out
    for sentence in (
        "WRONG the data budget of 10 MB a month is less than keep-alives alone cost",
        "WRONG the update to 9.0.0 was rolled back: it ended with code 1.",
        "WRONG there is no serial port /dev/no-such-port.",
        "ok    the serial port /dev/null can be used",
        "is in use",
    ):
        assert sentence in told
    file.write_text(file.read_text().replace("per_month: 10", "per_month: 100, start_day: 5"))
    main(["doctor", "--config", str(file)])
    assert "ok    the data budget is 100 MB a month from day 5" in capsys.readouterr().out

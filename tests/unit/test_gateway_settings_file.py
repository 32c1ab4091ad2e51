"""What an enrolment writes into a configuration, and what it leaves alone."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.config import load_config
from gateway.contract.clock import ManualClock
from gateway.doctor import examine
from gateway.enrolment.identity import Identity, read_identity, write_identity
from gateway.enrolment.platform import EnrolmentFault, checked_url
from gateway.enrolment.section import Settings, updated

SETTINGS = Settings(
    "acme",
    "east-1",
    "mqtts://energy.example:8883",
    "east-1.pem",
    "east-1-ca.pem",
    "https://energy.example",
    None,
)
IDENTITY = Identity(
    "acme.east-1",
    datetime(2027, 1, 23, tzinfo=UTC),
    datetime(2027, 2, 24, tzinfo=UTC),
    "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
)
NEW = """\
# A Kilowise gateway (kilowise-gateway run --help shows more).
project: acme
node: east-1
mqtt: {url: "mqtts://energy.example:8883", certificate: "east-1.pem", ca: "east-1-ca.pem"}
enrolment: {platform: "https://energy.example"}
# One line a device; kilowise-gateway profile show lists the profiles.
#   - {slug: incomer-1, profile: eastron/sdm630, host: 192.0.2.10, unit: 1}
devices: []
"""


@pytest.mark.parametrize("old", [None, "", "  \n"])
def test_a_new_file(old: str | None, tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(updated(old, SETTINGS))
    assert file.read_text() == NEW
    config = load_config(file, {})
    assert (config.broker.host, config.broker.port, config.broker.tls) == (
        "energy.example",
        8883,
        True,
    )
    assert config.broker.credential == "acme.east-1"
    assert config.broker.client is not None
    assert config.broker.client.certificate == tmp_path / "east-1.pem"
    assert config.enrolment is not None
    assert config.enrolment.authorities == tmp_path / "east-1-ca.pem"
    assert updated(NEW, SETTINGS) == NEW


OLD = """\
# hall
node: old   # its name
mqtt:
  url: "mqtt://old"   # gone
  secret: s
  datatypes: true

# lines
devices: [ {slug: a}, ] # all
project: old
"""
CHANGED = """\
enrolment: {platform: "https://energy.example"}
# hall
node: east-1   # its name
mqtt: {url: "mqtts://energy.example:8883", certificate: "east-1.pem", ca: "east-1-ca.pem", \
datatypes: true}
devices: [ {slug: a}, ] # all
project: acme
"""


def test_a_file_that_is_there_keeps_everything_else() -> None:
    assert updated(OLD, SETTINGS) == CHANGED
    assert updated(CHANGED, SETTINGS) == CHANGED


@pytest.mark.parametrize("old", ["- a\n", "{project: a}\n", "a: [\n", "just words\n"])
def test_what_is_no_configuration_is_left_alone(old: str) -> None:
    with pytest.raises(ValueError, match="it is no"):
        updated(old, SETTINGS)


def test_an_identity_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "east-1.pem"
    write_identity(file, IDENTITY)
    assert read_identity(file) == IDENTITY
    for text in ("", "Credential: a\n-----BEGIN CERTIFICATE-----\n", "Renew-From: x\n"):
        file.write_text(text)
        assert read_identity(file) is None
    assert read_identity(tmp_path / "nothing") is None


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (datetime(2027, 1, 1, tzinfo=UTC), "ok    {end} (54 days), to be renewed from 2027-01-23"),
        (datetime(2027, 2, 20, tzinfo=UTC), "WRONG {end} (4 days). Renew it now"),
        (datetime(2027, 3, 1, tzinfo=UTC), "WRONG {end}: it has ended. Enrol again"),
    ],
)
async def test_the_doctor_names_the_end_of_the_certificate(
    at: datetime,
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(NEW.replace("energy.example:8883", "127.0.0.1:9"))
    write_identity(tmp_path / "east-1.pem", IDENTITY)
    monkeypatch.setattr("gateway.enrolment.section.SystemClock", lambda: ManualClock(at))
    assert await examine(file, ManualClock(at), {}) == 1
    end = "the certificate of acme.east-1 is valid until 2027-02-24"
    assert told.format(end=end) in capsys.readouterr().out


@pytest.mark.parametrize(
    "url",
    [
        "energy.example",
        "http://energy.example",
        "http://127.0.0.1.energy.example",
        "ftp://127.0.0.1",
        "https://",
        "https://energy.example?a=b",
    ],
)
def test_codes_go_to_https_only(url: str) -> None:
    with pytest.raises(EnrolmentFault, match="is no address to enrol at"):
        checked_url(url)


def test_a_gateway_that_runs_loads_no_cryptographic_library() -> None:
    """10 MB of the 45 MB that a gateway may take."""
    code = "import gateway.run, json, sys; print(json.dumps(sorted(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    loaded = set(json.loads(told.stdout))
    assert "gateway.enrolment.renewal" in loaded
    assert not {"cryptography", "http.client", "gateway.enrolment.keys"} & loaded

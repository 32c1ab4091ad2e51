"""The authorities in the database, the commands about them, and the files of a mosquitto."""

import asyncio
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from backend.acquisition.authority import fingerprint
from backend.acquisition.authority_store import authorities, make_next, rotate, show
from backend.acquisition.broker_files import gateway_broker_url, write_broker_files
from backend.acquisition.credentials import AUTHORITIES_FILE, SERVER_FILE, broker_folder
from backend.acquisition.leases import list_gateways
from backend.acquisition.mosquitto_files import write
from backend.core.certificates import Names
from backend.core.clock import ManualClock
from backend.core.db import Database
from backend.core.errors import SettingError
from backend.core.platform import Platform
from backend.core.settings import Settings
from backend.service.gateways import records
from tests.backend.acquisition_edge import make_gateway
from tests.backend.acquisition_tls import make_identity
from tests.postgres import Tenant

REAL = datetime.now(UTC)
DAY = timedelta(days=1)
NAMES = Names(["broker.example"], [])


@pytest.fixture
async def certified(database: Database, make_project: object, tmp_path: Path) -> Tenant:
    """A project whose gateway g1 has one certificate that is good and one that was revoked."""
    assert callable(make_project)
    tenant: Tenant = await make_project("acme")
    number = await make_gateway(database, tenant, "g1", "secret")
    held = await authorities(database, REAL)
    async with database.project(tenant.id) as tx:
        for name in ("first", "second"):
            issued = make_identity(held, "acme.g1", tmp_path / f"{name}.pem").issued
            await records.revoke_certificates(tx, tenant.id, number, REAL)
            await records.add_certificate(tx, tenant.id, number, issued, REAL)
    return tenant


async def test_all_who_ask_first_get_the_same(database: Database) -> None:
    found = await asyncio.gather(*(authorities(database, REAL) for _ in range(8)))
    assert len({held.bundle for held in found}) == 1


async def test_a_successor_is_made_in_time_and_once(database: Database) -> None:
    first = await authorities(database, REAL)
    late = REAL + 3400 * DAY
    found = await asyncio.gather(*(authorities(database, late) for _ in range(4)))
    assert {len(held.held) for held in found} == {2}
    assert len({held.bundle for held in found}) == 1
    later = await authorities(database, late + 91 * DAY)
    assert [one.pair.certificate for one in later.held] == [found[0].held[1].pair.certificate]
    assert later.bundle != first.bundle


async def test_the_console_tells_what_is_trusted(platform: Platform) -> None:
    first = (await authorities(platform.database, REAL)).held[0].pair.certificate
    told = await show(platform)
    assert "signs gateways' certificates and signed the embedded broker's" in told
    assert f"SHA-256 {fingerprint(first)}" in told
    told = await rotate(platform)
    assert told.count("SHA-256") == 2
    assert f"trusted until {datetime.now(UTC) + 90 * DAY:%Y-%m-%d}; signed the embedded" in told


async def test_distrust_revokes_what_the_older_ones_signed(
    platform: Platform, certified: Tenant
) -> None:
    async with platform.database.ingest() as tx:
        [listed] = await list_gateways(tx, REAL)
    assert len(listed.certificates) == 1
    assert (await rotate(platform, distrust=True)).count("SHA-256") == 1
    async with platform.database.ingest() as tx:
        [listed] = await list_gateways(tx, REAL)
    assert listed.certificates == []


async def test_the_brokers_files_follow(platform: Platform) -> None:
    folder, clock = broker_folder(platform.settings.data_folder), ManualClock(REAL)

    def served() -> bytes:
        return (folder / SERVER_FILE).read_bytes()

    await write_broker_files(platform, NAMES, clock)
    first, bundle = served(), (folder / AUTHORITIES_FILE).read_bytes()
    await write_broker_files(platform, NAMES, clock)
    assert served() == first
    await write_broker_files(platform, Names(["broker.example", "other.example"], []), clock)
    second = served()
    assert second != first
    held = await make_next(platform.database, REAL)
    await write_broker_files(platform, NAMES, clock)
    assert served() == second
    assert (folder / AUTHORITIES_FILE).read_bytes() == held.bundle.encode() != bundle
    await write_broker_files(platform, NAMES, ManualClock(REAL + 91 * DAY))
    newest = held.held[1].pair.certificate
    assert x509.load_pem_x509_certificate(served()).issuer == newest.subject


async def test_a_mosquitto_of_ones_own_gets_its_files(
    platform: Platform, certified: Tenant, tmp_path: Path
) -> None:
    folder = tmp_path / "mosquitto"
    with pytest.raises(SettingError, match="must name the platform's own credential"):
        await write(replace(platform, mqtt_url="mqtt://broker:1883"), folder, 8883, 0, [])
    own = replace(platform, mqtt_url="mqtt://internal:a-long-secret@broker:1883")
    told = await write(own, folder, 8884, 8885, ["mqtt.example", "192.0.2.7"])
    assert told.startswith(f"Written to {folder}: 1 credentials, 1 revoked certificates.")
    listener = (folder / "tls.conf").read_text()
    assert re.findall(r"^listener (\d+)$", listener, re.MULTILINE) == ["8885", "8884"]
    assert f"crlfile {folder / 'revoked.pem'}\n" in listener
    clients = json.loads((folder / "dynamic-security.json").read_text())["clients"]
    assert [client["username"] for client in clients] == ["acme.g1", "internal"]
    names = x509.load_pem_x509_certificate(
        (folder / "server.pem").read_bytes()
    ).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert "mqtt.example" in names.value.get_values_for_type(x509.DNSName)
    crl = x509.load_pem_x509_crl((folder / "revoked.pem").read_bytes())
    assert len(list(crl)) == 1


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, None),
        ({"mqtt_tls_port": 8883}, "mqtts://127.0.0.1:8883"),
        (
            {"mqtt_tls_port": 8884, "public_url": "https://energy.example:8443"},
            "mqtts://energy.example:8884",
        ),
        ({"mqtt_url": "mqtt://internal:x@mosquitto:1883", "mqtt_tls_port": 8883}, None),
        (
            {
                "mqtt_url": "mqtt://internal:x@mosquitto:1883",
                "mqtt_public_url": "mqtts://energy.example:8883",
            },
            "mqtts://energy.example:8883",
        ),
    ],
)
def test_where_gateways_find_the_broker(
    settings: dict[str, object], url: str | None, tmp_path: Path
) -> None:
    assert gateway_broker_url(Settings.model_validate({"data": tmp_path, **settings})) == url

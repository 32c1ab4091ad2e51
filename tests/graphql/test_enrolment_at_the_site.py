"""The whole way: a code at the platform, `kilowise-gateway enrol` at the site, MQTT by
certificate.
"""

import asyncio
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import pytest

from backend.acquisition.broker_files import gateway_broker_url
from backend.application.phone import listening
from backend.application.web_process import make_process
from backend.core.clock import SystemClock
from backend.service.gateways.enrolment import Place
from backend.service.gateways.records import Actor as Doer
from gateway.__main__ import main
from gateway.config import load_config
from gateway.doctor import examine
from gateway.enrolment.identity import read_identity, write_identity
from tests.graphql.sites import Site, program, site, web
from tests.sockets_of import Sockets, sockets_of

__all__ = ["site"]


async def test_from_code_to_revocation(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert await site.type_in("enrol", site.url, await site.code()) == 0
    told = capsys.readouterr().out
    assert "Enrolled as acme.g1; the certificate is valid until" in told
    assert f"kilowise-gateway run --config {site.config}" in told
    identity = site.folder / "g1.pem"
    assert stat.S_IMODE(identity.stat().st_mode) == 0o600
    first = read_identity(identity)
    assert first is not None
    assert await examine(site.config, SystemClock(), os.environ) == 0
    assert "ok    the certificate of acme.g1 is valid until" in capsys.readouterr().out
    async with program("-m", "gateway", "run", "--config", str(site.config)) as gateway:
        await site.until_online(online=True)
        # docs/network.md: one outbound connection, nothing inbound.
        port = urlsplit(str(gateway_broker_url(site.platform.settings))).port
        assert port is not None
        assert await asyncio.to_thread(sockets_of, gateway.pid) == Sockets(
            frozenset(), frozenset({("127.0.0.1", port)})
        )
        place, who = Place(site.tenant.tenant.id, "acme"), Doer(site.tenant.id, "test")
        await site.process.enrolments.revoke(place, await site.gateway(), who)
        await site.until_online(online=False)
        assert gateway.returncode is None
    assert await site.type_in("renew") == 1
    assert "Enrol again with a new code" in capsys.readouterr().err
    assert read_identity(identity) == first


async def test_a_running_gateway_renews_by_itself(site: Site) -> None:
    assert await site.type_in("enrol", site.url, await site.code()) == 0
    identity = site.folder / "g1.pem"
    first = read_identity(identity)
    assert first is not None
    left = first.renew_from - datetime.now(UTC)
    assert timedelta(days=57, hours=23) < left < timedelta(days=60)
    write_identity(identity, replace(first, renew_from=datetime.now(UTC) - timedelta(days=1)))
    async with program("-m", "gateway", "run", "--config", str(site.config)):
        await site.until_online(online=True)
        async with asyncio.timeout(20):
            while (fresh := read_identity(identity)) is None or fresh.pem == first.pem:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        # It is still the session of the old one; a new session is the new one's.
        await site.until_online(online=True)
    assert fresh.renew_from > datetime.now(UTC)
    async with program("-m", "gateway", "run", "--config", str(site.config)):
        await site.until_online(online=True)


async def test_a_wrong_code_is_one_sentence_and_leaves_nothing(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await site.type_in("enrol", site.url, "acme-0000-0000-0000") == 1
    assert capsys.readouterr().err.startswith("The code is not valid: mistyped, already used")
    assert list(site.folder.iterdir()) == []


async def test_a_configuration_that_is_there_keeps_its_devices(site: Site) -> None:
    site.folder.mkdir()
    site.config.write_text(
        "# the east hall\nproject: old\nnode: old\nmqtt:\n  url: mqtt://old:1883\n"
        "  secret: s\n  datatypes: true\ndevices:  # all of them\n"
        "  - {slug: m1, profile: eastron/sdm630, host: 127.0.0.1, unit: 1}\n"
    )
    assert await site.type_in("enrol", site.url, await site.code()) == 0
    text = site.config.read_text()
    assert text.startswith("enrolment: {platform: ")
    assert "# the east hall\nproject: acme\nnode: g1\nmqtt: {url: " in text
    assert "devices:  # all of them\n  - {slug: m1, profile: eastron/sdm630" in text
    config = load_config(site.config, {})
    assert (config.broker.secret, config.broker.typed) == (None, True)
    assert [device.slug for device in config.devices] == ["m1"]
    broken = site.folder / "broken.yaml"
    broken.write_text("- no mapping\n")
    code = await site.code()
    words = ["enrol", site.url, code, "--config", str(broken)]
    assert await asyncio.to_thread(main, words) == 1
    # Nothing was sent: the code still works.
    assert await site.type_in("enrol", site.url, code) == 0


async def test_the_platforms_own_authority_is_pinned_by_its_fingerprint(
    site: Site, free_port: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = site.platform.settings.model_copy(update={"tls": "internal-ca", "port": free_port()})
    process = make_process(replace(site.platform, settings=settings))
    authority = listening(settings).authority
    assert authority is not None
    async with web(process, settings) as url:
        code = await site.code()
        assert await site.type_in("enrol", url, code) == 1
        assert f"The certificate of {url.removeprefix('https://')} is not trusted" in (
            capsys.readouterr().err
        )
        wrong = authority.fingerprint.replace("A", "B").replace("1", "2")
        assert await site.type_in("enrol", url, code, "--fingerprint", wrong) == 1
        assert "somebody may be in between. Nothing was sent." in capsys.readouterr().err
        words = ("enrol", url, code, "--fingerprint", authority.fingerprint)
        assert await site.type_in(*words) == 0
        assert await site.type_in("renew") == 0
        async with httpx.AsyncClient(base_url=site.url) as client:
            answer = await client.get("/api/v1/enrol/authority")
            assert answer.status_code == 404
    assert 'ca: "platform-ca.pem"' in site.config.read_text()
    assert await site.type_in("enrol", "http://energy.example", code) == 1
    assert "is no address to enrol at" in capsys.readouterr().err

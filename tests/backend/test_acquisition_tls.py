"""MQTT over TLS, on the embedded broker and on mosquitto: by certificate and by secret."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from gmqtt.mqtt.handler import MQTTConnectError

from backend.acquisition.authority import first_authorities
from backend.acquisition.broker_files import pem
from backend.acquisition.credentials import AUTHORITIES_FILE, INTERNAL, SERVER_FILE
from tests.backend.acquisition_tls import (
    BROKERS,
    LOOPBACK,
    REAL_NOW,
    THIRD,
    THIRD_SECRET,
    TlsBroker,
    certified,
    embedded,
    make_identity,
)

DATA_A = "spBv1.0/a/DDATA/g1/m1"
REFUSED = (MQTTConnectError, OSError, TimeoutError)
"""A CONNECT that is refused, or a handshake that fails: as an error or as a closed connection."""


@pytest.fixture(params=["amqtt", pytest.param("mosquitto", marks=pytest.mark.needs("mosquitto"))])
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TlsBroker]:
    """Each of the brokers that Kilowise supports, with certificates of a.g1 and b.g2."""
    async with BROKERS[request.param](tmp_path) as running:
        yield running


async def test_a_certificate_alone_lets_a_gateway_in(broker: TlsBroker) -> None:
    platform = await broker.plain.connect(INTERNAL, client_id="internal/1")
    assert await platform.subscribe("spBv1.0/+/DDATA/+/+") == 0
    gateway = await broker.connect(broker.identities["a.g1"].file, "a.g1/gateway")
    assert await gateway.subscribe("spBv1.0/a/NCMD/g1") == 0
    assert await gateway.subscribe("spBv1.0/b/NCMD/g2") == 128
    gateway.client.publish("spBv1.0/b/DDATA/g2/m1", b"forged")
    gateway.client.publish(DATA_A, b"own")
    assert await platform.hears(1) == [(DATA_A, b"own")]


async def test_nobody_comes_without_a_certificate_of_ours(
    broker: TlsBroker, tmp_path: Path
) -> None:
    other = make_identity(first_authorities(REAL_NOW), "a.g1", tmp_path / "forged.pem")
    ended = make_identity(
        broker.authorities, "a.g1", tmp_path / "ended.pem", REAL_NOW - timedelta(days=91)
    )
    for identity in (None, other.file, ended.file):
        with pytest.raises(REFUSED):
            await broker.connect(identity, "a.g1/gateway")


async def test_a_session_is_not_stolen_with_another_certificate(broker: TlsBroker) -> None:
    owner = await broker.connect(broker.identities["a.g1"].file, "a.g1/gateway")
    assert await owner.subscribe("spBv1.0/a/NCMD/g1") == 0
    thief = broker.identities["b.g2"].file
    for username in (None, "a.g1"):
        if broker.kind == "amqtt":
            with pytest.raises(MQTTConnectError):
                await broker.connect(thief, "a.g1/gateway", username=username)
        else:
            # mosquitto takes name and client id from the certificate, whatever is asked for.
            stranger = await broker.connect(thief, "a.g1/gateway", username=username)
            assert await stranger.subscribe("spBv1.0/a/NCMD/g1") == 128
    platform = await broker.plain.connect(INTERNAL, client_id="internal/1")
    platform.client.publish("spBv1.0/a/NCMD/g1", b"still here")
    assert await owner.hears(1) == [("spBv1.0/a/NCMD/g1", b"still here")]
    assert not owner.gone.is_set()


async def test_a_third_party_comes_over_tls_with_its_secret(broker: TlsBroker) -> None:
    platform = await broker.plain.connect(INTERNAL, client_id="internal/1")
    for username, secret in ((THIRD, "wrong"), (THIRD, ""), ("a.g1", ""), ("a.g1", THIRD_SECRET)):
        with pytest.raises(REFUSED):
            await broker.connect(None, f"{username}/client", username=username, secret=secret)
    third = await broker.connect(None, f"{THIRD}/client", username=THIRD, secret=THIRD_SECRET)
    assert await third.subscribe("kilowise/a/readings/#") == 0
    assert await third.subscribe("kilowise/b/readings/#") == 128
    platform.client.publish("kilowise/a/readings/g1/m1/p", b"7")
    assert await third.hears(1) == [("kilowise/a/readings/g1/m1/p", b"7")]


async def is_admitted(broker: TlsBroker, name: str) -> bool:
    """Whether a session can be had now."""
    try:
        await broker.connect(broker.identities[name].file, f"{name}/gateway")
    except REFUSED:
        return False
    return True


async def test_revocation_disconnects_and_stays(broker: TlsBroker) -> None:
    gateway = await broker.connect(broker.identities["a.g1"].file, "a.g1/gateway")
    other = await broker.connect(broker.identities["b.g2"].file, "b.g2/gateway")
    broker.admit([certified("b", "g2", broker.identities["b.g2"])])
    await asyncio.wait_for(gateway.gone.wait(), 60)
    async with asyncio.timeout(60):
        # mosquitto ends the session first and reads its revocations a moment later.
        while await is_admitted(broker, "a.g1"):  # noqa: ASYNC110 - another program
            await asyncio.sleep(0.1)
    assert not other.gone.is_set()
    assert await other.subscribe("spBv1.0/b/NCMD/g2") == 0


async def test_an_unlisted_certificate_of_ours_is_refused(tmp_path: Path) -> None:
    async with embedded(tmp_path) as broker:
        unknown = make_identity(broker.authorities, "a.g1", tmp_path / "unknown.pem")
        with pytest.raises(MQTTConnectError):
            await broker.connect(unknown.file, "a.g1/gateway")


async def test_a_renewal_disturbs_nobody(tmp_path: Path) -> None:
    async with embedded(tmp_path) as broker:
        old = broker.identities["a.g1"]
        gateway = await broker.connect(old.file, "a.g1/gateway")
        new = make_identity(broker.authorities, "a.g1", tmp_path / "new.pem")
        broker.admit([certified("a", "g1", old, new)])
        # The snapshot is read once the new one is admitted: a take-over by its owner.
        async with asyncio.timeout(10):
            while not gateway.gone.is_set():
                try:
                    await broker.connect(new.file, "a.g1/gateway")
                except MQTTConnectError:
                    assert not gateway.gone.is_set()
                    await asyncio.sleep(0.1)


async def test_a_rotation_lets_old_and_new_gateways_in(tmp_path: Path) -> None:
    async with embedded(tmp_path) as broker:
        old = broker.identities["a.g1"]
        early = await broker.connect(old.file, "a.g1/gateway")
        rotated = broker.authorities.rotated(REAL_NOW)
        new = make_identity(rotated, "b.g2", tmp_path / "new.pem")
        broker.admit([certified("a", "g1", old), certified("b", "g2", new)])
        (tmp_path / SERVER_FILE).write_bytes(pem(rotated.server(LOOPBACK, REAL_NOW)))
        (tmp_path / "fresh").write_text(rotated.bundle)
        (tmp_path / "fresh").replace(tmp_path / AUTHORITIES_FILE)
        # broker.context still trusts the first authority alone, as a gateway from before does.
        async with asyncio.timeout(10):
            while True:
                try:
                    late = await broker.connect(new.file, "b.g2/gateway")
                    break
                except REFUSED:
                    await asyncio.sleep(0.1)
        assert await late.subscribe("spBv1.0/b/NCMD/g2") == 0
        assert not early.gone.is_set()
        again = await broker.connect(old.file, "a.g1/other")
        assert await again.subscribe("spBv1.0/a/NCMD/g1") == 0

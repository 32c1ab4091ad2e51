"""A renewed certificate is served without a restart, and open connections go on."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from prometheus_client import REGISTRY

from backend.application import served_certificate
from backend.application.phone import listening
from backend.application.served_certificate import ServedCertificate
from backend.application.web import build_app, serve
from backend.application.web_process import WebProcess
from backend.core.certificates import new_authority, server_pair
from backend.core.clock import SystemClock
from backend.core.files import write_private
from backend.core.settings import Settings
from tests.graphql.test_phone import LOOPBACK

NOW = SystemClock().now()
AUTHORITY = new_authority("test", NOW, timedelta(days=30))


def put(folder: Path, days: int) -> int:
    """Write a fresh certificate with its key and answer its serial number."""
    pair = server_pair(AUTHORITY, LOOPBACK, NOW, timedelta(days=days))
    write_private(folder / "a.key", pair.key_pem)
    (folder / "a.crt").write_bytes(pair.certificate_pem)
    return pair.certificate.serial_number


async def opened(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, int]:
    """A connection by TLS, and the serial number of the certificate it was shown."""
    context = ssl.create_default_context(cadata=AUTHORITY.certificate_pem.decode())
    context.set_alpn_protocols(["h2", "http/1.1"])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
    assert tls.selected_alpn_protocol() == "http/1.1"
    shown = tls.getpeercert(binary_form=True)
    assert shown is not None
    return reader, writer, x509.load_der_x509_certificate(shown).serial_number


async def alive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Ask once on a connection that stays open."""
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    return await reader.readexactly(len(b'{"alive":true}')) == b'{"alive":true}'


@pytest.fixture
async def port(
    process: WebProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[int]:
    """A web role that serves tmp_path/a.crt and looks at it all the time."""
    put(tmp_path, 30)
    monkeypatch.setattr(served_certificate, "LOOK_S", 0.02)
    tls = ServedCertificate(tmp_path / "a.crt", tmp_path / "a.key")
    held = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(serve(process, build_app(process), held, tls))
    yield held.getsockname()[1]
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_a_renewed_certificate_is_served_and_connections_go_on(
    port: int, tmp_path: Path
) -> None:
    reader, writer, first = await opened(port)
    assert await alive(reader, writer)
    renewed = put(tmp_path, 60)
    while True:
        _, other, shown = await opened(port)
        other.close()
        if shown != first:
            break
        await asyncio.sleep(0.02)
    assert shown == renewed
    assert await alive(reader, writer)
    writer.close()


async def test_no_handshake_fails_while_certificates_are_renewed(port: int, tmp_path: Path) -> None:
    for days in range(60, 90):
        renewed, shown = put(tmp_path, days), None
        while shown != renewed:
            _, writer, shown = await opened(port)
            writer.close()


def test_files_that_do_not_belong_together_change_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path, 30)
    served = ServedCertificate(tmp_path / "a.crt", tmp_path / "a.key")
    assert not served.look()
    key = (tmp_path / "a.key").read_bytes()
    put(tmp_path, 40)
    new = (tmp_path / "a.key").read_bytes()
    for wrong in (key, b"", b"nonsense"):
        (tmp_path / "a.key").write_bytes(wrong)
        assert not served.look()
    assert caplog.text.count("cannot be used yet") == 1
    (tmp_path / "a.key").unlink()
    assert not served.look()
    (tmp_path / "a.key").write_bytes(new)
    assert served.look()
    assert not served.look()


def test_its_end_is_a_figure_and_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path, 10)
    served = ServedCertificate(tmp_path / "a.crt", tmp_path / "a.key")
    ends = NOW + timedelta(days=9)
    shown = REGISTRY.get_sample_value("kilowise_tls_certificate_ends_seconds")
    assert shown == ends.replace(microsecond=0).timestamp()
    for _ in range(3):
        assert not served.look()
    assert caplog.text.count("renew it") == 1
    put(tmp_path, 30)
    assert served.look()
    assert caplog.text.count("renew it") == 1


def test_one_of_our_own_authority_is_renewed_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data=tmp_path, tls="internal-ca")
    tls = listening(settings).tls
    assert tls is not None
    assert not tls.look()
    later = NOW + timedelta(days=365)
    monkeypatch.setattr(SystemClock, "now", lambda _clock: later)
    assert tls.look()
    assert not tls.look()


def test_only_strong_ciphers_are_spoken(tmp_path: Path) -> None:
    """TLS 1.2 and 1.3, a fresh key for every connection, and ciphers that authenticate."""
    put(tmp_path, 30)
    context = ServedCertificate(tmp_path / "a.crt", tmp_path / "a.key").context
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    spoken = context.get_ciphers()
    assert len(spoken) >= 5
    for cipher in spoken:
        assert cipher["protocol"] in {"TLSv1.2", "TLSv1.3"}
        assert cipher["aead"], cipher["name"]
        assert cipher["kea"] in {"kx-ecdhe", "kx-any"}, cipher["name"]

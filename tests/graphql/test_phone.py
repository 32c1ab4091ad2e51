"""https from the installation's own authority, and the plain pages that lead there."""

import asyncio
import ipaddress
import socket
import ssl
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from backend.application.certificates import Authority
from backend.application.phone import TrustPages, listening
from backend.application.web import build_app, serve
from backend.application.web_process import make_process
from backend.core.certificates import Names, local_names
from backend.core.errors import SettingError
from backend.core.platform import Platform
from backend.core.settings import Settings
from tests.postgres import NOW

LOOPBACK = Names(["localhost"], [ipaddress.ip_address("127.0.0.1")])


def trusting(authority: Authority) -> ssl.SSLContext:
    """A client that trusts this authority and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=authority.certificate)
    return context


async def test_a_client_that_trusts_the_authority_signs_in_by_https(
    platform: Platform, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    settings = Settings(data=tmp_path, phone=True, port=free_port())
    process = make_process(replace(platform, settings=settings))
    where = listening(settings)
    assert (where.host, where.port) == ("0.0.0.0", settings.port)
    assert where.authority is not None
    serving = asyncio.create_task(
        serve(
            process,
            build_app(process),
            socket.create_server(("127.0.0.1", where.port)),
            where.tls,
        )
    )
    try:
        async with httpx.AsyncClient(
            verify=trusting(where.authority), base_url=f"https://localhost:{where.port}"
        ) as client:
            for _ in range(200):
                try:
                    alive = await client.get("/healthz")
                    break
                except httpx.ConnectError:
                    await asyncio.sleep(0.02)
            assert alive.json() == {"alive": True}
        async with httpx.AsyncClient(base_url=f"https://localhost:{where.port}") as stranger:
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await stranger.get("/healthz")
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def test_the_authority_is_kept_and_its_certificate_renewed(tmp_path: Path) -> None:
    first = Authority(tmp_path / "tls", NOW)
    first.serve(LOOPBACK)
    served = (tmp_path / "tls" / "server.crt").read_bytes()
    again = Authority(tmp_path / "tls", NOW + timedelta(days=300))
    assert again.certificate == first.certificate
    again.serve(LOOPBACK)
    assert (tmp_path / "tls" / "server.crt").read_bytes() == served
    later = Authority(tmp_path / "tls", NOW + timedelta(days=370))
    later.serve(LOOPBACK)
    renewed = (tmp_path / "tls" / "server.crt").read_bytes()
    assert renewed != served
    more = Names(["localhost"], [*LOOPBACK.addresses, ipaddress.ip_address("192.168.7.9")])
    later.serve(more)
    found = x509.load_pem_x509_certificate((tmp_path / "tls" / "server.crt").read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert ipaddress.ip_address("192.168.7.9") in names.get_values_for_type(x509.IPAddress)
    assert found.not_valid_after_utc - found.not_valid_before_utc == timedelta(days=390)
    for name in ("ca.key", "server.key"):
        assert stat.S_IMODE((tmp_path / "tls" / name).stat().st_mode) == 0o600


def test_the_names_of_this_machine_include_loopback() -> None:
    names = local_names()
    assert "localhost" in names.hosts
    assert ipaddress.ip_address("127.0.0.1") in names.addresses


async def test_the_trust_pages_serve_the_certificate_and_the_steps(tmp_path: Path) -> None:
    authority = Authority(tmp_path, NOW)
    transport = httpx.ASGITransport(TrustPages(authority, "https://192.168.7.9:8000").app())
    async with httpx.AsyncClient(transport=transport, base_url="http://192.168.7.9") as client:
        certificate = await client.get("/ca.crt")
        assert certificate.headers["content-type"] == "application/x-x509-ca-cert"
        assert x509.load_der_x509_certificate(certificate.content).subject.rfc4514_string() == (
            "CN=Kilowise local CA 2026-03-15"
        )
        page = (await client.get("/")).text
        assert 'href="https://192.168.7.9:8000"' in page
        assert authority.fingerprint in page
        assert "打开应用" in page
        assert (await client.get("/graphql")).status_code == 404


def test_a_wrong_certificate_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.crt").write_text("no certificate")
    settings = Settings(data=tmp_path, tls="a.crt+a.key")
    with pytest.raises(SettingError, match="no certificate and key that belong together"):
        listening(settings)

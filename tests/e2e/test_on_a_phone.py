"""`PHONE=1`: https by the installation's own authority, with everything that https allows.

Chromium trusts the key of the certificate served (`--ignore-certificate-errors-spki-list`): the
same as a trusted authority for the page, and no change to the machine's trust store. That the
authority signed it for this address is checked here by hand.
"""

import os
import re
import ssl
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Playwright, expect

from backend.core.certificates import lan_addresses
from tests.e2e.browser import chromium, phone
from tests.e2e.plant import free_port
from tests.e2e.push_page import subscribing
from tests.product import ROOT, Product
from tests.push_service import PushService

START_S = 60.0
SHARED = ("KILOWISE_DATA", "KILOWISE_DEMO", "KILOWISE_MQTT_URL")


@contextmanager
def another_web(running: Product, folder: Path, **environment: str) -> Iterator[tuple[int, Path]]:
    """One more web role of the running product, as its supervisor starts it; its port and words."""
    port, log = free_port(), folder / "web.log"
    environ = Path(f"/proc/{running.pid('web')}/environ").read_text().split("\0")
    shared = dict(one.split("=", 1) for one in environ if one.startswith(SHARED))
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "backend", "web"],
            cwd=ROOT,
            env={**os.environ, **shared, "PORT": str(port), **environment},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + START_S
        while "Listening on http" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield port, log
    finally:
        process.terminate()
        process.wait(START_S)


@pytest.fixture(scope="module")
def address() -> str:
    """This machine's address in its network."""
    found = lan_addresses()
    if not found:
        pytest.skip("this machine has no address but loopback")
    return str(found[0])


def key_pin(port: int, address: str) -> str:
    """SHA-256 of the served certificate's public key, as Chromium's switch wants it."""
    served = x509.load_pem_x509_certificate(ssl.get_server_certificate((address, port)).encode())
    key = served.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(sha256(key).digest()).decode()


def test_https_signs_in_installs_the_worker_and_registers_push(
    playwright: Playwright,
    running: Product,
    push: PushService,
    address: str,
    tmp_path: Path,
) -> None:
    with another_web(running, tmp_path, PHONE="1") as (port, log):
        said = re.search(r"open (http://\S+) - it says how", log.read_text())
        assert said is not None, log.read_text()
        authority = httpx.get(f"{said.group(1)}/ca.crt", trust_env=False).content
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.load_verify_locations(cadata=authority)
        url = f"https://{address}:{port}"
        assert httpx.get(f"{url}/healthz", verify=trusting, trust_env=False).status_code == 200

        pinned = f"--ignore-certificate-errors-spki-list={key_pin(port, address)}"
        subscription = push.subscribe()
        with (
            chromium(playwright, pinned) as browser,
            phone(
                browser,
                Product(running.process, running.data, log, _url=url),
                None,
                script=subscribing(subscription),
                permissions=["notifications"],
            ) as held,
        ):
            held.open("/")
            held.page.locator("section.demo button").first.click()
            expect(held.page.get_by_test_id("freshness")).to_have_text("Live")
            assert held.page.evaluate("isSecureContext") is True
            held.installed()
            cookie = next(one for one in held.context.cookies() if "kilowise" in one["name"])
            assert (cookie["name"], cookie["secure"]) == ("__Host-kilowise", True)
            held.open("/more")
            held.page.get_by_role("button", name="Turn on").click()
            expect(held.page.get_by_test_id("push-step")).to_have_attribute("data-step", "on")
            assert held.broken == []
    rows = running.graphql(
        'query($e: String!) { project(id: "demo") { pushRegistered(endpoint: $e) } }',
        e=subscription.endpoint,
    )
    assert rows["project"]["pushRegistered"] is True


def test_plain_http_from_another_computer_explains_itself(
    playwright: Playwright, running: Product, address: str, tmp_path: Path
) -> None:
    with (
        another_web(running, tmp_path, BIND=address) as (port, log),
        chromium(playwright) as browser,
    ):
        url = f"http://{address}:{port}"
        with phone(browser, Product(running.process, running.data, log, _url=url), None) as held:
            held.open("/")
            assert held.page.evaluate("isSecureContext") is False
            told = held.page.get_by_test_id("insecure")
            expect(told).to_contain_text("over plain http from another computer")
            expect(told).to_contain_text("make run PHONE=1")
            expect(held.page.get_by_role("button", name="Sign in")).to_be_disabled()
            assert held.overflow() == 0

"""The local status page: real HTTP, both languages, only this machine's names, nothing secret."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.status_facts import DataFacts, DeviceFacts, Facts, JournalFacts
from gateway.status_page import EN, ZH, language, page
from gateway.status_server import StatusServer
from tests.gateway.modbus_server import free_port, sdm630_field, serving
from tests.gateway.test_gateway import gateway, write_config

FACTS = Facts(
    "works", "edge", "0.1.0", "2026-03-15T04:00:00+00:00", True, 3,
    JournalFacts(12, 3400, 5, True), DataFacts(5_000_000, 9_100_000, 30_000_000, "normal"), [],
    [DeviceFacts("m1", True, 2), DeviceFacts("<b>m2", False, None)],
)  # fmt: skip


async def ask(port: int, head: str) -> tuple[int, str, str]:
    """Status, head and body of one request."""
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        answer = (await reader.read()).decode()
        writer.close()
    told, _, body = answer.partition("\r\n\r\n")
    return int(told.split()[1]), told, body


async def test_a_running_gateway_tells_how_it_does(tmp_path: Path) -> None:
    modbus, port = free_port(), free_port()
    file = write_config(tmp_path, free_port(), modbus)
    secret = "mqtt: {url: 'mqtt://u:s3cret@127.0.0.1:1'}\n"
    lines = file.read_text().splitlines(keepends=True)
    lines[2] = secret
    file.write_text("".join(lines) + f"status_port: {port}\ndata_budget: {{mb_per_month: 30}}\n")
    async with serving(sdm630_field(1), modbus), gateway(file) as journal:
        async with asyncio.timeout(60):
            while not journal.standing.records:  # noqa: ASYNC110 - the journal has no bell
                await asyncio.sleep(0.02)
        status, head, body = await ask(port, f"GET /status.json HTTP/1.1\nHost: localhost:{port}")
        page_status, page_head, html = await ask(
            port, "GET / HTTP/1.1\nHost: 127.0.0.1\nAccept-Language: zh-CN,zh;q=0.9,en;q=0.8"
        )
        stranger = await ask(port, "GET / HTTP/1.1\nHost: evil.example")
        others = [
            (await ask(port, f"{line} HTTP/1.1\nHost: localhost"))[0]
            for line in ("POST /", "GET /../gateway.yaml", "GET /status.json?x", "x")
        ]
    facts = json.loads(body)
    assert (status, page_status, stranger[0]) == (200, 200, 421)
    assert others == [405, 404, 404, 405]
    assert facts["devices"][0]["slug"] == "m1"
    assert facts["devices"][0]["alive"] is True
    assert facts["devices"][0]["age_s"] < 60
    assert (facts["online"], facts["contact_age_s"]) == (False, None)
    assert facts["journal"]["records"] > 0
    assert facts["data"]["limit"] == 30_000_000
    assert facts["lines"][0]["name"] == f"modbus://127.0.0.1:{modbus}"
    assert "网关 works/edge" in html
    assert "s3cret" not in body + html + head + page_head
    for told in (head, page_head):
        assert "Cache-Control: no-store" in told
        assert "default-src 'none'" in told
    assert "works" not in stranger[2]


async def test_it_is_off_unless_configured_and_bound_to_loopback(tmp_path: Path) -> None:
    port = free_port()
    server = StatusServer(port, lambda: FACTS)
    task = asyncio.create_task(server.run())
    async with asyncio.timeout(60):
        while True:
            try:
                assert (await ask(port, "GET / HTTP/1.1\nHost: localhost"))[0] == 200
                break
            except OSError:
                await asyncio.sleep(0.02)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.2", port)
    # What never ends its head, or is too long, is let go and harms nobody.
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n")
    async with asyncio.timeout(60):
        # Closed with bytes unread: an end or a reset, but never an answer.
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
    writer.close()
    assert (await ask(port, "GET / HTTP/1.1\nHost: localhost"))[0] == 200
    task.cancel()


def test_the_page_has_everything_in_both_languages() -> None:
    assert EN.keys() == ZH.keys()
    english, chinese = page(FACTS, "en"), page(FACTS, "zh-CN")
    for text in (english, chinese):
        assert "&lt;b&gt;m2" in text
        assert "<b>" not in text
        assert "30.0 MB" in text
        assert not any(tag in text for tag in ("<form", "<input", "<script", "<a "))
    assert "12 messages waiting, 5 given up" in english
    assert "2 s ago" in english
    assert "12 条待确认" in chinese


@pytest.mark.parametrize(
    ("accepted", "found"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("de,zh;q=0.3", "zh-CN"),
        ("fr;q=x,*", "en"),
    ],
)
def test_the_language_is_the_browsers(accepted: str, found: str) -> None:
    assert language(accepted) == found

"""A driver of another distribution: installed beside the gateway, found by its entry point."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.gateway.modbus_server import free_port

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "docs" / "examples" / "driver-textline"
ANSWERS = {"READ 7 volts": "230.5", "READ 7 watts": "12500", "READ 7 none": "NONE"}
PROFILE = """
maker: Acme
type: Text
title: {en: Acme text meter, zh-CN: Acme 文本电表}
protocol: textline
energy: electricity
values: primary
points:
  - {key: u_a, item: volts, unit: V}
  - {key: p, item: watts, unit: kW, scale: 0.001}
  - {key: q, item: none, unit: kvar}
sample: {items: {volts: 230.5, watts: 12500}, values: {u_a: 230.5, p: 12.5}}
verify: {point: u_a, tolerance_percent: 1}
source: "a map of our own"
verified: no
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the package was installed by pip, beside nothing else."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("target")
    for file in PACKAGE.rglob("*.*"):
        if file.is_file() and "__pycache__" not in file.parts:
            copy = source / file.relative_to(PACKAGE)
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(file.read_bytes())
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation")
    subprocess.run([*pip, "--target", str(target), str(source)], check=True)
    return target


@asynccontextmanager
async def meters(port: int) -> AsyncIterator[None]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            answer = ANSWERS.get(line.decode().strip(), "ERROR 2")
            writer.write(f"{answer}\n".encode())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    async with server:
        yield


async def doctor(installed: Path, folder: Path, port: int, unit: int) -> tuple[int, str]:
    """What `kilowise-gateway doctor` says of one meter, with the package on its path."""
    (folder / "acme").mkdir(exist_ok=True)
    (folder / "acme" / "text.yaml").write_text(PROFILE, encoding="utf-8")
    (folder / "gateway.yaml").write_text(
        "project: demo\nnode: g\nprofile_dirs: ['.']\ndevices:\n"
        f"  - {{slug: m, profile: acme/text, host: 127.0.0.1, port: {port}, unit: {unit}}}\n",
        encoding="utf-8",
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "doctor", "--config", str(folder / "gateway.yaml")),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(installed)},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def test_its_meter_is_read_and_its_faults_are_sentences(
    installed: Path, tmp_path: Path
) -> None:
    port = free_port()
    async with meters(port):
        _, said = await doctor(installed, tmp_path, port, 7)
        assert "ok    m: 2 of 3 points have values; compare u_a = 230.5 V with the display" in said
        code, said = await doctor(installed, tmp_path, port, 8)
        assert "WRONG m: meter 8 refuses volts. Check unit address and profile." in said
        assert code == 1
    _, said = await doctor(installed, tmp_path, port, 7)
    assert f"127.0.0.1:{port} does not accept a connection" in said


async def test_without_the_package_the_device_is_left_out(tmp_path: Path) -> None:
    _, said = await doctor(tmp_path / "empty", tmp_path, free_port(), 7)
    assert "no driver speaks 'textline'" in said

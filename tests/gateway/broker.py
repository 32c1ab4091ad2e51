"""Debian's mosquitto for the gateway's tests: nothing kept, everybody admitted, one free port."""

import asyncio
import socket
import subprocess
import tempfile
from pathlib import Path

MOSQUITTO = "/usr/sbin/mosquitto"


class Mosquitto:
    """A broker process that tests start, end and start again on the same port."""

    def __init__(self, port: int, more: str = "") -> None:
        """`more` are further lines of its configuration."""
        self.port = port
        self._more = more
        self._folder = tempfile.TemporaryDirectory(prefix="mq")
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start and wait until connections are accepted."""
        file = Path(self._folder.name) / "mosquitto.conf"
        file.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
            f"max_queued_messages 0\nuser root\n{self._more}",
            encoding="ascii",
        )
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            await asyncio.sleep(0.02)
        raise RuntimeError("mosquitto did not start")

    def kill(self) -> None:
        """End it without any chance to tidy up."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End it and forget its folder."""
        self.kill()
        self._folder.cleanup()

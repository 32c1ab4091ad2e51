"""A serial bus at its real speed for benchmarks: a terminal whose other end passes bytes on as
slowly as the line would, with simulated units on it.

`python -m tests.bench.serial_line BAUD LAST_UNIT DEAD...` prints the terminal's path and serves the
units 1 to LAST_UNIT except the dead ones until it is ended. A unit answers after the silence that
ends a request (3.5 characters), so a poll on paper is both frames and two silences.
"""

import os
import pty
import sys
import time
import tty

from pymodbus.framer import FramerRTU

from gateway.drivers.modbus.timing import SerialTiming

REQUEST = 8
STEP_S = 0.0005
"""The line hands on what has arrived this often."""


def serve(master: int, timing: SerialTiming, units: set[int]) -> None:
    """Answer reads of any registers with zeros, at the line's speed, for ever."""
    waiting = b""
    while True:
        request = b""
        begun = 0.0
        while len(request) < REQUEST:
            part = waiting or os.read(master, REQUEST)
            begun = begun or time.monotonic()
            request, waiting = request + part, b""
        silent = begun + timing.line_s(len(request)) + timing.silence_s
        waiting = request[REQUEST:]
        reply = answer(request[:REQUEST], units)
        if reply:
            say(master, reply, silent, timing)


def answer(request: bytes, units: set[int]) -> bytes:
    """The reply's frame; empty when nobody is there or the request came damaged."""
    unit, fc, count = request[0], request[1], request[5]
    check = FramerRTU.compute_CRC(request[:6]).to_bytes(2, "big")
    if unit not in units or check != request[6:]:
        return b""
    body = bytes((unit, fc, 2 * count)) + bytes(2 * count)
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


def say(master: int, frame: bytes, begin: float, timing: SerialTiming) -> None:
    """Put a frame on the line from a moment on, each byte when its last bit has passed."""
    sent = 0
    while sent < len(frame):
        now = time.monotonic()
        passed = min(len(frame), int((now - begin) / timing.line_s(1)))
        if passed > sent:
            os.write(master, frame[sent:passed])
            sent = passed
        next_byte = begin + timing.line_s(sent + 1)
        time.sleep(max(min(STEP_S, timing.line_s(len(frame) - sent)), next_byte - now, 0.0))


def main() -> None:
    """Serve until ended."""
    baud, last, *dead = map(int, sys.argv[1:])
    master, slave = pty.openpty()
    tty.setraw(master)
    tty.setraw(slave)
    print(os.ttyname(slave), flush=True)
    serve(master, SerialTiming(baud), set(range(1, last + 1)) - set(dead))


if __name__ == "__main__":
    main()

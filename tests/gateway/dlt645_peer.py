"""An independent meter in a process of its own: the server of the package dlt645.

`python -m tests.gateway.dlt645_peer tcp PORT | serial PATH`, with one JSON line on stdin:
{"address": twelve digits, "items": {identifier: secondary value, or digits of a parameter}}.
Says `ready` with its port and serves until stdin closes.
"""

import json
import sys
from datetime import datetime

from dlt645 import Demand, MeterServerService

DEMAND_TIME = datetime(2024, 6, 15, 14, 30)  # noqa: DTZ001 - a meter's local time


def main(kind: str, place: str) -> None:
    """Serve one meter."""
    told = json.loads(sys.stdin.readline())
    if kind == "tcp":
        service = MeterServerService.new_tcp_server("127.0.0.1", int(place), 1.0)
    else:
        service = MeterServerService.new_rtu_server(place, 8, 1, 9600, "N", 1.0)
    service.set_address(bytes.fromhex(told["address"])[::-1])
    put = {"00": service.set_00, "02": service.set_02, "04": service.set_04}
    for item, value in told["items"].items():
        number = int(item, 16)
        if item.startswith("01"):
            done = service.set_01(number, Demand(value, DEMAND_TIME))
        else:
            done = put[item[:2]](number, value)
        if not done:
            raise SystemExit(f"the peer does not take {value} for {item}")
    with service:
        print("ready", service.server.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""An IEC 60870-5-104 station by c104 (lib60870): an implementation that shares no line with ours.

`python tests/gateway/peers/iec104_station.py <port>` reads one JSON object a line and answers each
with `true` when it is done: point, set, start, stop, initialized, count.
"""

import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import reduce
from operator import or_

import c104

Order = Mapping[str, object]
TYPES = {kind.name: kind for kind in c104.Type.__members__.values()}


class Station:
    """The server and what it was told."""

    def __init__(self, port: int) -> None:
        self.server = c104.Server(ip="127.0.0.1", port=port, tick_rate_ms=50)
        self.frames: list[bytes] = []
        self.server.on_receive_raw(callable=self.received)

    def received(self, server: c104.Server, data: bytes) -> None:
        """Keep what the client sent."""
        self.frames.append(data)

    def point(self, order: Order) -> None:
        """Add a point to a station, which is made when it is new."""
        number = whole(order["station"])
        station = self.server.get_station(common_address=number)
        station = station or self.server.add_station(common_address=number)
        assert station is not None
        kind = TYPES[str(order["type"])]
        point = station.add_point(io_address=whole(order["address"]), type=kind)
        assert point is not None, order

    def set(self, order: Order) -> None:
        """Give a point a value, quality and time; transmit it when asked to."""
        station = self.server.get_station(common_address=whole(order["station"]))
        assert station is not None
        point = station.get_point(io_address=whole(order["address"]))
        assert point is not None
        point.info = information(point.type, order)
        if order.get("send"):
            assert point.transmit(cause=c104.Cot.SPONTANEOUS)

    def start(self, order: Order) -> None:
        """Listen."""
        self.server.start()

    def stop(self, order: Order) -> None:
        """Close every connection and stop listening."""
        self.server.stop()

    def initialized(self, order: Order) -> None:
        """Say that a station has started anew."""
        station = self.server.get_station(common_address=whole(order["station"]))
        assert station is not None
        station.signal_initialized(cause=c104.Coi.REMOTE_RESET)


def information(kind: c104.Type, order: Order) -> c104.Information:
    """The value of a point as the library wants it."""
    value = number(order["value"])
    at = datetime.fromtimestamp(number(order.get("at_ms", 0)) / 1000, UTC)
    names = order.get("quality", [])
    assert isinstance(names, list)
    if kind in (c104.Type.M_IT_NA_1, c104.Type.M_IT_TB_1):
        bits = [c104.BinaryCounterQuality.__members__[name] for name in names]
        counter = reduce(or_, bits, c104.BinaryCounterQuality())
        return c104.BinaryCounterInfo(int(value), c104.UInt5(0), counter, at)
    flags = [c104.Quality.__members__[name] for name in names]
    quality = reduce(or_, flags, c104.Quality())
    return MAKERS[kind.name[:7]](value, quality, at)


DOUBLES = ("INTERMEDIATE", "OFF", "ON", "INDETERMINATE")
Maker = Callable[[float, c104.Quality, datetime], c104.Information]
MAKERS: dict[str, Maker] = {
    "M_SP_NA": lambda value, quality, at: c104.SingleInfo(bool(value), quality, at),
    "M_SP_TB": lambda value, quality, at: c104.SingleInfo(bool(value), quality, at),
    "M_DP_NA": lambda value, quality, at: c104.DoubleInfo(double(value), quality, at),
    "M_ME_NA": lambda value, quality, at: c104.NormalizedInfo(normalized(value), quality, at),
    "M_ME_TD": lambda value, quality, at: c104.NormalizedInfo(normalized(value), quality, at),
    "M_ME_NB": lambda value, quality, at: c104.ScaledInfo(c104.Int16(int(value)), quality, at),
    "M_ME_TE": lambda value, quality, at: c104.ScaledInfo(c104.Int16(int(value)), quality, at),
    "M_ME_NC": lambda value, quality, at: c104.ShortInfo(value, quality, at),
    "M_ME_TF": lambda value, quality, at: c104.ShortInfo(value, quality, at),
}


def double(value: float) -> c104.Double:
    """A double point's state by its number."""
    return c104.Double.__members__[DOUBLES[int(value)]]


def normalized(value: float) -> c104.NormalizedFloat:
    """A normalized number."""
    return c104.NormalizedFloat(value)


def whole(value: object) -> int:
    """A whole number of an order."""
    assert isinstance(value, int)
    return value


def number(value: object) -> float:
    """A number of an order."""
    assert isinstance(value, int | float)
    return value


def main() -> None:
    """Obey until standard input ends."""
    station = Station(int(sys.argv[1]))
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "frames":
            print(json.dumps([frame.hex() for frame in station.frames]), flush=True)
            continue
        getattr(station, order["do"])(order)
        print("true", flush=True)
    station.server.stop()


if __name__ == "__main__":
    main()

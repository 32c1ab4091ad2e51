"""Modbus: TCP, RTU on a serial bus, RTU over TCP, and boxes that dial in.

Our own frames on one byte stream for all four (docs/adr/0006-our-own-field-codecs.md).
"""

from gateway.drivers.bytestream import open_stream
from gateway.drivers.capabilities import (
    Address,
    DriverFault,
    Listen,
    Serial,
    Tcp,
)
from gateway.drivers.modbus.frames import MbapFraming, RtuFraming
from gateway.drivers.modbus.line import Dialled, Link, ModbusLine
from gateway.drivers.modbus.listener import Listener
from gateway.drivers.modbus.stream import ByteStream, dial
from gateway.drivers.modbus.timing import SerialTiming

FRAMINGS = ("tcp", "rtu")
BAUD_BEHIND_A_CONVERTER = 9600
"""What a converter's bus is taken to run at when the line's option `baud` does not say."""


def open_line(address: Address, timeout_s: float) -> ModbusLine:
    """A Modbus line at an address, not yet connected; DriverFault for what it cannot use."""
    name, link = str(address), _link(str(address), address)
    timing = _timing(address)
    if timing is None:
        return ModbusLine(name, link, MbapFraming(name), timeout_s)
    return ModbusLine(name, link, RtuFraming(), timeout_s, timing)


def _link(name: str, address: Address) -> Link:
    where = address.link
    if isinstance(where, Listen):
        return Listener(where)
    if isinstance(where, Tcp):
        return Dialled(lambda timeout_s: dial(name, where, timeout_s))
    if isinstance(where, Serial):
        return Dialled(lambda timeout_s: _serial(where, timeout_s))
    raise DriverFault(f"Modbus cannot use {where}. Write host and port, serial, or listen.")


async def _serial(where: Serial, timeout_s: float) -> ByteStream:
    return await open_stream(where, timeout_s)


def _timing(address: Address) -> SerialTiming | None:
    """The serial line's speed where frames are RTU; None = Modbus TCP."""
    where = address.link
    if isinstance(where, Serial):
        return SerialTiming(where.baud, where.character_bits)
    framing = address.option("framing", "tcp")
    if framing not in FRAMINGS:
        raise DriverFault(f"framing {framing!r} is unknown. Write tcp or rtu.")
    if framing == "tcp":
        return None
    baud = address.option("baud", str(BAUD_BEHIND_A_CONVERTER))
    if not baud.isdecimal() or int(baud) == 0:
        raise DriverFault(f"baud {baud!r} is no number. Write the converter's, for instance 9600.")
    return SerialTiming(int(baud))

"""Which driver speaks which protocol; a driver is imported when a device first needs it.

Own drivers of other distributions register under the entry-point group `kilowise.drivers`.
"""

import importlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from gateway.drivers.capabilities import Address, DriverFault, Line, ReportingLine

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

OpenLine = Callable[[Address, float], Line | ReportingLine]

DRIVERS = {
    "dlt645": "gateway.drivers.dlt645.line:open_line",
    "iec104": "gateway.drivers.iec104:open_line",
    "modbus": "gateway.drivers.modbus:open_line",
    "mqtt": "gateway.drivers.mqtt_in.line:open_line",
    "opcua": "gateway.drivers.opcua:open_line",
}
GROUP = "kilowise.drivers"


def protocols() -> list[str]:
    """Every protocol that can be read, sorted."""
    return sorted({*DRIVERS, *(point.name for point in _external())})


def is_known(protocol: str) -> bool:
    """Whether somebody speaks a protocol; asked for every device, so ours are looked at first."""
    return protocol in DRIVERS or protocol in protocols()


def find_driver(protocol: str) -> OpenLine:
    """The function that opens a line of a protocol; DriverFault when nobody speaks it."""
    place = DRIVERS.get(protocol)
    if place is not None:
        module, _, name = place.partition(":")
        try:
            found: OpenLine = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            raise DriverFault(
                f"the driver of {protocol} needs the package {error.name}. Install it with "
                f'pip install "kilowise[{protocol}]".'
            ) from error
        return found
    for point in _external():
        if point.name == protocol:
            external: OpenLine = point.load()
            return external
    raise DriverFault(
        f"no driver speaks {protocol!r}. Known: {', '.join(protocols())}. "
        "Correct the profile's protocol or install the driver's package."
    )


def _external() -> "Iterable[EntryPoint]":
    """The drivers of other distributions; only gateways that need one pay 1.6 MB to look."""
    from importlib.metadata import entry_points

    return entry_points(group=GROUP)

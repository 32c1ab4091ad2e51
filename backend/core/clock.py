"""The platform's clocks: the gateway's own, so that both sides of the wire keep one time."""

from gateway.contract.clock import (
    AcceleratedClock,
    Clock,
    ClockTextError,
    ManualClock,
    SystemClock,
    parse_clock,
    resolve_clock,
)

__all__ = [
    "AcceleratedClock",
    "Clock",
    "ClockTextError",
    "ManualClock",
    "SystemClock",
    "parse_clock",
    "resolve_clock",
]

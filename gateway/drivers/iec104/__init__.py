"""IEC 60870-5-104: a controlling station of our own, small and read-only.

From the wire upward: `apci` cuts frames, `session` keeps windows and timers, `connection` is the
socket; `cp56`, `elements` and `asdu` are the codec; `questions` asks, `routes` finds the points,
`line` puts them together.
"""

from gateway.drivers.iec104.line import open_line

__all__ = ["open_line"]

"""Report by exception: which of a device's fresh values are worth a message.

A gauge is reported when it left its deadband, a register at every change and at every quarter hour,
everything after a heartbeat's silence, and every step between a value and none. Heartbeats come on
a grid, up to half a heartbeat early, so that the points of a device that fell silent at different
times share one message.
"""

from collections.abc import Sequence

from gateway.contract.profile import Kind, Point

DEFAULT_HEARTBEAT_S = 60.0


class ChangeFilter:
    """Remembers what was last reported of one device's points."""

    def __init__(
        self,
        points: Sequence[Point],
        heartbeat_s: float = DEFAULT_HEARTBEAT_S,
        register_every_s: float = 0.0,
        gauge_every_s: float = 0.0,
    ) -> None:
        """`register_every_s` and `gauge_every_s` are minimum intervals between two reports of a
        point, quarter hours and steps to or from "no value" excepted; 0 = every change.
        """
        self._heartbeat_ms = round(heartbeat_s * 1000)
        self._grid_ms = max(self._heartbeat_ms // 2, 1)
        every = {Kind.REGISTER: register_every_s, Kind.GAUGE: gauge_every_s}
        self._hold_ms = [round(every.get(point.kind, 0.0) * 1000) for point in points]
        self._registers = [point.kind is Kind.REGISTER for point in points]
        self._absolute = [
            0.0 if point.kind is Kind.REGISTER else point.deadband.absolute for point in points
        ]
        self._percent = [
            0.0 if point.kind is Kind.REGISTER else point.deadband.percent / 100 for point in points
        ]
        # NaN differs from everything, so each first value is reported.
        self._last: list[float | None] = [float("nan")] * len(points)
        self._limit = list(self._absolute)
        self._due = [0] * len(points)
        self._free = [0] * len(points)

    def select(
        self, values: Sequence[float | None], at_ms: int, *, boundary: bool, first: int = 0
    ) -> list[int]:
        """Indices of the values to report; they count as reported from now on.

        The values are those of the points from number `first` on.
        """
        last, limit, due, free = self._last, self._limit, self._due, self._free
        chosen: list[int] = []
        for index, value in enumerate(values, first):
            before = last[index]
            if boundary and self._registers[index]:
                chosen.append(index)
            elif value is None or before is None:
                if value is not before or at_ms >= due[index]:
                    chosen.append(index)
            elif not -limit[index] <= value - before <= limit[index]:
                if at_ms >= free[index]:
                    chosen.append(index)
            elif at_ms >= due[index]:
                chosen.append(index)
        self.report(chosen, values, at_ms, first)
        return chosen

    def forget(self) -> None:
        """Report everything at the next chance, as after a death."""
        self._last = [float("nan")] * len(self._last)
        self._free = [0] * len(self._free)

    def report(
        self,
        chosen: Sequence[int],
        values: Sequence[float | None],
        at_ms: int,
        first: int = 0,
    ) -> None:
        """Count these as reported, whatever the rules say."""
        until = (at_ms + self._heartbeat_ms) // self._grid_ms * self._grid_ms
        for index in chosen:
            value = values[index - first]
            self._last[index] = value
            self._due[index] = until
            percent = self._percent[index]
            if percent and value is not None:
                self._limit[index] = percent * abs(value)
            if self._hold_ms[index]:
                self._free[index] = at_ms + self._hold_ms[index]

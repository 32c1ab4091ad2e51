"""How busy a line is: the share of the last minute in which something was on it."""

WINDOW_S = 60.0
SLOT_S = 5.0


class LineLoad:
    """Adds up busy times; seconds are of one monotonic clock."""

    def __init__(self) -> None:
        self._busy_s = 0.0
        self._marks: list[tuple[float, float]] = []
        """(moment, busy seconds until then), one a slot."""
        self._next_mark = 0.0

    def add(self, begun: float, ended: float) -> None:
        """The line was busy from one moment to another, after all that was added before."""
        if not self._marks:
            self._mark(begun)
        self._busy_s += ended - begun
        if ended >= self._next_mark:
            self._mark(ended)

    def share(self, now: float) -> float:
        """Busy seconds a second over the last minute, or since the first use; 0 to 1."""
        if not self._marks or now <= self._marks[0][0]:
            return 0.0
        self._forget(now)
        since, busy_s = self._marks[0]
        return min(1.0, (self._busy_s - busy_s) / (now - since))

    def _mark(self, now: float) -> None:
        self._marks.append((now, self._busy_s))
        self._next_mark = now + SLOT_S
        self._forget(now)

    def _forget(self, now: float) -> None:
        """Keep one mark that is a minute old."""
        while len(self._marks) > 1 and now - self._marks[1][0] >= WINDOW_S:
            self._marks.pop(0)

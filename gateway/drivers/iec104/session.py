"""One connection of IEC 60870-5-104: numbering, the windows k and w, the timers t1, t2 and t3.

No sockets and no clock: octets and moments (monotonic seconds) go in, octets come out of `take`.
Source: IEC 60870-5-104 clauses 5.1 to 5.4 and 9.6.
"""

from collections import deque
from dataclasses import dataclass

from gateway.drivers.iec104.apci import (
    MODULO,
    Frame,
    Function,
    IFrame,
    SFrame,
    UFrame,
    encode,
)

MOST_WAITING = 4096
"""Questions that wait for room in window k; the oldest go first, and are asked again on time."""


class SessionFault(Exception):
    """The standard asks to close the connection; the text says why."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Windows in frames and timers in seconds, with the values the standard proposes."""

    k: int = 12
    """I frames sent that may be without acknowledgement."""
    w: int = 8
    """I frames received after which we acknowledge at the latest."""
    t1_s: float = 15.0
    """How long the station may take to acknowledge or confirm."""
    t2_s: float = 10.0
    """How long we may take to acknowledge."""
    t3_s: float = 20.0
    """Silence after which the connection is tested."""


class Session:
    """The state of one connection of a controlling station."""

    def __init__(self, timing: Timing, now: float) -> None:
        self.started = False
        """Whether the station has confirmed STARTDT."""
        self._timing = timing
        self._out = bytearray()
        self._waiting: deque[bytes] = deque(maxlen=MOST_WAITING)
        """ASDUs for which window k had no room."""
        self._sent: deque[float] = deque(maxlen=timing.k)
        """When each I frame without acknowledgement was sent."""
        self._send = 0
        self._receive = 0
        self._unconfirmed = 0
        """I frames received since our last acknowledgement, and when the first of them came."""
        self._unconfirmed_at = 0.0
        self._asked: dict[Function, float] = {}
        """Confirmations that we wait for, by function, and since when."""
        self._heard = now

    def take(self) -> bytes:
        """The octets to send now; they are taken once."""
        octets = bytes(self._out)
        self._out.clear()
        return octets

    def start(self, now: float) -> None:
        """Ask for data transfer."""
        self._ask(Function.STARTDT_ACT, Function.STARTDT_CON, now)

    def send(self, asdu: bytes, now: float) -> None:
        """Send an ASDU as soon as window k has room."""
        self._waiting.append(asdu)
        self._send_waiting(now)

    def received(self, frame: Frame, now: float) -> bytes | None:
        """Take a frame; answers its ASDU, if any. SessionFault when it may not come here."""
        self._heard = now
        if isinstance(frame, UFrame):
            self._confirm(frame.function)
            return None
        self._acknowledge(frame.receive)
        asdu = self._count(frame, now) if isinstance(frame, IFrame) else None
        self._send_waiting(now)
        if self._unconfirmed >= self._timing.w:
            self._send_acknowledgement()
        return asdu

    def deadline(self) -> float:
        """The moment at which `tick` has something to do."""
        waits = [self._heard + self._timing.t3_s] if not self._asked else []
        waits += [since + self._timing.t1_s for since in self._asked.values()]
        if self._sent:
            waits.append(self._sent[0] + self._timing.t1_s)
        if self._unconfirmed:
            waits.append(self._unconfirmed_at + self._timing.t2_s)
        return min(waits)

    def tick(self, now: float) -> None:
        """Do what the timers ask for; SessionFault when the station was silent for t1."""
        timing = self._timing
        for function, since in self._asked.items():
            if now >= since + timing.t1_s:
                raise SessionFault(f"no {function.name} within {timing.t1_s:g} s (t1)")
        if self._sent and now >= self._sent[0] + timing.t1_s:
            raise SessionFault(f"no acknowledgement within {timing.t1_s:g} s (t1)")
        if self._unconfirmed and now >= self._unconfirmed_at + timing.t2_s:
            self._send_acknowledgement()
        if not self._asked and now >= self._heard + timing.t3_s:
            self._ask(Function.TESTFR_ACT, Function.TESTFR_CON, now)

    def _ask(self, function: Function, confirmation: Function, now: float) -> None:
        self._out += encode(UFrame(function))
        self._asked[confirmation] = now

    def _confirm(self, function: Function) -> None:
        if function is Function.TESTFR_ACT:
            self._out += encode(UFrame(Function.TESTFR_CON))
        elif function is Function.TESTFR_CON:
            self._asked.pop(function, None)
        elif function is Function.STARTDT_CON and self._asked.pop(function, None) is not None:
            self.started = True
        else:
            raise SessionFault(f"the station sends {function.name}, which nobody asked for")

    def _count(self, frame: IFrame, now: float) -> bytes:
        if not self.started:
            raise SessionFault("the station sends data before it confirmed STARTDT")
        if frame.send != self._receive:
            what = f"frame {frame.send} came where {self._receive} was due"
            raise SessionFault(f"{what}: a frame is lost or doubled")
        self._receive = (self._receive + 1) % MODULO
        if not self._unconfirmed:
            self._unconfirmed_at = now
        self._unconfirmed += 1
        return frame.asdu

    def _acknowledge(self, receive: int) -> None:
        open_ = len(self._sent)
        first = (self._send - open_) % MODULO
        confirmed = (receive - first) % MODULO
        if confirmed > open_:
            what = f"the station acknowledges up to {receive}"
            raise SessionFault(f"{what}, but frames {first} to {self._send} are on the way")
        for _ in range(confirmed):
            self._sent.popleft()

    def _send_waiting(self, now: float) -> None:
        while self._waiting and len(self._sent) < self._timing.k:
            self._out += encode(IFrame(self._send, self._receive, self._waiting.popleft()))
            self._send = (self._send + 1) % MODULO
            self._sent.append(now)
            self._unconfirmed = 0

    def _send_acknowledgement(self) -> None:
        self._out += encode(SFrame(self._receive))
        self._unconfirmed = 0

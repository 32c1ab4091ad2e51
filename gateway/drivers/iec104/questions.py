"""What we ask stations and how they answer: general and counter interrogation, step by step.

Each is a command (activation) that a station confirms, answers with values, and terminates. Pure:
ASDUs and moments go in, ASDUs to send and sentences for people come out.
"""

from dataclasses import dataclass, field

from gateway.drivers.iec104.asdu import (
    COUNTER_INTERROGATION,
    FREEZE_COUNTERS,
    GENERAL_INTERROGATION,
    READ_COUNTERS,
    Asdu,
    Cause,
    counter_interrogation,
    general_interrogation,
    is_interrogated_counter,
    qualifier,
)

ON_TIME_MS = 1000
"""An answer within this time of an instant counts as of the instant, as for polled devices."""
NAMES = {
    GENERAL_INTERROGATION: "general interrogation",
    COUNTER_INTERROGATION: "counter interrogation",
}
REFUSALS = {
    Cause.UNKNOWN_TYPE: "does not know it",
    Cause.UNKNOWN_CAUSE: "does not know its cause",
    Cause.UNKNOWN_STATION: "does not know its common address",
    Cause.UNKNOWN_ADDRESS: "does not know its object address",
}


@dataclass(slots=True)
class Answers:
    """What handling an ASDU led to."""

    send: list[bytes] = field(default_factory=list)
    say: str = ""
    """A sentence for people."""
    finished: bool = False
    """Whether nothing that the station was asked is open any more."""


class Questions:
    """The interrogations of one connection that are under way."""

    def __init__(self, *, freeze: bool) -> None:
        self._freeze = freeze
        self._open: set[tuple[int, int]] = set()
        """(type, station) of commands that were not terminated."""
        self._counters_of: dict[int, int | None] = {}
        """Per station the instant whose counters were asked for; None = no instant."""

    def everything(self, station: int) -> bytes:
        """Ask a station for all of its values."""
        self._open.add((GENERAL_INTERROGATION, station))
        return general_interrogation(station)

    def counters(self, station: int, instant_ms: int | None) -> bytes:
        """Ask a station for its counters, as of an instant of UTC or as of now."""
        self._open.add((COUNTER_INTERROGATION, station))
        self._counters_of[station] = instant_ms
        return counter_interrogation(station, FREEZE_COUNTERS if self._freeze else READ_COUNTERS)

    def unanswered(self) -> list[str]:
        """A sentence for each question that no station has answered to its end."""
        return [
            f"station {station} did not finish its last {NAMES[type_]}"
            for type_, station in sorted(self._open)
        ]

    def time_of(self, asdu: Asdu, received_ms: int) -> int:
        """When values without a time tag were true.

        Counters that were frozen at an instant, or read at once after it, are those of the
        instant; everything else is of the moment of its arrival.
        """
        instant_ms = self._counters_of.get(asdu.station)
        if instant_ms is None or not is_interrogated_counter(asdu):
            return received_ms
        late_ms = received_ms - instant_ms
        return instant_ms if 0 <= late_ms <= ON_TIME_MS or self._freeze else received_ms

    def answered(self, asdu: Asdu) -> Answers:
        """Take a station's confirmation, refusal or termination of a question."""
        question, name = (asdu.type, asdu.station), NAMES[asdu.type]
        refusal = _refusal(asdu)
        if refusal:
            finished = self._close(question)
            say = f"station {asdu.station} refuses the {name}: it {refusal}"
            return Answers(say=say, finished=finished)
        if asdu.cause == Cause.TERMINATION and not _froze(asdu):
            return Answers(finished=self._close(question))
        if asdu.cause == Cause.CONFIRMATION and _froze(asdu):
            return Answers(send=[counter_interrogation(asdu.station, READ_COUNTERS)])
        return Answers()

    def _close(self, question: tuple[int, int]) -> bool:
        """A question has ended; answers whether it was the station's last one."""
        if question not in self._open:
            return False
        type_, station = question
        self._open.discard(question)
        if type_ == COUNTER_INTERROGATION:
            self._counters_of.pop(station, None)
        return all(other != station for _, other in self._open)


def _froze(asdu: Asdu) -> bool:
    return asdu.type == COUNTER_INTERROGATION and qualifier(asdu) == FREEZE_COUNTERS


def _refusal(asdu: Asdu) -> str:
    for cause, text in REFUSALS.items():
        if asdu.cause == cause:
            return text
    return "answers negatively" if asdu.negative else ""

"""How long bytes take on a serial line, and how many registers another request is worth.

Source: Modbus over Serial Line V1.02, 2.5.1.1 (silence of 3.5 characters, 1.75 ms above 19200
baud).
"""

from dataclasses import dataclass

SILENCE_CHARACTERS = 3.5
SHORTEST_SILENCE_S = 0.00175
FAST_BAUD = 19200
TURN_AROUND_S = 0.005
"""What a meter usually takes between a request's last byte and its reply's first."""
REQUEST_BYTES, REPLY_BYTES = 8, 5
"""Bytes of a read request, and of its reply beside the registers."""


@dataclass(frozen=True, slots=True)
class SerialTiming:
    """A serial line's speed: baud, and the bits of a character with start, parity and stop."""

    baud: int
    character_bits: int = 10

    def line_s(self, size: int) -> float:
        """Seconds that `size` bytes take."""
        return size * self.character_bits / self.baud

    @property
    def silence_s(self) -> float:
        """Seconds without a byte that end a frame."""
        if self.baud > FAST_BAUD:
            return SHORTEST_SILENCE_S
        return self.line_s(1) * SILENCE_CHARACTERS

    def read_s(self, registers: int) -> float:
        """Seconds that a read takes on paper: both frames and both silences."""
        return self.line_s(REQUEST_BYTES + REPLY_BYTES + 2 * registers) + 2 * self.silence_s

    @property
    def request_cost(self) -> int:
        """Registers that take as long as one more request: a smaller gap is read along."""
        return int((self.read_s(0) + TURN_AROUND_S) / self.line_s(2))

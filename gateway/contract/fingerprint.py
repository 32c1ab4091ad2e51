"""Marks that tell one type of device from others: registers that hold a type code or a model name.

All of a profile's marks have to fit. A device that refuses a mark says nothing, neither for the
profile nor against it; one that answers otherwise is another type.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.contract.registers import Datatype, Order, decode_raw, encode_raw


@dataclass(frozen=True, slots=True)
class Mark:
    """One place of a fingerprint: raw numbers of which one is there, or the text that begins
    there, in ASCII.
    """

    fc: int
    address: int
    datatype: Datatype
    values: tuple[int, ...] = ()
    text: str = ""

    @property
    def words(self) -> int:
        """Registers to read."""
        return (len(self.text) + 1) // 2 if self.text else self.datatype.words

    def fits(self, words: Sequence[int], order: Order) -> bool:
        """Whether the registers are those of a device of this type."""
        if self.text:
            found = b"".join(word.to_bytes(2, "big") for word in words)
            return found.startswith(self.text.encode("ascii"))
        return decode_raw(words, self.datatype, order) in self.values

    def example(self, order: Order) -> tuple[int, ...]:
        """Registers that fit."""
        if self.text:
            data = self.text.encode("ascii").ljust(2 * self.words, b"\0")
            pairs = range(0, len(data), 2)
            return tuple(int.from_bytes(data[start : start + 2], "big") for start in pairs)
        return encode_raw(self.values[0], self.datatype, order)

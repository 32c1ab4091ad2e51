"""Finds every meter on a bus by shortened addresses (DL/T 645-2007, address field).

A request may give the low digits of an address and AA for each pair above them; every meter whose
digits fit answers with its whole address. One sound answer and nothing else is one meter. Several
answer at once and disturb each other: what is heard is noise, and each of the hundred continuations
of these digits is asked for by itself. So a meter costs at most one hundred silences a pair of
digits that it shares with another one, and a meter that is alone costs none. A meter whose answer
another one drowns as a whole stays unseen: its address can be written into the configuration.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.drivers.capabilities import Progress
from gateway.drivers.dlt645.frame import (
    ADDRESS_DIGITS,
    ANY_METER,
    READ,
    READ_ADDRESS,
    WAKE_UP,
    Frame,
    item_bytes,
)

TOTAL_ENERGY = "00000000"
"""Combined active energy, the item that every meter has; one that has not refuses with its name."""
PAIR = 2
PAIRS = 100


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back until the line was quiet: sound answers, and whether anything else was on."""

    answers: tuple[Frame, ...]
    noise: bool

    @property
    def alone(self) -> bool:
        """Whether exactly one meter spoke."""
        return len(self.answers) == 1 and not self.noise

    @property
    def silent(self) -> bool:
        """Whether nobody spoke."""
        return not self.answers and not self.noise


Hear = Callable[[Frame], Awaitable[Heard]]
"""Sends a request and listens until the line is quiet; LinkDown when it is lost."""


def is_noise(heard: bytes, answers: tuple[Frame, ...]) -> bool:
    """Whether bytes are among what was heard that neither belong to an answer nor wake up."""
    rest = heard
    for answer in answers:
        rest = rest.replace(answer.encode()[len(WAKE_UP) :], b"", 1)
    return bool(rest.strip(WAKE_UP[:1]))


async def search(hear: Hear, progress: Progress, found: list[str]) -> None:
    """Append the addresses of all meters to `found`, which stays when it is cut off in the middle.

    Progress counts the continuations of the last pair of digits.
    """
    if await _told(hear, Frame(ANY_METER, READ_ADDRESS), found):
        progress(1, 1, tuple(found))
        return
    for number in range(PAIRS):
        await _below(hear, f"{number:02d}", found)
        progress(number + 1, PAIRS, tuple(found))


async def _below(hear: Hear, digits: str, found: list[str]) -> None:
    """Find the meters whose addresses end with these digits."""
    told = await _told(hear, _read(digits.rjust(ADDRESS_DIGITS, "A")), found)
    if told or len(digits) == ADDRESS_DIGITS:
        return
    for number in range(PAIRS):
        await _below(hear, f"{number:02d}{digits}", found)


async def _told(hear: Hear, request: Frame, found: list[str]) -> bool:
    """Note who answers a request; whether that was all: nobody, or one undisturbed meter.

    Two disturbed telegrams may look like a third one's, so who answered is asked by name.
    """
    heard = await hear(request)
    real = 0
    for answer in heard.answers:
        named = await hear(_read(answer.address))
        if any(one.address == answer.address for one in named.answers):
            real += 1
            if answer.address not in found:
                found.append(answer.address)
    return heard.silent or (heard.alone and real == 1)


def _read(address: str) -> Frame:
    return Frame(address, READ, item_bytes(TOTAL_ENERGY))

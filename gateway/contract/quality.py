"""One quality enum for the whole wire; the numbers are stored and travel, so they never change."""

from enum import IntEnum


class Quality(IntEnum):
    """How far a sample or a figure can be trusted; of several the greatest number is the worst."""

    GOOD = 0
    ESTIMATED = 1
    SUBSTITUTED = 2
    MANUAL = 3
    SUSPECT = 4
    MISSING = 5


def worst(first: Quality, second: Quality) -> Quality:
    """The quality of a figure made from two others."""
    return max(first, second)

"""Repeatable chance: the same seed and numbers always give the same answer, in any order."""

_MASK = (1 << 64) - 1


def mix(*numbers: int) -> int:
    """64 well-mixed bits of some whole numbers (the finaliser of SplitMix64 over each)."""
    state = 0x9E3779B97F4A7C15
    for number in numbers:
        state = (state + (number & _MASK) + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state


def below(limit: int, *numbers: int) -> int:
    """A whole number in [0, limit)."""
    return mix(*numbers) % limit


def spread(width: int, *numbers: int) -> int:
    """A whole number in [-width, width]."""
    return mix(*numbers) % (2 * width + 1) - width


_TABLE = tuple(mix(number) & 0xFFFF for number in range(1021))


def ripple(width: int, start: int, step: int) -> int:
    """A whole number in [-width, width], quickly: a walk through one table of chance."""
    return (_TABLE[(start * 97 + step) % 1021] * (2 * width + 1) >> 16) - width


def text_number(text: str) -> int:
    """A stable number for a name; Python's own hash changes with every process."""
    return mix(*text.encode())

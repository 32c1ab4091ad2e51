"""Decimal digits in bytes, low byte first, and the sign that DL/T 645 puts into the top bit.

Meters fill with FF or EE what they do not have; such digits are none, so there is no value.
"""

SIGN = 0x80


def decode_bcd(data: bytes, *, signed: bool) -> int | None:
    """The count that the bytes hold; None when a digit is none."""
    digits = bytearray(data[::-1])
    negative = signed and bool(digits[0] & SIGN)
    if negative:
        digits[0] &= ~SIGN & 0xFF
    text = digits.hex()
    if not text.isdecimal():
        return None
    return -int(text) if negative else int(text)

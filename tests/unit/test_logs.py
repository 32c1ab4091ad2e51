"""A log line is a line, whatever somebody sent."""

import logging

from backend.core.logs import OneLine


def line(message: str, *given: object) -> str:
    """What is written of a message."""
    record = logging.LogRecord("x", logging.INFO, __file__, 1, message, given, None)
    return OneLine("%(levelname).1s %(message)s").format(record)


def test_what_was_sent_begins_no_line_of_its_own() -> None:
    sent = "x\nE forged\r\x1b[2Jline\u2028\x85"
    assert line("Refused: %s", sent) == ("I Refused: x\\x0aE forged\\x0d\\x1b[2Jline\\x2028\\x85")
    assert line("电能 %s", "ж") == "I 电能 ж"


def test_a_traceback_is_indented() -> None:
    try:
        raise ValueError("wrong\nE forged")
    except ValueError as error:
        what = (ValueError, error, error.__traceback__)
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "a bug", (), what)
    first, *others = OneLine("%(levelname).1s %(message)s").format(record).splitlines()
    assert first == "E a bug"
    assert others[-1] == "    E forged"
    assert all(line.startswith("    ") for line in others)

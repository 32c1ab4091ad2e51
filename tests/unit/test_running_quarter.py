"""A span that ends inside a quarter hour: the running bucket counts by its linear share."""

from decimal import Decimal
from fractions import Fraction

from backend.aggregation.figures import Sum, with_share

WHOLE = Sum(1, "electricity", 1_000, 0, 0, Decimal("0.1"), Decimal("0.5"), Decimal("0.7"))
RUNNING = Sum(1, "electricity", 301, 30, 1, Decimal("0.03"), Decimal("0.15"), None)


def test_a_third_of_the_running_quarter() -> None:
    """301 / 3 is 100.33: 100, and 30 / 3 is 10; a cost that is not known stays unknown."""
    assert with_share(WHOLE, RUNNING, Fraction(1, 3)) == Sum(
        1, "electricity", 1_100, 10, 1, Decimal("0.1100000000"), Decimal("0.5500000000"), None
    )


def test_halves_go_to_the_even_number() -> None:
    """301 / 2 is 150.5: 150, as everywhere in the accounts."""
    answer = with_share(WHOLE, RUNNING, Fraction(1, 2))
    assert answer is not None
    assert answer.qty == 1_150


def test_what_is_missing_is_not_a_zero() -> None:
    """Nothing of the running quarter leaves the whole; nothing at all stays nothing."""
    assert with_share(WHOLE, None, Fraction(1, 3)) == WHOLE
    assert with_share(None, None, Fraction(1, 3)) is None
    first = with_share(None, RUNNING, Fraction(1, 3))
    assert first is not None
    assert first.qty == 100

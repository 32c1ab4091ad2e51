"""Losses of a balance in exact parts: transformer, classes of meters, unmetered rest."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from backend.service.balance.losses import Split, Transformer, split, transformer_loss, uncertainty
from backend.service.balance.ratios import mixups
from backend.service.balance.regression import fit

QUANTITIES = st.integers(-(10**15), 10**15)
S11_1000 = Transformer(1150, 10300, 1_000_000, Decimal(1))


def test_a_transformer_loses_without_load_and_with_it() -> None:
    assert transformer_loss(S11_1000, [0, 0, 0, 0]) == 1_150_000, "1.15 kWh in an hour"
    # 1,000 kVA for a quarter hour: P0 + Pk = 11.45 kW; half of it: P0 + Pk / 4 = 3.725 kW.
    assert transformer_loss(S11_1000, [250_000_000]) == 2_862_500
    assert transformer_loss(S11_1000, [125_000_000]) == 931_250
    other = Transformer(1150, 10300, 1_000_000, Decimal("0.5"))
    assert transformer_loss(other, [125_000_000]) == 2_862_500, "twice the kVA for the same kW"


def test_uncertainty_is_the_root_of_the_squares() -> None:
    half, one = Decimal("0.5"), Decimal(1)
    assert uncertainty([(half, 600), (one, 400)]) == 5
    assert uncertainty([(half, 200_000), (half, 0)]) == 1000
    assert uncertainty([]) == 0


@given(QUANTITIES, st.integers(0, 10**12), st.none() | st.integers(0, 10**14))
def test_the_parts_of_a_loss_add_up_to_it(loss: int, transformer: int, u: int | None) -> None:
    parts = split(loss, transformer, u)
    assert parts.transformer + parts.metering + parts.unmetered == loss
    if u is None:
        assert (parts.metering, parts.within) == (0, None)
    else:
        assert parts.within == (abs(loss - transformer) < u)
        assert abs(parts.metering) <= u


def test_a_loss_larger_than_the_classes_leaves_a_rest() -> None:
    assert split(100, 30, 20) == Split(30, 20, 50, within=False)
    assert split(-100, 0, 20) == Split(0, -20, -80, within=False)
    assert split(45, 30, 20) == Split(30, 15, 0, within=True)


def test_a_factor_names_pairs_of_standard_sizes() -> None:
    assert [(one.configured, one.installed) for one in mixups(1.34)] == [
        ("150/5", "200/5"),
        ("75/5", "100/5"),
        ("30/5", "40/5"),
    ]
    assert mixups(0.75)[0].installed == "150/5"
    assert (mixups(1.05), mixups(1.42), mixups(17)) == ((), (), ())


def test_a_fit_finds_what_a_series_is_made_of() -> None:
    one = [float(n % 7) for n in range(70)]
    two = [float(n % 5) for n in range(70)]
    made = fit([3 + 2 * a - b for a, b in zip(one, two, strict=True)], [one, two])
    assert made is not None
    assert [round(value, 9) for value in (made.intercept, *made.slopes, made.left)] == [3, 2, -1, 0]
    assert fit(one, [two, two]) is None, "they do not determine the slopes"
    assert fit(one[:4], [one[:4], two[:4]]) is None, "too few"

"""Ordinary least squares of one series on a few others, with the standard error of every slope."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from operator import mul

SINGULAR = 1e-9
"""A pivot smaller than this share of its column says that one series is made of the others."""


@dataclass(frozen=True, slots=True)
class Fit:
    """target = intercept + sum of slope x series; `errors` are standard errors of the slopes.

    `left` is the share of the target's variance that the fit leaves, `rms` what it leaves in the
    target's own unit.
    """

    intercept: float
    slopes: tuple[float, ...]
    errors: tuple[float, ...]
    left: float
    rms: float


class Basis:
    """Series that several targets are fitted on: what they have in common is computed once."""

    def __init__(self, series: Sequence[Sequence[float]]) -> None:
        """Take series of one length."""
        self._count = len(series[0]) if series else 0
        self._width = len(series)
        self._means = [sum(one) / self._count for one in series]
        self._centred = [
            [value - middle for value in one]
            for one, middle in zip(series, self._means, strict=True)
        ]
        enough = self._count > self._width + 2
        self._inverse = _inverse(_products(self._centred)) if enough else None

    def fit(self, target: Sequence[float]) -> Fit | None:
        """Fit a target of the same length; None where the series do not determine the slopes."""
        count, width, inverse = self._count, self._width, self._inverse
        if inverse is None:
            return None
        mean = sum(target) / count
        deviation = [value - mean for value in target]
        with_target = [_dot(one, deviation) for one in self._centred]
        slopes = tuple(_dot(row, with_target) for row in inverse)
        total = _dot(deviation, deviation)
        left = max(0.0, total - _dot(slopes, with_target))
        variance = left / (count - width - 1)
        return Fit(
            intercept=mean - _dot(slopes, self._means),
            slopes=slopes,
            errors=tuple(sqrt(variance * max(0.0, inverse[i][i])) for i in range(width)),
            left=left / total if total else 0.0,
            rms=sqrt(left / count),
        )


def fit(target: Sequence[float], series: Sequence[Sequence[float]]) -> Fit | None:
    """Fit a target on series of the same length; None where they do not determine the slopes."""
    return Basis(series).fit(target)


def _products(series: Sequence[Sequence[float]]) -> list[list[float]]:
    """Every series times every other, each pair once."""
    half = [[_dot(one, other) for other in series[: i + 1]] for i, one in enumerate(series)]
    return [[half[max(i, j)][min(i, j)] for j in range(len(series))] for i in range(len(series))]


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    total: float = sum(map(mul, one, other))
    return total


def _inverse(matrix: list[list[float]]) -> list[list[float]] | None:
    """Gauss-Jordan with pivots from the diagonal's largest; None for a singular matrix."""
    size = len(matrix)
    scale = [matrix[i][i] for i in range(size)]
    rows = [[*row, *(float(i == j) for j in range(size))] for i, row in enumerate(matrix)]
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(rows[row][column]))
        if abs(rows[pivot][column]) <= SINGULAR * scale[column]:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [value / rows[column][column] for value in rows[column]]
        for row in range(size):
            if row != column and rows[row][column]:
                share = rows[row][column]
                pairs = zip(rows[row], rows[column], strict=True)
                rows[row] = [value - share * above for value, above in pairs]
    return [row[size:] for row in rows]

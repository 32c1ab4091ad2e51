"""Names the branch whose meter is wrong, from the quarter hours of a place and of its parts.

Pure: r(t) = in(t) - sum of out(t) is laid against every part's own profile by least squares.
A part that reads wrong by a constant factor f leaves r = (f - 1) x part: f near a quotient of
standard transformer sizes is a wrong ratio, f = 3 (one of three phases counts backwards) or 3/2
(one phase does not count) a phase, f = -1 a direction. A part that stands still while its export
counts what is missing is turned round as well. When all parts need the same factor, the meter of
the place itself is wrong. A rest that follows no part is a consumer without a meter: a base load,
or one that follows the hours in which the plant works.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from backend.service.balance.ratios import Mixup, mixups
from backend.service.balance.regression import Basis, Fit, fit

LEAST: Final = 192
"""Quarter hours a pattern needs: two days."""
SLIGHT: Final = 0.08
"""A factor within 1 +- this is loss and meter classes."""
SIGNIFICANT: Final = 6.0
"""Standard errors a slope has to lie from nothing."""
UNTOLD: Final = 0.4
"""A part is turned round when its export leaves at most this share of the residual's variance."""
NOISE: Final = 0.015
"""A suspect is named when its factor leaves at most this share of what goes in, as a root mean
square: what is left are losses and counts of registers, no consumer of its own.
"""
LOSSES: Final = 1.01
"""What usually gets lost between a place and its parts."""
ONE_LINE: Final = 0.05
"""A place and the sum of its parts lie on one line when this share of the variance is left."""
SMALL: Final = 0.005
"""What a suspect explains has to be more than this share of what goes in."""
MISSED: Final = 0.04
"""A rest that follows no part is a missing meter from this share of what goes in on."""
SAME: Final = 0.04
"""Factors of parts that differ less than this are one: then the place's own meter is wrong."""
PHASES: Final = {3.0: "one phase counts backwards", 1.5: "one phase does not count"}
NEAR: Final = 0.025


class Fault(StrEnum):
    """What is wrong; texts under `balance.fault.<value>`."""

    RATIO = "ratio"
    PHASE = "phase"
    DIRECTION = "direction"
    MISSING = "missing"


class Profile(StrEnum):
    """When a consumer without a meter runs."""

    BASE = "base"
    WORK = "work"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The numbers behind a suspicion.

    `factor`: what the suspect's quantity must be multiplied by, with its standard error;
    `explained`: share of the residual's square sum that this explains; `quarters` looked at;
    `missing_share`: the residual as a share of what goes in.
    """

    factor: float | None
    error: float | None
    explained: float
    quarters: int
    missing_share: float


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A suspected fault: of the part `part`, of the place's own meter when None.

    `mixups` are pairs of ratios that make the factor; `profile` and `base_share` (share of the
    rest that never stops) describe a consumer without a meter.
    """

    fault: Fault
    part: int | None
    evidence: Evidence
    mixups: tuple[Mixup, ...] = ()
    profile: Profile | None = None
    base_share: float | None = None


@dataclass(frozen=True, slots=True)
class Flows:
    """Complete quarter hours of a place and its parts in the energy's smallest unit, in order.

    `exports` are the export registers of parts, where they have one, and `worked` says in which
    quarter hours the plant works, where a calendar tells. `step`: quarter hours in each value.
    """

    whole: Sequence[int]
    parts: Mapping[int, Sequence[int]]
    exports: Mapping[int, Sequence[int]]
    worked: Sequence[bool] | None = None
    step: int = 1


def suspect(flows: Flows, u: int) -> Suspicion | None:
    """Answer the one suspicion that the pattern shows; None where it shows none.

    `u` is the meters' uncertainty over these quarter hours: what explains less is never named.
    """
    total = sum(flows.whole)
    if len(flows.whole) * flows.step < LEAST or total <= 0 or not flows.parts:
        return None
    rest = _rest(flows)
    limit = max(float(u), SMALL * total)
    turned = _turned(flows, rest, limit)
    moving = _moving(flows)
    basis = Basis([flows.parts[part] for part in moving])
    own = None if turned else _own_factor(flows, moving, basis, limit)
    if own is not None:
        return _named(flows, rest, None, *own)
    return turned or _factor(flows, rest, moving, basis, limit) or _unmetered(flows, rest, limit)


def _rest(flows: Flows) -> list[int]:
    outs = zip(*flows.parts.values(), strict=True)
    return [whole - sum(out) for whole, out in zip(flows.whole, outs, strict=True)]


def _turned(flows: Flows, rest: Sequence[int], limit: float) -> Suspicion | None:
    """A part that counts nothing while its export register counts what is missing."""
    for part, export in flows.exports.items():
        amount = sum(export)
        still = sum(map(abs, flows.parts[part])) < SMALL * amount
        found = fit(rest, [export]) if still and amount > limit else None
        if found and abs(found.slopes[0] - 1) < SLIGHT and found.left < UNTOLD:
            return Suspicion(Fault.DIRECTION, part, _evidence(flows, rest, found, -1.0))
    return None


def _own_factor(
    flows: Flows, moving: Sequence[int], basis: Basis, limit: float
) -> tuple[float, Fit] | None:
    """What the place's own meter must be multiplied by, when every part asks for the same."""
    single = basis.fit(flows.whole)
    if len(moving) < 2 or single is None or not _alike(single):
        return None
    rest = _rest(flows)
    outs = [whole - one for whole, one in zip(flows.whole, rest, strict=True)]
    together = fit(outs, [flows.whole])
    if together is None or together.left > ONE_LINE or abs(sum(rest)) < limit:
        return None
    # The parts lack the losses on the way to them.
    factor = together.slopes[0] * LOSSES
    return (factor, together) if _stands_out(factor, together.errors[0]) else None


def _alike(single: Fit) -> bool:
    """Whether slopes of the whole on its parts are one number, as far as they are known."""
    middle = sum(single.slopes) / len(single.slopes)
    pairs = zip(single.slopes, single.errors, strict=True)
    return all(abs(slope - middle) < SAME + 3 * error for slope, error in pairs)


def _factor(
    flows: Flows, rest: Sequence[int], moving: Sequence[int], basis: Basis, limit: float
) -> Suspicion | None:
    """The one part whose profile the residual follows."""
    together = basis.fit(rest)
    if together is None:
        return None
    noise = NOISE * sum(flows.whole) / len(rest)
    best: tuple[int, Fit] | None = None
    for part, slope, error in zip(moving, together.slopes, together.errors, strict=True):
        if not _stands_out(1 + slope, error) or abs(slope * sum(flows.parts[part])) < limit:
            continue
        found = _beside_losses(flows, rest, part, [other for other in moving if other != part])
        if found is None or found.rms > noise:
            continue
        if best is None or found.left < best[1].left:
            best = part, found
    return _named(flows, rest, best[0], 1 + best[1].slopes[0], best[1]) if best else None


def _beside_losses(
    flows: Flows, rest: Sequence[int], part: int, others: Sequence[int]
) -> Fit | None:
    """The residual on one part, with all others as one that only lose a little on their way."""
    if not others:
        return fit(rest, [flows.parts[part]])
    outs = [sum(out) for out in zip(*(flows.parts[other] for other in others), strict=True)]
    found = fit(rest, [flows.parts[part], outs])
    return found if found and abs(found.slopes[1]) < SLIGHT / 2 else None


def _named(
    flows: Flows,
    rest: Sequence[int],
    part: int | None,
    factor: float,
    found: Fit,
) -> Suspicion | None:
    """What a factor means; None when it means nothing known."""
    evidence = _evidence(flows, rest, found, factor)
    if abs(factor + 1) < SLIGHT:
        return Suspicion(Fault.DIRECTION, part, evidence)
    pairs = mixups(factor)
    if any(abs(factor / phases - 1) < NEAR for phases in PHASES):
        return Suspicion(Fault.PHASE, part, evidence, pairs)
    return Suspicion(Fault.RATIO, part, evidence, pairs) if pairs else None


def _unmetered(flows: Flows, rest: Sequence[int], limit: float) -> Suspicion | None:
    """A rest of its own: a base load, or one that follows the hours of work."""
    amount, total = sum(rest), sum(flows.whole)
    if amount < max(limit, MISSED * total):
        return None
    ordered = sorted(rest)
    base = max(0, ordered[len(ordered) // 10])
    share = min(1.0, base * len(rest) / amount)
    profile = Profile.BASE if share > 0.8 else _rhythm(flows, rest)
    evidence = _evidence(flows, rest, None, None)
    return Suspicion(Fault.MISSING, None, evidence, (), profile, share)


def _rhythm(flows: Flows, rest: Sequence[int]) -> Profile | None:
    """WORK when the rest is at least twice as high in the hours of work as outside them."""
    worked = flows.worked
    if worked is None:
        middle = sorted(flows.whole)[len(flows.whole) // 2]
        worked = [whole > middle for whole in flows.whole]
    on = [one for one, work in zip(rest, worked, strict=True) if work]
    off = [one for one, work in zip(rest, worked, strict=True) if not work]
    if not on or not off:
        return None
    return Profile.WORK if sum(on) / len(on) > 2 * max(0.0, sum(off) / len(off)) else None


def _stands_out(factor: float, error: float) -> bool:
    return abs(factor - 1) > SLIGHT and abs(factor - 1) > SIGNIFICANT * error


def _moving(flows: Flows) -> list[int]:
    """Parts that count anything: a part that stands still has no profile."""
    total = sum(flows.whole)
    return [part for part, one in flows.parts.items() if sum(map(abs, one)) > total * 1e-4]


def _evidence(
    flows: Flows, rest: Sequence[int], found: Fit | None, factor: float | None
) -> Evidence:
    return Evidence(
        factor=factor,
        error=None if found is None else found.errors[0],
        explained=0.0 if found is None else 1 - found.left,
        quarters=len(rest) * flows.step,
        missing_share=sum(rest) / sum(flows.whole),
    )

"""What is news of a device: limits, derived points, local alarms, steps of quality."""

from dataclasses import replace

import pytest

from gateway.computed import Derivation, UnknownInput
from gateway.contract.profile import Deadband, Kind
from gateway.contract.quality import Quality
from gateway.drivers.capabilities import Reading
from gateway.expression import Expression
from gateway.rules import Rule
from gateway.session import News, Reporting, Session
from tests.unit.test_plan import make_point

BASE = make_point(0, 1)
U, P, Q, T = (
    replace(BASE, key=key, unit=unit, deadband=Deadband(absolute=1.0))
    for key, unit in (("u_a", "V"), ("p", "kW"), ("q", "kvar"), ("t", "°C"))
)
DOUBT = (Quality.SUSPECT, "out of range")


def news(found: News | None) -> dict[int, float | None]:
    return {} if found is None else {index: found.values[index] for index in found.indices}


def test_an_impossible_value_is_kept_and_suspect_and_so_is_its_end_said() -> None:
    session = Session([U, P], Reporting())
    steps = [230.0, 2e6, 2e6 + 0.5, 230.0]
    found = [session.sampled([u, 5.0], at, boundary=False) for at, u in enumerate(steps)]
    assert [news(one) for one in found] == [{0: 230.0, 1: 5.0}, {0: 2e6}, {}, {0: 230.0}]
    assert [one.doubts if one else None for one in found] == [{}, {0: DOUBT}, None, {}]


def test_a_step_of_quality_within_the_deadband_is_news() -> None:
    session = Session([replace(U, valid=(0.0, 230.5))], Reporting())
    steps = [230.0, 230.6, 230.4]
    found = [session.sampled([u], at, boundary=False) for at, u in enumerate(steps)]
    assert [news(one) for one in found] == [{0: 230.0}, {0: 230.6}, {0: 230.4}]


def test_a_derived_point_has_a_value_when_all_its_inputs_were_read_together() -> None:
    apparent = Derivation("s_calc", "kVA", Expression("sqrt(p**2 + q**2)"), Deadband(absolute=1))
    session = Session([P, T, Q], Reporting(derived=(apparent,)))
    assert [point.name for point in session.points] == ["p", "t", "q", "s_calc"]
    assert news(session.sampled([3.0, 20.0, 4.0], 0, boundary=False))[3] == 5.0
    assert news(session.sampled([30.0, 20.0], 1, boundary=False)) == {0: 30.0}
    assert news(session.sampled([30.0, 20.0, None], 2, boundary=False)) == {2: None, 3: None}
    assert news(session.sampled([30.0, 20.0, 40.0], 3, boundary=False)) == {2: 40.0, 3: 50.0}


def test_a_rule_travels_as_a_status_point_also_on_a_derived_point() -> None:
    double = Derivation("double", "kW", Expression("p * 2"), Deadband(absolute=1))
    rule = Rule("high", "double", above=10.0, delay_s=2)
    session = Session([P], Reporting(derived=(double,), rules=(rule,)))
    steps = [4.0, 6.0, 6.0, 6.0, 4.0]
    found = [session.sampled([p], at * 1000, boundary=False) for at, p in enumerate(steps)]
    assert [news(one).get(2) for one in found] == [0.0, None, None, 1.0, 0.0]


def test_an_unknown_input_is_named() -> None:
    with pytest.raises(UnknownInput, match="'p_z'"):
        Session([P], Reporting(derived=(Derivation("d", "kW", Expression("p_z")),)))
    with pytest.raises(UnknownInput, match="'u'"):
        Session([P], Reporting(rules=(Rule("r", "u", above=1),)))


def test_a_minimum_interval_thins_gauges_out() -> None:
    session = Session([P], Reporting(gauge_every_s=10))
    at = [s for s in range(31) if session.sampled([float(s * 5)], s * 1000, boundary=False)]
    assert at == [0, 10, 20, 30]


def test_what_is_heard_is_judged_and_computed_on_the_grid_only() -> None:
    double = Derivation("double", "kW", Expression("p * 2"), Deadband(absolute=1))
    session = Session([replace(P, valid=(0.0, 50.0))], Reporting(derived=(double,)))
    (alone,) = session.heard([Reading(0, 500, 60.0)], sampled=False, boundary=False)
    assert (news(alone), alone.doubts) == ({0: 60.0}, {0: DOUBT})
    (grid,) = session.heard([Reading(0, 1000, 60.0)], sampled=True, boundary=False)
    assert (news(grid), grid.at_ms) == ({1: 120.0}, 1000)


def test_thrift_reports_registers_at_quarter_hours_and_alarms_only() -> None:
    energy = replace(BASE, key="ep_imp", unit="kWh", kind=Kind.REGISTER)
    session = Session([P, energy], Reporting(rules=(Rule("high", "p", above=50.0),)))
    session.sampled([5.0, 1.0], 0, boundary=True)
    session.thrifty = True
    assert news(session.sampled([20.0, 2.0], 1, boundary=False)) == {}
    assert news(session.sampled([60.0, 3.0], 2, boundary=False)) == {2: 1.0}
    assert news(session.sampled([60.0, 4.0], 3, boundary=True)) == {1: 4.0}
    heard = [Reading(0, 4, 70.0), Reading(1, 4, 5.0)]
    assert session.heard(heard, sampled=False, boundary=False) == []
    (grid,) = session.heard(heard, sampled=True, boundary=True)
    assert news(grid) == {1: 5.0}
    session.thrifty = False
    assert news(session.sampled([70.0, 5.0], 5, boundary=False)) == {0: 70.0}

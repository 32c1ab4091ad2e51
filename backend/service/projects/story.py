"""`kilowise story`: replays the demo's story on the running platform and tells each step.

An induction furnace starts, the demand forecast crosses 105 % of the contract, the alarm names what
to shed, somebody takes it, the load is shed, the curve bends, the avoided cost stands. A client of
the public interface like any other: it signs in and speaks GraphQL.
"""

import time
import uuid
from collections.abc import Callable

import httpx
import msgspec

from backend.core.errors import OperatingError

PROJECT = "demo"
PERSON = {"login": "shift", "password": "kilowise-demo"}
LOOK_S = 10.0
PATIENCE_S = 1200.0
HIGHEST = 1

DEMAND = """query($p: ID!) { project(id: $p) {
  demand { currentKw forecastKw limitKw } } }"""
ALARMS = """query($p: ID!) { project(id: $p) { alarms(open: true) {
  id kind priority state params
  shed { powerKw maxMinutes node { name { en } } } } } }"""
ALARM = """query($p: ID!, $a: ID!) { project(id: $p) { alarm(id: $a) {
  avoided { amount currency forecastKw peakKw limitKw pricePerKw } } } }"""
TAKE = "mutation($i: AcknowledgeInput!) { acknowledge(input: $i) { result } }"
PLAY = "mutation($p: ID!, $s: Boolean!) { playStory(project: $p, stop: $s) }"

Say = Callable[[str], None]


class Demand(msgspec.Struct, rename="camel"):
    """The demand now, kW."""

    current_kw: float
    forecast_kw: float
    limit_kw: float


class _Name(msgspec.Struct):
    en: str


class _Node(msgspec.Struct):
    name: _Name


class Item(msgspec.Struct, rename="camel"):
    """One thing to stop."""

    power_kw: float
    max_minutes: int
    node: _Node


class Numbers(msgspec.Struct, rename="camel"):
    """The numbers a demand alarm names."""

    value_kw: float = 0
    percent: float = 0
    shed_kw: float = 0


class Alarm(msgspec.Struct):
    """An open alarm."""

    id: str
    kind: str
    priority: int
    state: str
    params: Numbers
    shed: list[Item]


class Avoided(msgspec.Struct, rename="camel"):
    """The avoided cost with its terms."""

    amount: str
    currency: str
    forecast_kw: float
    peak_kw: float
    limit_kw: float
    price_per_kw: str


class _Detail(msgspec.Struct):
    avoided: Avoided | None = None


class _Project(msgspec.Struct):
    demand: Demand | None = None
    alarms: list[Alarm] = []
    alarm: _Detail | None = None


class _Data(msgspec.Struct):
    project: _Project | None = None
    now: str = ""


class _Fault(msgspec.Struct):
    message: str


class _Answer(msgspec.Struct):
    data: _Data | None = None
    errors: list[_Fault] = []


class _Session(msgspec.Struct):
    token: str


class Player:
    """The story's reader, signed in as the shift leader of the demonstration."""

    def __init__(self, url: str) -> None:
        """Sign in; raises OperatingError where no demonstration answers."""
        self._client = httpx.Client(base_url=url, timeout=10, trust_env=False)
        try:
            answer = self._client.post("/api/v1/session", json=PERSON)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise OperatingError(
                f"No demonstration answers at {url} ({error}). Start it with make run, then try "
                f"again."
            ) from error
        session = msgspec.json.decode(answer.content, type=_Session)
        self._client.cookies.clear()
        self._client.headers["authorization"] = f"Bearer {session.token}"

    def _ask(self, query: str, **variables: object) -> _Data:
        answer = self._client.post("/graphql", json={"query": query, "variables": variables})
        told = msgspec.json.decode(answer.content, type=_Answer)
        if told.errors or told.data is None:
            raise OperatingError(
                f"The platform refuses: {[fault.message for fault in told.errors]}"
            )
        return told.data

    def _project(self, query: str, **variables: object) -> _Project:
        return self._ask(query, p=PROJECT, **variables).project or _Project()

    def demand(self) -> Demand | None:
        """The demand now; None while the window is not covered."""
        return self._project(DEMAND).demand

    def alarm(self) -> Alarm | None:
        """The demand alarm that is highest and active, if there is one."""
        for alarm in self._project(ALARMS).alarms:
            active = alarm.state in ("UNACK", "ACKED")
            if alarm.kind == "demand_forecast" and alarm.priority == HIGHEST and active:
                return alarm
        return None

    def avoided(self, alarm: str) -> Avoided | None:
        """What taking the alarm avoided so far."""
        detail = self._project(ALARM, a=alarm).alarm
        return None if detail is None else detail.avoided

    def play(self, *, stop: bool) -> None:
        """Start the extra furnace, or shed it."""
        self._ask(PLAY, p=PROJECT, s=stop)

    def take(self, alarm: str) -> None:
        """Take the alarm as the shift leader."""
        tap = {"key": str(uuid.uuid4()), "deviceTime": self._ask("{ now }").now}
        self._ask(TAKE, i={"project": PROJECT, "alarm": alarm, **tap})


def tell(player: Player, say: Say) -> None:
    """Play the story to its end; raises OperatingError when a step does not come."""
    player.play(stop=False)
    say("Induction furnace 2 starts on top of everything else.")
    alarm = _wait_for_alarm(player, say)
    say(
        f"ALARM: forecast {alarm.params.value_kw:,.0f} kW is {alarm.params.percent:.0f} % of the "
        f"contract; shed {alarm.params.shed_kw:,.0f} kW."
    )
    for item in alarm.shed:
        name = item.node.name.en
        say(f"  stop {name}: {item.power_kw:,.0f} kW, up to {item.max_minutes} min")
    if alarm.state == "UNACK":
        player.take(alarm.id)
        say("The shift leader takes it: “I take it”.")
    player.play(stop=True)
    say("The load is shed.")
    _wait_for_bend(player, say)
    _tell_avoided(player, say, alarm)


def _wait_for_alarm(player: Player, say: Say) -> Alarm:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        alarm = player.alarm()
        if alarm is not None:
            return alarm
        _tell_demand(player.demand(), say)
        time.sleep(LOOK_S)
    raise OperatingError("The alarm did not come; look at the Alarms page and at the plant's log.")


def _wait_for_bend(player: Player, say: Say) -> None:
    """Wait until the forecast is below the line."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        time.sleep(LOOK_S)
        demand = player.demand()
        _tell_demand(demand, say)
        if demand is not None and demand.forecast_kw < demand.limit_kw:
            say("The curve bends: the forecast is below the line.")
            return
    raise OperatingError("The forecast did not fall after the load was shed.")


def _tell_demand(demand: Demand | None, say: Say) -> None:
    if demand is None:
        say("  the last 15 minutes are not covered yet")
        return
    say(
        f"  demand {demand.current_kw:,.0f} kW, forecast {demand.forecast_kw:,.0f} kW, "
        f"line {demand.limit_kw:,.0f} kW"
    )


def _tell_avoided(player: Player, say: Say, alarm: Alarm) -> None:
    told = player.avoided(alarm.id)
    if told is None:
        raise OperatingError("The alarm was taken, but nothing is known of the avoided cost.")
    say(
        f"Avoided {told.amount} {told.currency} = 2 x {told.price_per_kw} x "
        f"(max(0, {told.forecast_kw:,.0f} - {told.limit_kw:,.0f}) - "
        f"max(0, {told.peak_kw:,.0f} - {told.limit_kw:,.0f})); demo price, unconfirmed."
    )

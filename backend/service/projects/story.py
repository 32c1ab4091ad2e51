"""`kilowise story`: replays the demo's story on the running platform and tells each step.

An induction furnace starts, the demand forecast crosses 105 % of the contract, the alarm names what
to shed, somebody takes it, the load is shed, the curve bends, the avoided cost stands. A client of
the public interface like any other: it signs in and speaks GraphQL.
"""

import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx

from backend.core.errors import OperatingError

PROJECT = "demo"
PERSON = {"login": "shift", "password": "kilowise-demo"}
LOOK_S = 2.0
PATIENCE_S = 1200.0

DEMAND = "{ project(id: $p) { demand { currentKw forecastKw limitKw } } }"
ALARMS = """{ project(id: $p) { alarms(open: true) {
  id kind priority state params
  shed { powerKw maxMinutes node { name { en } } } } } }"""
ALARM = """{ project(id: $p) { alarm(id: $a) {
  state ack { person { name { en zh } } at }
  avoided { amount currency forecastKw peakKw limitKw pricePerKw } } } }"""
TAKE = """mutation($i: AcknowledgeInput!) { acknowledge(input: $i) { result effectiveAt } }"""
PLAY = "mutation($p: ID!, $s: Boolean!) { playStory(project: $p, stop: $s) }"

Say = Callable[[str], None]


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
        self._client.headers["authorization"] = f"Bearer {answer.json()['token']}"
        self._client.cookies.clear()

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of one operation; its errors are raised with their code."""
        answer = self._client.post("/graphql", json={"query": query, "variables": variables})
        body = answer.json()
        if "errors" in body:
            raise OperatingError(f"The platform refuses: {body['errors'][0]}")
        return body["data"]

    def demand(self) -> dict[str, Any] | None:
        """The demand now."""
        found: dict[str, Any] | None = self.ask(f"query($p: ID!) {DEMAND}", p=PROJECT)["project"][
            "demand"
        ]
        return found

    def alarm(self) -> dict[str, Any] | None:
        """The open demand alarm that is high or highest, if there is one."""
        alarms = self.ask(f"query($p: ID!) {ALARMS}", p=PROJECT)["project"]["alarms"]
        return next((a for a in alarms if a["kind"] == "demand_forecast" and _urgent(a)), None)

    def details(self, alarm: str) -> dict[str, Any]:
        """Who took the alarm, and what it avoided."""
        found: dict[str, Any] = self.ask(f"query($p: ID!, $a: ID!) {ALARM}", p=PROJECT, a=alarm)[
            "project"
        ]["alarm"]
        return found

    def play(self, *, stop: bool) -> None:
        """Start the extra furnace, or shed it."""
        self.ask(PLAY, p=PROJECT, s=stop)

    def take(self, alarm: str) -> None:
        """Take the alarm as the shift leader."""
        now = self.ask("{ now }")["now"]
        key = str(uuid.uuid4())
        self.ask(TAKE, i={"project": PROJECT, "alarm": alarm, "key": key, "deviceTime": now})


def _urgent(alarm: dict[str, Any]) -> bool:
    return int(alarm["priority"]) == 1 and alarm["state"] in ("UNACK", "ACKED")


def tell(player: Player, say: Say) -> None:
    """Play the story to its end; raises OperatingError when a step does not come."""
    player.play(stop=False)
    say("Induction furnace 2 starts on top of everything else.")
    alarm = _wait_for_alarm(player, say)
    _shedding(alarm, say)
    if alarm["state"] == "UNACK":
        player.take(alarm["id"])
        say("The shift leader takes it: “I take it”.")
    player.play(stop=True)
    say("The load is shed.")
    _bend(player, say, float(alarm["params"]["valueKw"]))
    _avoided(player, say, alarm["id"])


def _wait_for_alarm(player: Player, say: Say) -> dict[str, Any]:
    """Tell the demand every few seconds until the alarm is there."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = player.alarm()
        if found is not None:
            return found
        _tell_demand(player.demand(), say)
        time.sleep(LOOK_S * 5)
    raise OperatingError("The alarm did not come; look at the Alarms page and at the plant's log.")


def _tell_demand(demand: dict[str, Any] | None, say: Say) -> None:
    if demand is None:
        say("  the last 15 minutes are not covered yet")
        return
    say(
        f"  demand {demand['currentKw']:,.0f} kW, forecast {demand['forecastKw']:,.0f} kW, "
        f"line {demand['limitKw']:,.0f} kW"
    )


def _shedding(alarm: dict[str, Any], say: Say) -> None:
    params = alarm["params"]
    say(
        f"ALARM: forecast {params['valueKw']:,} kW is {params['percent']} % of the contract; "
        f"shed {params['shedKw']:,} kW."
    )
    for item in alarm["shed"]:
        name = item["node"]["name"]["en"]
        say(f"  stop {name}: {item['powerKw']:,.0f} kW, up to {item['maxMinutes']} min")


def _bend(player: Player, say: Say, peak_kw: float) -> None:
    """Wait until the forecast is well below the alarm's."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        demand = player.demand()
        _tell_demand(demand, say)
        if demand is not None and demand["forecastKw"] < min(peak_kw, demand["limitKw"]):
            say("The curve bends: the forecast is below the line.")
            return
        time.sleep(LOOK_S * 5)
    raise OperatingError("The forecast did not fall after the load was shed.")


def _avoided(player: Player, say: Say, alarm: str) -> None:
    told = player.details(alarm)
    avoided = told["avoided"]
    if avoided is None:
        raise OperatingError("The alarm was taken, but nothing is known of the avoided cost.")
    say(
        f"Avoided {avoided['amount']} {avoided['currency']} = 2 x {avoided['pricePerKw']} x "
        f"(max(0, {avoided['forecastKw']:,.0f} - {avoided['limitKw']:,.0f}) - "
        f"max(0, {avoided['peakKw']:,.0f} - {avoided['limitKw']:,.0f})); demo price, unconfirmed."
    )

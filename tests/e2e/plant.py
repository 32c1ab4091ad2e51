"""What happens at the plant, asked of the simulator, and what the database says about it."""

import json
import socket
import time
import urllib.request
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import dict_row

from backend.core.ids import decode_id
from backend.core.passwords import load_passwords
from backend.core.postgres import running_url
from backend.core.roles import DATABASE, url_for_role
from gateway.contract.demo import CONTROL_PATH, STATE_FILE, STATE_PATH
from tests.product import Product

OVERLOAD_KW = 4760
ZONE = ZoneInfo("Asia/Shanghai")
PATIENCE_S = 120.0

HISTORY = """{ project(id: "demo") {
  importProgress { state } demand { forecastKw } summary { month { quality } } } }"""
FORECAST = """{ project(id: "demo") { demand { forecastKw } } }"""
OPEN = """{ project(id: "demo") { alarms(open: true) {
  id kind state priority raisedAt params definition { en zh } } } }"""
TAKE = """mutation($input: AcknowledgeInput!) { acknowledge(input: $input) { result } }"""
CARRIED = """
SELECT min(ts) AS ts FROM (
    SELECT r.ts FROM reading r
    JOIN point p ON p.project_id = r.project_id AND p.id = r.point_id AND p.name = 'p'
    JOIN device d ON d.project_id = p.project_id AND d.id = p.device_id
    WHERE d.slug LIKE 'incomer-%%' AND r.ts > %s AND r.ts <= %s
    GROUP BY r.ts HAVING count(*) = 2 AND sum(r.value) >= %s
) carried"""
ACKS = """
SELECT p.login, a.channel, a.result, a.effective_at, a.received_at
FROM alarm_ack a
JOIN alarm_occurrence o ON o.project_id = a.project_id AND o.id = a.occurrence_id
JOIN person p ON p.id = a.person_id
WHERE o.uid = %s ORDER BY a.received_at"""


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Plant:
    """The demonstration's plant from outside: its loads, its alarms, its rows."""

    def __init__(self, running: Product) -> None:
        """Take the running product."""
        self._running = running

    def overload(self) -> None:
        """Both induction furnaces take more: demand heads over 105 % of the contract at once."""
        missing = OVERLOAD_KW - float(self._simulator(STATE_PATH)["site_kw"])
        for load in ("furnace1", "furnace2"):
            self._control({"fault": "load", "load": load, "kw": round(missing / 2), "minutes": 20})

    def read_as(self, device: str, point: str, value: float) -> None:
        """A point of a device reads this value from now on."""
        self._control({"fault": "value", "device": device, "point": point, "value": value})

    def relieve(self) -> None:
        """Every fault and extra load ends."""
        self._control({"fault": "clear"})

    def alarm(self, kind: str = "demand_forecast") -> dict[str, Any]:
        """The open alarm of a kind, once it is raised."""
        found: dict[str, Any] = self.until(lambda: self._open(kind), f"no alarm {kind}")
        return found

    def calm(self) -> None:
        """End the overload, take what nobody took, wait until no demand alarm is open."""
        self.relieve()
        self.until(self._none_open, "the demand alarm stays")

    def rows(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        """What a query finds in the product's database."""
        base = running_url(self._running.data)
        assert base is not None
        passwords = load_passwords(self._running.data / "database-passwords.json")
        url = url_for_role(base, "postgres", passwords["postgres"], DATABASE)
        with psycopg.connect(url, row_factory=dict_row) as connection:
            return connection.execute(query, parameters).fetchall()

    def raised_at(self, alarm: str) -> datetime:
        """The time of the sample that raised an alarm."""
        query = "SELECT raised_at FROM alarm_occurrence WHERE uid = %s"
        found: datetime = self.rows(query, decode_id("alm", alarm))[0]["raised_at"]
        return found

    def overloaded_at(self, alarm: str, since: datetime) -> datetime:
        """The first sample after `since` in which the incomers carried the overload."""
        raised = self.raised_at(alarm)
        found: datetime | None = self.rows(CARRIED, since, raised, OVERLOAD_KW - 60)[0]["ts"]
        return min(raised, found or raised)

    def acknowledgements(self, alarm: str) -> list[dict[str, Any]]:
        """Who took an alarm, as the database has it, in order of receipt."""
        return self.rows(ACKS, decode_id("alm", alarm))

    def clock_text(self, at: datetime) -> str:
        """What a clock at the plant shows."""
        return at.astimezone(ZONE).strftime("%H:%M")

    def wait_history(self, timeout_s: float) -> None:
        """Wait until the past is imported, accounted, and demand is forecast from it."""
        self.until(self._has_history, "the history was not imported", timeout_s)

    def wait_forecast(self, timeout_s: float) -> None:
        """Wait until demand is forecast: the newest part of the past is there."""
        self.until(self._has_forecast, "no demand is forecast", timeout_s)

    def until(self, look: Callable[[], Any], complaint: str, timeout_s: float = PATIENCE_S) -> Any:
        """What `look` finds, once it finds something."""
        deadline = time.monotonic() + timeout_s
        while True:
            found = look()
            if found:
                return found
            assert time.monotonic() < deadline, complaint
            time.sleep(0.2)

    def _has_history(self) -> bool:
        project = self._running.graphql(HISTORY)["project"]
        done = (project["importProgress"] or {}).get("state") == "DONE"
        whole = project["summary"]["month"]["quality"] != "MISSING"
        return done and whole and project["demand"] is not None

    def _has_forecast(self) -> bool:
        return self._running.graphql(FORECAST)["project"]["demand"] is not None

    def _open(self, kind: str) -> dict[str, Any] | None:
        alarms = self._running.graphql(OPEN)["project"]["alarms"]
        return next((one for one in alarms if one["kind"] == kind), None)

    def _none_open(self) -> bool:
        found = self._open("demand_forecast")
        if found is not None and found["state"] in {"UNACK", "RTNUN"}:
            self.take(found["id"])
        return found is None

    def take(self, alarm: str, login: str = "admin") -> None:
        """Take an alarm as a script does."""
        now = self._running.graphql("{ now }")["now"]
        key = self.rows("SELECT gen_random_uuid()::text AS key")[0]["key"]
        given = {"project": "demo", "alarm": alarm, "key": key, "deviceTime": now}
        self._running.graphql(TAKE, login, input=given)

    def _control(self, request: dict[str, Any]) -> None:
        assert self._simulator(CONTROL_PATH, request)["ok"] is True

    def _simulator(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        port = json.loads((self._running.data / STATE_FILE).read_text())["control"]
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data, 60) as answer:
            document: dict[str, Any] = json.load(answer)
            return document

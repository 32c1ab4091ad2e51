"""One plant with one of everything at workshop a, and everybody who asks for it.

What lies beyond workshop b is named "secret": no word of it may reach who is limited to b.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from backend.core.db import WriteSession
from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from backend.core.tables import metadata
from backend.service.alarms.store import raise_occurrence
from backend.service.gateways.commands import Setting, write_point
from backend.service.gateways.configuration import GatewayKey, put_config
from backend.service.gateways.profiles import upload
from backend.service.hand.readings import Entry, enter
from backend.service.hand.registers import hand_register
from backend.service.imports.files import check_file
from backend.service.meter_list.lists import check_list
from backend.service.notify.vapid import vapid_keys
from backend.service.people.asker import Asker
from backend.service.projects.exports import ask_export
from backend.service.stock.documents import record_document
from backend.service.webhooks.hooks import make_hook
from tests.backend.stocks import document, make_stock
from tests.gateway.bench import VALVE
from tests.graphql import stranger_restatements as restatements
from tests.graphql.plants import Plant, make_plant
from tests.graphql.test_stranger_calendar import a_calendar
from tests.postgres import NOW, Actor

SPAN = ("2026-03-14T16:00:00Z", "2026-03-15T16:00:00Z")
SECRET = "secret"
KEYS = {
    name: f"0195e2a4-0000-7000-8000-00000000000{number}"
    for number, name in enumerate(("key", "key2", "key3", "key4"))
}


TRIES = {"sign_in_failure"}
"""Where a try that failed is kept, so that the next waits."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Names for the table's placeholders, and what the limited member must never hear."""

    plant: Plant
    names: Mapping[str, str]
    hidden: frozenset[str]


async def make_scene(platform: Platform, alice: Actor, person: Actor) -> Scene:
    """Make Alice's project; `person` is somebody of it whose membership ends."""
    plant = await make_plant(platform, alice.tenant)
    project = alice.tenant.id
    async with platform.database.project(project) as tx:
        await _name(tx, plant)
        spare = await _spare(tx, plant)
        names = await _made(tx, plant, alice)
    await vapid_keys(platform.database, NOW)
    names |= await _recorded(platform, plant, alice)
    async with platform.database.project(project) as tx:
        asker = Asker(alice.id, alice.uid)
        names["export"] = encode_id("exp", (await ask_export(tx, project, asker, NOW)).uid)
    state, pattern = await a_calendar(platform, project, plant.nodes["a"].id)
    names |= {
        "project": encode_id("prj", alice.tenant.uid),
        "site": plant.nodes["site"].text,
        "node": plant.nodes["a"].text,
        "mine": plant.nodes["b"].text,
        "spare": spare,
        "main": plant.meters["m0"].text,
        "meter": plant.meters["m1"].text,
        "device": plant.devices["m1"].text,
        "gateway": plant.gateway.text,
        "person": person.text,
        "endpoint": "https://push.example.com/root",
        "profile": "test/valve",
        "valve": f'"""{VALVE}"""',
        "valve_text": VALVE,
        "state": state,
        "pattern": pattern,
        "span": f'start: "{SPAN[0]}", end: "{SPAN[1]}"',
        "query": f"start={SPAN[0]}&end={SPAN[1]}",
        **KEYS,
    }
    told = ("site", "node", "spare", "main", "meter", "device", "alarm", "command", "yard")
    hidden = {
        names[one] for one in (*told, "office", "file", "list", "restatement", "paper", "reading")
    }
    return Scene(plant, names, frozenset({SECRET, *hidden}))


async def _name(tx: WriteSession, plant: Plant) -> None:
    """Name what workshop b has not `secret`."""
    for table, things, mine in (
        ("node", plant.nodes, "b"),
        ("meter", plant.meters, "m2"),
        ("device", plant.devices, "m2"),
    ):
        ids = [one.id for slug, one in things.items() if slug != mine]
        await tx.execute(
            f"UPDATE {table} SET name = %s, slug = '{SECRET}-' || slug"
            " WHERE project_id = %s AND id = ANY(%s)".encode(),
            (Jsonb({"en": SECRET}), plant.tenant.id, ids),
        )


async def _spare(tx: WriteSession, plant: Plant) -> str:
    """A line of workshop a without meters, and a tree of cost centres."""
    uid = new_uuid(NOW)
    await tx.execute(
        "INSERT INTO node (project_id, uid, slug, kind, name, parent_id)"
        " VALUES (%s, %s, 'secret-spare', 'line', %s, %s)",
        (plant.tenant.id, uid, Jsonb({"en": SECRET}), plant.nodes["a"].id),
    )
    for slug, kind in (("organisation", "organisation"), ("costs", "cost_centre")):
        await tx.execute(
            "INSERT INTO tree (project_id, slug, kind, name) VALUES (%s, %s, %s, %s)",
            (plant.tenant.id, slug, kind, Jsonb({"en": slug})),
        )
    return encode_id("node", uid)


async def _made(tx: WriteSession, plant: Plant, alice: Actor) -> dict[str, str]:
    """An alarm, a command, a profile, a configuration, restatements, a factor and more, at a."""
    project, asker, node = alice.tenant.id, Asker(alice.id, alice.uid), plant.nodes["a"].id
    uids = {name: new_uuid(NOW) for name in ("command", "job", "factor", "conversion", "event")}
    definition = await tx.fetch_value(
        "INSERT INTO alarm_definition (project_id, uid, kind, name, node_id, meter_id, params,"
        " priority, mode, created_at) VALUES (%s, %s, 'meter_silent', %s, %s, %s, '{}', 2, 'live',"
        " %s) RETURNING id",
        (project, new_uuid(NOW), Jsonb({"en": SECRET}), node, plant.meters["m1"].id, NOW),
        into=int,
    )
    assert definition is not None
    alarm = await raise_occurrence(tx, project, definition, NOW, {}, 2, NOW)
    assert alarm is not None
    setting = Setting(plant.devices["m1"].uid, "p", 1.0, None, timedelta(seconds=60))
    await write_point(tx, project, uids["command"], setting, asker, NOW)
    await upload(tx, project, "test/valve", VALVE, asker, NOW)
    gateway = GatewayKey(plant.gateway.id, plant.gateway.uid)
    await put_config(tx, project, gateway, "timeout_s: 1", SECRET, asker, NOW)
    second = new_uuid(NOW)
    for uid in (restatements.RESTATEMENT, second):
        await restatements.propose_one(tx, alice, uid)
    await _rows(tx, plant, alice, uids)
    return {
        "alarm": encode_id("alm", alarm),
        "command": encode_id("cmd", uids["command"]),
        "job": encode_id("imp", uids["job"]),
        "factor": encode_id("fac", uids["factor"]),
        "conversion": encode_id("cnv", uids["conversion"]),
        "event": encode_id("rev", uids["event"]),
        "restatement": encode_id("rst", restatements.RESTATEMENT),
        "restatement2": encode_id("rst", second),
    }


async def _rows(tx: WriteSession, plant: Plant, alice: Actor, uids: Mapping[str, UUID]) -> None:
    """What is stored without a service: an import, a factor, a conversion, accounts and more."""
    project, node, meter = alice.tenant.id, plant.nodes["a"].id, plant.meters["m1"].id
    await tx.execute(
        "INSERT INTO import_job (project_id, uid, source, state, created_at)"
        " VALUES (%s, %s, 'secret', 'running', %s)",
        (project, uids["job"], NOW),
    )
    await tx.execute(
        "INSERT INTO factor (project_id, uid, energy, substance, value, basis, valid_from, source)"
        " VALUES (%s, %s, 'electricity', 'kgce', 0.1229, 'calorific', '2026-01-01', 'x')",
        (project, uids["factor"]),
    )
    await tx.execute(
        "INSERT INTO conversion (project_id, uid, node_id, kind, inputs, outputs, params,"
        " valid_from) VALUES (%s, %s, %s, 'compressor', '[]', '[]', '{}', '2026-01-01')",
        (project, uids["conversion"], node),
    )
    await tx.execute(
        "INSERT INTO register_event (project_id, uid, point_id, ts, kind, recorded_at, note,"
        " factor, until_ts) VALUES (%s, %s, %s, %s, 'ratio', %s, 'secret', '2', NULL)",
        (project, uids["event"], plant.points["m1", "ep_imp"], NOW - timedelta(hours=1), NOW),
    )
    await tx.execute(
        "INSERT INTO calendar_period (project_id, period, start_ts, end_ts, label)"
        " VALUES (%s, 3, %s, %s, '2026-03-15')",
        (project, *SPAN),
    )
    for scope, things in ((1, plant.meters), (2, plant.nodes)):
        for thing in things.values():
            await tx.execute(
                "INSERT INTO account (project_id, scope, scope_id, energy, period, start_ts,"
                " end_ts, qty, updated_at) VALUES (%s, %s, %s, 'electricity', 3, %s, %s, 1000, %s)",
                (project, scope, thing.id, *SPAN, NOW),
            )
    await tx.execute(
        "INSERT INTO command (project_id, uid, gateway_id, kind, params, not_after, person_id,"
        " actor, created_at) VALUES (%s, %s, %s, 'grant', '{}', %s, %s, 'per_x', %s)",
        (project, new_uuid(NOW), plant.gateway.id, NOW, alice.id, NOW),
    )
    await tx.execute(
        "INSERT INTO enrolment_event (project_id, gateway_id, what, at) VALUES (%s, %s, 'x', %s)",
        (project, plant.gateway.id, NOW),
    )
    await tx.execute(
        "INSERT INTO equipment (project_id, node_id, kind, meter_id, standby_kw, load_kw, dwell_s,"
        " changed_at) VALUES (%s, %s, 'fan', %s, 1, 2, 60, %s)",
        (project, node, meter, NOW),
    )


async def _recorded(platform: Platform, plant: Plant, alice: Actor) -> dict[str, str]:
    """A stock and a register that people read, both at a, and a file that was looked at."""
    project, database, asker = alice.tenant.id, platform.database, Asker(alice.id, alice.uid)
    yard, uid = await make_stock(database, project, "secret-yard", "coal"), new_uuid(NOW)
    async with database.project(project) as tx:
        first = document("count", "2026-03-01T00:00", "100")
        await record_document(tx, project, yard, first, asker, NOW)
        second = document("delivery", "2026-03-02T00:00", "10")
        paper = await record_document(tx, project, yard, second, asker, NOW)
        point = await tx.fetch_value(
            "INSERT INTO point (project_id, name, kind, unit) VALUES (%s, 'o', 'register', 'kWh')"
            " RETURNING id",
            (project,),
            into=int,
        )
        office = await tx.fetch_value(
            "INSERT INTO meter (project_id, uid, slug, name, energy, level, source, point_id)"
            " VALUES (%s, %s, 'secret-office', '{\"en\": \"secret\"}', 'electricity', 3, 'manual',"
            " %s) RETURNING id",
            (project, uid, point),
            into=int,
        )
        for meter in (yard.id, office):
            await tx.execute(
                "INSERT INTO node_meter (project_id, node_id, meter_id) VALUES (%s, %s, %s)",
                (project, plant.nodes["a"].id, meter),
            )
        register = await hand_register(tx, project, uid)
        entry = Entry(datetime(2026, 3, 10, tzinfo=UTC), Decimal(5))
        outcome = await enter(tx, project, register, entry, asker, NOW)
    assert outcome.kept is not None
    content = b"meter,time,value\nm1,2026-03-10,1\n"
    file = await check_file(
        database, project, "Asia/Shanghai", ("readings", "secret.csv"), content, asker, NOW
    )
    async with database.project(project) as tx:
        content = b"energy,gateway,device\nelectricity,g1,x\n"
        listed = await check_list(tx, project, "secret.csv", content, asker, NOW)
        hook, over = [
            (await make_hook(tx, project, url, ["alarm"], ["secret.example"], asker, NOW))[0]
            for url in ("https://secret.example/x", "https://secret.example/over")
        ]
    return {
        "yard": encode_id("mtr", yard.uid),
        "paper": encode_id("stk", paper),
        "office": encode_id("mtr", uid),
        "reading": encode_id("hrd", outcome.kept),
        "file": encode_id("imp", file.uid),
        "list": encode_id("mls", listed.uid),
        "webhook": hook.outside,
        "webhook over": over.outside,
    }


class Watcher:
    """Tells whether anything in the database changed since it last looked."""

    def __init__(self, admin: psycopg.Connection) -> None:
        """Take a superuser's connection."""
        self._admin = admin
        parts = (
            f"SELECT '{table}', md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"
            for table in sorted(metadata.tables)
            if table not in TRIES
        )
        self._sql = " UNION ALL ".join(parts).encode()
        self._number = ""
        self._rows: dict[str, object] = {}
        self.look()

    def look(self) -> None:
        """Remember everything as it is now."""
        self._rows = self._hashes()
        self._number = self._newest()

    def changed(self) -> list[str]:
        """Answer the tables with other rows than remembered; without a new transaction, none."""
        if self._newest() == self._number:
            return []
        now = self._hashes()
        self._number = self._newest()
        return [table for table, rows in now.items() if rows != self._rows[table]]

    def _hashes(self) -> dict[str, object]:
        # By name: a parallel plan answers the tables in any order.
        return dict(self._admin.execute(self._sql).fetchall())

    def _newest(self) -> str:
        row = self._admin.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text").fetchone()
        assert row is not None
        return str(row[0])

"""The stranger (cases.md 23): Charlie of project `other` against everything of Alice's `acme`.

Every field of Query, Mutation, Subscription and Project and every REST route has a row here, or
the walk fails. Each row is asked twice by Charlie: with identities of Alice's things, and with
identities of the same shape that nothing has. Both answers must be the same to the letter, and
nothing of Alice's project may have changed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import psycopg
import pytest
from graphql import GraphQLObjectType
from psycopg.types.json import Jsonb

from backend.application.graphql.schema import build_schema, core_schema
from backend.application.web_process import WebProcess
from backend.core.ids import encode_id, new_uuid
from backend.core.platform import Platform
from backend.service.alarms.store import raise_occurrence
from backend.service.gateways.commands import Setting, write_point
from backend.service.gateways.configuration import GatewayKey, put_config
from backend.service.gateways.profiles import upload
from backend.service.notify.subscriptions import Registration, register
from backend.service.people.asker import Asker
from tests.gateway.bench import VALVE
from tests.graphql import stranger_restatements as restatements
from tests.graphql import stranger_series
from tests.graphql.conftest import Ask, Client, session_token
from tests.graphql.plants import Plant, make_plant
from tests.graphql.sockets import open_socket
from tests.graphql.stranger_routes import OUTSIDE_TENANTS, ROUTES
from tests.graphql.strangers import (
    every_route,
    look,
    routes_of_topics,
    routes_tell_nothing,
    rows_of_topics,
)
from tests.postgres import NOW, Actor

ENDPOINT = "https://push.example.com/alice"
IMPORT = new_uuid(NOW)
COMMAND = new_uuid(NOW)
KEY = "0195e2a4-0000-7000-8000-000000000001"


@dataclass(frozen=True, slots=True)
class Target:
    """What the questions are about."""

    project: str
    slug: str
    own: str
    node: str
    meter: str
    device: str
    alarm: str
    endpoint: str
    job: str
    command: str
    gateway: str
    profile: str
    restatement: str


def nothing(own: str) -> Target:
    """Identities of the right shape that nothing has."""

    def fresh(kind: str) -> str:
        return encode_id(kind, new_uuid(NOW))

    return Target(
        fresh("prj"),
        "nothing",
        own,
        fresh("node"),
        fresh("mtr"),
        fresh("dev"),
        fresh("alm"),
        "https://push.example.com/nobody",
        fresh("imp"),
        fresh("cmd"),
        fresh("gtw"),
        "nothing/here",
        fresh("rst"),
    )


TAP = f'key: "{KEY}", deviceTime: "2026-03-15T04:00:00Z"'
SPAN = 'start: "2026-03-01T00:00:00Z", end: "2026-03-02T00:00:00Z"'
OF = {"energy": 'energy: "electricity"', "period": "period: DAY"}
HERS = 'project(id: "{project}") {{ %s }}'
OWN = 'project(id: "{own}") {{ %s }}'


def field(text: str, *own: str) -> list[str]:
    """Questions for a field of Project: below Alice's project, and with her things below mine."""
    return [f"{{{{ {HERS % text} }}}}", *(f"{{{{ {OWN % one} }}}}" for one in own)]


SCOPE_NODE = f'series(scope: "{{node}}", {OF["energy"]}, {OF["period"]}, {SPAN}) {{{{ values }}}}'
SCOPE_METER = SCOPE_NODE.replace("{node}", "{meter}")
RANKING = f'ranking(parent: "{{node}}", {OF["energy"]}, {OF["period"]}) {{{{ share }}}}'

QUESTIONS: dict[str, list[str]] = {
    **stranger_series.FIELDS,
    "Query.viewer": ["{{ viewer {{ person {{ login }} projects {{ slug }} }} }}"],
    "Query.project": [
        '{{ project(id: "{project}") {{ id slug }} }}',
        '{{ project(id: "{slug}") {{ id slug }} }}',
    ],
    "Query.now": ["{{ now }}"],
    "Query.demoPeople": ["{{ demoPeople {{ login }} }}"],
    "Project.id": field("id"),
    "Project.slug": field("slug"),
    "Project.name": field("name {{ en }}"),
    "Project.zone": field("zone"),
    "Project.currency": field("currency"),
    "Project.demo": field("demo"),
    "Project.role": field("role"),
    "Project.permissions": field("permissions"),
    "Project.summary": field("summary {{ powerKw }}"),
    "Project.energies": field("energies {{ code }}"),
    "Project.devices": field("devices {{ id }}", "devices {{ id }}"),
    "Project.device": field(
        'device(id: "{device}") {{ slug }}', 'device(id: "{device}") {{ slug }}'
    ),
    "Project.gateways": field("gateways {{ id }}", "gateways {{ id }}"),
    "Project.gateway": field(
        'gateway(id: "{gateway}") {{ slug }}', 'gateway(id: "{gateway}") {{ slug }}'
    ),
    "Project.series": field(SCOPE_NODE, SCOPE_NODE, SCOPE_METER),
    "Project.ranking": field(RANKING, RANKING),
    "Project.periods": field(f"periods(period: DAY, {SPAN}) {{{{ label }}}}"),
    "Project.alarms": field("alarms {{ id }}", "alarms {{ id }}"),
    "Project.alarm": field('alarm(id: "{alarm}") {{ id }}', 'alarm(id: "{alarm}") {{ id }}'),
    "Project.commands": field(
        "commands {{ id }}",
        "commands {{ id }}",
        'commands(device: "{device}") {{ id }}',
    ),
    "Project.command": field(
        'command(id: "{command}") {{ id }}', 'command(id: "{command}") {{ id }}'
    ),
    "Project.gapLedger": field(
        f'gapLedger({SPAN}, gateway: "{{gateway}}") {{{{ expected }}}}',
        f'gapLedger({SPAN}, gateway: "{{gateway}}") {{{{ expected }}}}',
        f'gapLedger({SPAN}, meter: "{{meter}}") {{{{ expected }}}}',
    ),
    "Project.profiles": field("profiles {{ name }}", "profiles {{ name }}"),
    "Project.audit": field("audit {{ ref }}", "audit {{ ref }}"),
    "Project.auditBrokenAt": field("auditBrokenAt"),
    "Project.auditMonths": field("auditMonths {{ month }}"),
    "Project.pushKey": field("pushKey"),
    "Project.pushRegistered": field(
        'pushRegistered(endpoint: "{endpoint}")', 'pushRegistered(endpoint: "{endpoint}")'
    ),
    "Project.importProgress": field("importProgress {{ id }}", "importProgress {{ id }}"),
    "Project.accounting": field("accounting {{ ranges }}", "accounting {{ ranges }}"),
    "Project.demand": field("demand {{ currentKw }}", "demand {{ currentKw }}"),
    "Project.tariff": field('tariff(energy: "electricity") {{ source }}'),
    "Project.enrolmentEvents": field("enrolmentEvents {{ what }}", "enrolmentEvents {{ what }}"),
    "Mutation.signIn": [
        'mutation {{ signIn(login: "alice", password: "x") {{ viewer {{ demo }} }} }}'
    ],
    "Mutation.signOut": ["mutation {{ signOut }}"],
    "Mutation.setLocale": ['mutation {{ setLocale(locale: "zh-CN") {{ login locale }} }}'],
    "Mutation.acknowledge": [
        f'mutation {{{{ acknowledge(input: {{{{ project: "{{{whose}}}", alarm: "{{alarm}}", '
        f"{TAP} }}}}) {{{{ result }}}} }}}}"
        for whose in ("project", "slug", "own")
    ],
    "Mutation.writePoint": [
        f'mutation {{{{ writePoint(input: {{{{ project: "{{{whose}}}", device: "{{device}}", '
        f'point: "p", value: 1, key: "{KEY}" }}}}) {{{{ id }}}} }}}}'
        for whose in ("project", "slug", "own")
    ],
    "Mutation.putGatewayConfig": [
        f'mutation {{{{ putGatewayConfig(input: {{{{ project: "{{{whose}}}",'
        ' gateway: "{gateway}", text: "timeout_s: 1" }}) {{ version }} }}'
        for whose in ("project", "slug", "own")
    ],
    "Mutation.rollBackGatewayConfig": [
        f'mutation {{{{ rollBackGatewayConfig(project: "{{{whose}}}", gateway: "{{gateway}}",'
        " version: 1) {{ version }} }}"
        for whose in ("project", "slug", "own")
    ],
    "Mutation.uploadProfile": [
        'mutation {{ uploadProfile(project: "{project}", name: "{profile}", text: "x")'
        " {{ gatewayIds }} }}"
    ],
    "Mutation.removeProfile": [
        f'mutation {{{{ removeProfile(project: "{{{whose}}}", name: "{{profile}}") }}}}'
        for whose in ("project", "own")
    ],
    "Mutation.grantSupport": [
        f'mutation {{{{ grantSupport(project: "{{{whose}}}", gateway: "{{gateway}}",'
        f' key: "{KEY}", minutes: 5) {{{{ id }}}} }}}}'
        for whose in ("project", "slug", "own")
    ],
    "Mutation.askGateway": [
        f'mutation {{{{ askGateway(input: {{{{ project: "{{{whose}}}", gateway: "{{gateway}}",'
        f' key: "{KEY}", kind: LOG }}}}) {{{{ id }}}} }}}}'
        for whose in ("project", "slug", "own")
    ],
    "Mutation.registerPush": [
        'mutation {{ registerPush(input: {{ project: "{project}", endpoint: "{endpoint}",'
        ' p256dh: "a", auth: "b", locale: "en" }}) }}'
    ],
    "Mutation.unregisterPush": [
        'mutation {{ unregisterPush(project: "{project}", endpoint: "{endpoint}") }}',
        'mutation {{ unregisterPush(project: "{own}", endpoint: "{endpoint}") }}',
    ],
    "Mutation.testPush": ['mutation {{ testPush(project: "{project}") }}'],
    "Mutation.createEnrolmentCode": [
        f'mutation {{{{ createEnrolmentCode(input: {{{{ project: "{{{whose}}}", '
        f'gateway: "{{gateway}}", name: "x" }}}}) {{{{ code }}}} }}}}'
        for whose in ("project", "slug", "own")
    ],
    "Mutation.revokeGateway": [
        f'mutation {{{{ revokeGateway(project: "{{{whose}}}", gateway: "{{gateway}}") '
        f"{{{{ slug }}}} }}}}"
        for whose in ("project", "slug", "own")
    ],
    "Mutation.playStory": ['mutation {{ playStory(project: "{project}") }}'],
    **restatements.QUESTIONS,
}
SUBSCRIPTIONS: dict[str, list[str]] = {
    "Subscription.live": [
        'subscription {{ live(project: "{project}") {{ values {{ value }} }} }}',
        'subscription {{ live(project: "{own}", devices: ["{device}"]) {{ values {{ value }} }} }}',
    ],
    "Subscription.commands": ['subscription {{ commands(project: "{project}") {{ id }} }}'],
    "Subscription.nodePowers": ['subscription {{ nodePowers(project: "{project}") {{ id }} }}'],
    "Subscription.summary": ['subscription {{ summary(project: "{project}") {{ powerKw }} }}'],
    "Subscription.alarms": ['subscription {{ alarms(project: "{project}") {{ id }} }}'],
    "Subscription.importProgress": [
        'subscription {{ importProgress(project: "{project}") {{ id }} }}'
    ],
    **restatements.SUBSCRIPTIONS,
}


def test_every_field_has_a_row() -> None:
    schema = core_schema(build_schema())
    wanted = set()
    for name in ("Query", "Mutation", "Subscription", "Project"):
        kind = schema.type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        wanted |= {f"{name}.{one}" for one in kind.fields}
    assert wanted == QUESTIONS.keys() | SUBSCRIPTIONS.keys() | rows_of_topics()


def test_every_route_has_a_row(process: WebProcess) -> None:
    assert every_route(process) == ROUTES.keys() | OUTSIDE_TENANTS | routes_of_topics()


@dataclass(frozen=True, slots=True)
class Scene:
    """Alice's project with one of everything, and how it is looked at from behind the wall."""

    plant: Plant
    hers: Target
    none: Target
    look: Callable[[], dict[str, object]]


@pytest.fixture
async def scene(
    platform: Platform, alice: Actor, stranger: Actor, admin: psycopg.Connection
) -> Scene:
    """Fill Alice's project; Charlie's has a plant of its own."""
    made = await make_plant(platform, alice.tenant)
    await make_plant(platform, stranger.tenant)
    project = alice.tenant.id
    async with platform.database.project(project) as tx:
        definition = await tx.fetch_value(
            "INSERT INTO alarm_definition (project_id, uid, kind, name, node_id, params, priority,"
            " mode, created_at) VALUES (%s, %s, 'meter_silent', %s, %s, %s, 2, 'live', %s)"
            " RETURNING id",
            (project, new_uuid(NOW), Jsonb({"en": "x"}), made.nodes["a"].id, Jsonb({}), NOW),
            into=int,
        )
        assert definition is not None
        alarm = await raise_occurrence(tx, project, definition, NOW, {}, 2, NOW)
        assert alarm is not None
        registration = Registration(ENDPOINT, "p", "a", "en", None)
        await register(tx, project, alice.id, registration, NOW)
        await tx.execute(
            "INSERT INTO import_job (project_id, uid, source, state, created_at)"
            " VALUES (%s, %s, 'history', 'running', %s)",
            (project, IMPORT, NOW),
        )
        setting = Setting(made.devices["m1"].uid, "p", 1.0, None, timedelta(seconds=60))
        asker = Asker(alice.id, alice.uid)
        await write_point(tx, project, COMMAND, setting, asker, NOW)
        await upload(tx, project, "test/valve", VALVE, asker, NOW)
        key = GatewayKey(made.gateway.id, made.gateway.uid)
        await put_config(tx, project, key, "timeout_s: 1", "", asker, NOW)
        await restatements.propose_one(tx, alice)
    hers = Target(
        encode_id("prj", alice.tenant.uid),
        "acme",
        "other",
        made.nodes["a"].text,
        made.meters["m1"].text,
        made.devices["m1"].text,
        encode_id("alm", alarm),
        ENDPOINT,
        encode_id("imp", IMPORT),
        encode_id("cmd", COMMAND),
        made.gateway.text,
        "test/valve",
        encode_id("rst", restatements.RESTATEMENT),
    )

    return Scene(made, hers, nothing("other"), partial(look, admin, alice))


def filled(text: str, target: Target) -> str:
    """Put a target's identities into a question."""
    return text.format(**{name: getattr(target, name) for name in Target.__slots__})


async def test_fields_tell_and_change_nothing(
    scene: Scene, client: Client, ask: Ask, stranger: Actor, alice: Actor
) -> None:
    before = scene.look()
    for name, questions in QUESTIONS.items():
        for question in questions:
            answers = []
            for target in (scene.hers, scene.none):
                charlie = await client(stranger)
                answers.append(await ask(charlie, filled(question, target)))
            if name == "Mutation.registerPush":
                assert "errors" in answers[0], name
            assert answers[0] == answers[1], f"{name}: {question}"
            assert "acme" not in str(answers[0]), name
            assert scene.look() == before, f"{name} changed something"
    # The same questions do find something when Alice asks: the rows are no empty gestures.
    hers = await client(alice)
    for name in (
        "Project.alarm",
        "Project.importProgress",
        "Project.command",
        "Project.restatement",
    ):
        answer = await ask(hers, filled(QUESTIONS[name][0], scene.hers))
        assert "None" not in str(answer), answer


async def test_subscriptions_tell_nothing(
    scene: Scene, process: WebProcess, served: str, stranger: Actor
) -> None:
    before = scene.look()
    token = await session_token(process, stranger)
    async with open_socket(served, cookie=token) as socket:
        for name, questions in SUBSCRIPTIONS.items():
            for question in questions:
                answers = []
                for target in (scene.hers, scene.none):
                    id = await socket.subscribe(filled(question, target))
                    answer = await socket.receive()
                    assert answer.pop("id") == id
                    answers.append(answer)
                    await socket.send(id=id, type="complete")
                assert answers[0] == answers[1], f"{name}: {question}"
                if "{project}" in question:
                    assert answers[0]["type"] == "error", name
                else:
                    assert answers[0]["payload"] == {"data": {"live": {"values": []}}}
    assert scene.look() == before


async def test_routes_tell_and_change_nothing(
    scene: Scene, client: Client, stranger: Actor
) -> None:
    hers, none = (
        {name: getattr(target, name) for name in Target.__slots__}
        for target in (scene.hers, scene.none)
    )
    await routes_tell_nothing(ROUTES, hers, none, partial(client, stranger), scene.look)

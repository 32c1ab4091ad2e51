"""Enrolment through GraphQL and REST: codes, certificates, renewal, revocation, strangers."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from backend.acquisition.credentials import GatewayRow, credentials_of
from backend.acquisition.leases import list_gateways
from backend.application.web_process import WebProcess
from backend.core.clock import ManualClock
from backend.core.platform import Platform
from backend.service.alarms.evaluate import evaluate
from backend.service.alarms.kinds.base import Definition
from backend.service.alarms.store import list_occurrences
from backend.service.gateways.codes import new_code, read_code
from backend.service.gateways.enrolment import Enrolments
from gateway.contract.enrolment import renewal_text
from tests.graphql.conftest import Ask, Client
from tests.graphql.plants import Plant, make_plant
from tests.postgres import Actor, MakePerson

BROKER = "mqtts://energy.example:8883"
DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
CREATE = """mutation($p: ID!, $g: String!, $n: String) {
  createEnrolmentCode(input: {project: $p, gateway: $g, name: $n}) {
    code validUntil command gateway { slug certificateUntil } } }"""
REVOKE = 'mutation($g: String!) { revokeGateway(project: "acme", gateway: $g) { slug } }'


@pytest.fixture
def process(process: WebProcess, platform: Platform, clock: ManualClock) -> WebProcess:
    """A process whose broker listens for gateways."""
    process.enrolments = Enrolments(platform.database, clock, BROKER)
    return process


@pytest.fixture
async def admin_person(alice: Actor, make_person: MakePerson) -> Actor:
    """An administrator of Alice's project."""
    return await make_person("ada", alice.tenant, role="administrator")


@pytest.fixture
async def stranger(charlie: Actor, make_person: MakePerson) -> Actor:
    """An administrator of the other project."""
    return await make_person("sven", charlie.tenant, role="administrator")


@pytest.fixture
async def hers(platform: Platform, alice: Actor) -> Plant:
    """Alice's plant with its gateway g1."""
    return await make_plant(platform, alice.tenant)


@pytest.fixture
async def box(client: Client) -> httpx.AsyncClient:
    """A gateway at the site: no session."""
    return await client()


def request_for(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    """A request for a certificate, PEM."""
    asked = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return asked.sign(key, hashes.SHA256()).public_bytes(PEM).decode()


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


async def code_for(
    ask: Ask, person: httpx.AsyncClient, gateway: str = "g1", name: str | None = None
) -> str:
    answer = await ask(person, CREATE, {"p": "acme", "g": gateway, "n": name})
    assert "errors" not in answer, answer
    code = answer["data"]["createEnrolmentCode"]["code"]  # type: ignore[index]
    assert isinstance(code, str)
    return code


async def enrol(
    box: httpx.AsyncClient, code: str, key: ec.EllipticCurvePrivateKey | None = None
) -> httpx.Response:
    return await box.post(
        "/api/v1/enrol", json={"code": code, "request": request_for(key or new_key())}
    )


def renewal(
    certificate: str, held: ec.EllipticCurvePrivateKey, request: str, signed: str | None = None
) -> dict[str, str]:
    """A renewal of a certificate; `signed` = another request than the one that is sent."""
    loaded = x509.load_pem_x509_certificate(certificate.encode())
    der = x509.load_pem_x509_csr((signed or request).encode()).public_bytes(DER)
    text = renewal_text(der, loaded.public_bytes(DER))
    signature = held.sign(text, ec.ECDSA(hashes.SHA256()))
    return {
        "certificate": certificate,
        "request": request,
        "signature": base64.b64encode(signature).decode(),
    }


async def admitted(platform: Platform) -> dict[str, int]:
    """How many certificates the broker admits, by credential."""
    async with platform.database.ingest() as tx:
        listed = await list_gateways(tx, datetime.now(UTC))
    rows = [GatewayRow(one.project, one.gateway, None, tuple(one.certificates)) for one in listed]
    return {one.name: len(one.certificates) for one in credentials_of(rows)}


async def test_a_code_becomes_a_certificate(
    client: Client, ask: Ask, admin_person: Actor, hers: Plant, box: httpx.AsyncClient,
    platform: Platform,
) -> None:  # fmt: skip
    ada, key = await client(admin_person), new_key()
    made = await ask(ada, CREATE, {"p": "acme", "g": hers.gateway.text})
    told = made["data"]["createEnrolmentCode"]  # type: ignore[index]
    assert told["command"] == f"kilowise-gateway enrol http://127.0.0.1:8000 {told['code']}"
    assert told["validUntil"] == "2026-03-16T04:00:00Z"
    assert told["gateway"] == {"slug": "g1", "certificateUntil": None}
    answer = (await enrol(box, told["code"], key)).json()
    assert (answer["project"], answer["gateway"], answer["broker"]) == ("acme", "g1", BROKER)
    certificate = x509.load_pem_x509_certificate(answer["certificate"].encode())
    authority = x509.load_pem_x509_certificate(answer["authorities"].encode())
    certificate.verify_directly_issued_by(authority)
    assert certificate.subject.rfc4514_string() == "CN=acme.g1"
    assert certificate.public_key() == key.public_key()
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["acme.g1"]
    life = datetime.fromisoformat(answer["valid_until"]) - datetime.fromisoformat(answer["time"])
    assert round(life / timedelta(days=1)) == 90
    assert await admitted(platform) == {"acme.g1": 1}
    events = '{ project(id: "acme") { enrolmentEvents { gateway what login detail } } }'
    shown = await ask(ada, events)
    assert shown["data"]["project"]["enrolmentEvents"] == [  # type: ignore[index]
        {
            "gateway": "g1",
            "what": "enrolled",
            "login": None,
            "detail": f"{certificate.serial_number:x}",
        },
        {"gateway": "g1", "what": "code_created", "login": "ada", "detail": ""},
    ]


async def test_a_new_gateway_by_slug_and_name(
    client: Client, ask: Ask, admin_person: Actor, box: httpx.AsyncClient
) -> None:
    ada = await client(admin_person)
    unknown = await ada.post("/api/v1/gateways/g7/enrolment-code?project=acme")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    made = await ada.post("/api/v1/gateways/g7/enrolment-code?project=acme", json={"name": "East"})
    assert made.status_code == 201
    assert made.json()["slug"] == "g7"
    assert (await enrol(box, made.json()["code"])).json()["gateway"] == "g7"
    for slug, code in (("G7", "gateway_slug"), ("x" * 60, "gateway_slug_long")):
        answer = await ask(ada, CREATE, {"p": "acme", "g": slug, "n": "x"})
        assert answer["errors"][0]["message"] == code  # type: ignore[index]


async def test_a_code_that_is_not_good_gets_one_answer(
    client: Client, ask: Ask, admin_person: Actor, hers: Plant, box: httpx.AsyncClient,
    clock: ManualClock, platform: Platform,
) -> None:  # fmt: skip
    ada = await client(admin_person)
    replaced = await code_for(ask, ada)
    used = await code_for(ask, ada)
    assert (await enrol(box, used)).status_code == 200
    ended = await code_for(ask, ada)
    await clock.advance(timedelta(hours=24).total_seconds())
    wrong = new_code("acme")
    answers = [
        await enrol(box, code)
        for code in (replaced, used, ended, wrong, new_code("nothing"), "x", f"{used}9")
    ]
    assert {answer.status_code for answer in answers} == {403}
    [body] = {answer.content for answer in answers}
    assert b'"code":"enrolment_code_wrong"' in body
    assert b'"next":"errors.enrolment_code_wrong.next"' in body
    assert await admitted(platform) == {"acme.g1": 1}


async def test_a_code_works_once_even_when_two_race(
    client: Client, ask: Ask, admin_person: Actor, hers: Plant, box: httpx.AsyncClient,
    platform: Platform,
) -> None:  # fmt: skip
    code = await code_for(ask, await client(admin_person))
    answers = await asyncio.gather(*(enrol(box, code) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 403, 403, 403, 403]
    assert await admitted(platform) == {"acme.g1": 1}


async def test_a_request_that_is_none_leaves_the_code_good(
    client: Client, ask: Ask, admin_person: Actor, hers: Plant, box: httpx.AsyncClient
) -> None:
    code = await code_for(ask, await client(admin_person))
    weak = request_for(rsa.generate_private_key(65537, 2048))
    der = bytearray(x509.load_pem_x509_csr(request_for(new_key()).encode()).public_bytes(DER))
    der[-1] ^= 1
    broken = x509.load_der_x509_csr(bytes(der)).public_bytes(PEM).decode()
    for request in ("no pem", weak, broken):
        answer = await box.post("/api/v1/enrol", json={"code": code, "request": request})
        assert (answer.status_code, answer.json()["code"]) == (422, "csr_unfit")
    assert (await enrol(box, code)).status_code == 200


async def test_codes_are_read_as_people_type_them() -> None:
    code = new_code("acme-2")
    read = read_code(code)
    assert read is not None
    assert read.project == "acme-2"
    assert read_code(f" {code.lower()} ") == read
    assert read_code("a-0000-1111-0110") == read_code("A-oOo0-iIlL-OlIo")
    assert read_code("a-UUUU-1111-0110") is None
    assert read_code(code[:-1]) is None


async def test_renewal_by_the_certificate_that_is_still_good(
    client: Client, ask: Ask, admin_person: Actor, hers: Plant, box: httpx.AsyncClient,
    platform: Platform,
) -> None:  # fmt: skip
    key, next_key = new_key(), new_key()
    ada = await client(admin_person)
    first = (await enrol(box, await code_for(ask, ada), key)).json()["certificate"]
    request = request_for(next_key)
    answer = await box.post("/api/v1/enrol/renewal", json=renewal(first, key, request))
    assert answer.status_code == 200
    second = answer.json()["certificate"]
    assert x509.load_pem_x509_certificate(second.encode()).public_key() == next_key.public_key()
    assert await admitted(platform) == {"acme.g1": 2}
    # The answer got lost: the gateway asks again, and what was lost is good for nothing.
    await box.post("/api/v1/enrol/renewal", json=renewal(first, key, request_for(new_key())))
    assert await admitted(platform) == {"acme.g1": 2}
    third = renewal(second, next_key, request)
    stale = await box.post("/api/v1/enrol/renewal", json=third)
    assert (stale.status_code, stale.json()["code"]) == (403, "renewal_refused")


async def test_a_renewal_that_is_not_the_owners_is_refused(
    client: Client, ask: Ask, admin_person: Actor, hers: Plant, box: httpx.AsyncClient,
    platform: Platform,
) -> None:  # fmt: skip
    key = new_key()
    held = (await enrol(box, await code_for(ask, await client(admin_person)), key)).json()
    certificate, request = held["certificate"], request_for(new_key())
    own = renewal(certificate, key, request)
    swapped = renewal(certificate, key, request, signed=request_for(new_key()))
    garbled = {**own, "signature": "no base64"}
    authority = {**own, "certificate": held["authorities"]}
    for sent in (renewal(certificate, new_key(), request), swapped, garbled, authority):
        answer = await box.post("/api/v1/enrol/renewal", json=sent)
        assert (answer.status_code, answer.json()["code"]) == (403, "renewal_refused")
    assert await admitted(platform) == {"acme.g1": 1}


async def test_revocation_takes_everything(
    client: Client, ask: Ask, admin_person: Actor, hers: Plant, box: httpx.AsyncClient,
    platform: Platform,
) -> None:  # fmt: skip
    key, ada = new_key(), await client(admin_person)
    held = (await enrol(box, await code_for(ask, ada), key)).json()["certificate"]
    open_code = await code_for(ask, ada)
    assert (await ask(ada, REVOKE, {"g": "g1"}))["data"] == {"revokeGateway": {"slug": "g1"}}
    assert await admitted(platform) == {}
    answer = await box.post(
        "/api/v1/enrol/renewal", json=renewal(held, key, request_for(new_key()))
    )
    assert answer.json()["code"] == "renewal_refused"
    assert (await enrol(box, open_code)).json()["code"] == "enrolment_code_wrong"
    again = await code_for(ask, ada)
    assert (await enrol(box, again)).status_code == 200
    done = await ada.delete("/api/v1/gateways/g1/credentials?project=acme")
    assert done.status_code == 204
    assert await admitted(platform) == {}


async def test_only_administrators_let_gateways_in(
    client: Client, ask: Ask, alice: Actor, hers: Plant
) -> None:
    manager = await client(alice)
    answer = await ask(manager, CREATE, {"p": "acme", "g": "g1"})
    assert answer["errors"][0]["extensions"]["code"] == "not_allowed"  # type: ignore[index]
    rest = await manager.post("/api/v1/gateways/g1/enrolment-code?project=acme")
    assert (rest.status_code, rest.json()["params"]) == (403, {"permission": "enrol"})
    assert (await ask(manager, REVOKE, {"g": "g1"}))["errors"][0]["message"] == "not_allowed"  # type: ignore[index]


async def test_an_administrator_of_another_project_sees_none_of_it(
    client: Client, ask: Ask, admin_person: Actor, stranger: Actor, hers: Plant,
    box: httpx.AsyncClient, platform: Platform,
) -> None:  # fmt: skip
    await enrol(box, await code_for(ask, await client(admin_person)))
    sven = await client(stranger)
    nothing = "gtw_06a2hq3r1x7m2e9z8k0v5c4t1w"
    for project in ("acme", "other"):
        answers = []
        for gateway in (hers.gateway.text, nothing):
            made = await ask(sven, CREATE, {"p": project, "g": gateway, "n": "x"})
            path = f"/api/v1/gateways/{gateway}"
            posted = await sven.post(f"{path}/enrolment-code?project={project}")
            deleted = await sven.delete(f"{path}/credentials?project={project}")
            assert (posted.status_code, deleted.status_code) == (404, 404)
            answers.append((made, posted.content, deleted.content))
        assert answers[0] == answers[1]
        assert answers[0][0]["errors"][0]["message"] == "not_found"  # type: ignore[index]
    assert await admitted(platform) == {"acme.g1": 1}
    own = await ask(sven, '{ project(id: "other") { enrolmentEvents { what } } }')
    assert own["data"] == {"project": {"enrolmentEvents": []}}


async def test_tries_are_braked(box: httpx.AsyncClient) -> None:
    answers = [await enrol(box, new_code("acme")) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [403] * 20 + [429]
    assert answers[-1].json()["code"] == "enrolment_too_often"
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60


async def test_no_code_while_no_broker_listens(
    client: Client, ask: Ask, admin_person: Actor, hers: Plant, process: WebProcess,
    platform: Platform,
) -> None:  # fmt: skip
    process.enrolments = Enrolments(platform.database, platform.clock, None)
    answer = await ask(await client(admin_person), CREATE, {"p": "acme", "g": "g1"})
    assert answer["errors"][0]["message"] == "broker_not_open"  # type: ignore[index]


async def test_the_project_is_alarmed_before_a_certificate_ends(
    client: Client,
    ask: Ask,
    admin_person: Actor,
    hers: Plant,
    box: httpx.AsyncClient,
    platform: Platform,
) -> None:
    ada, project = await client(admin_person), hers.tenant.id
    for _ in range(2):
        assert (await enrol(box, await code_for(ask, ada))).status_code == 200
    async with platform.database.read(project) as tx:
        row, *others = await tx.fetch_all(
            "SELECT id, kind, node_id, meter_id, priority, params, mode FROM alarm_definition"
            " WHERE project_id = %s ORDER BY kind",
            (project,),
        )
    assert [(other["kind"], other["mode"]) for other in others] == [
        ("gateway_data_budget", "live"),
        ("messages_dropped", "live"),
    ]
    assert (row.pop("mode"), row["kind"]) == ("live", "certificate_expiry")
    ends = datetime.now(UTC) + timedelta(days=90)
    seen = []
    for left in (31, 29, 6, 0.9):
        now = ends - timedelta(days=left)
        await evaluate(platform.database, project, Definition(**row), "live", now)
        async with platform.database.read(project) as tx:
            found = await list_occurrences(tx, project)
        seen.append([(one.state, one.priority, one.params["gateways"]) for one in found])
    assert seen == [[], [("UNACK", 3, "g1")], [("UNACK", 2, "g1")], [("UNACK", 1, "g1")]]
    await ask(ada, REVOKE, {"g": "g1"})
    await evaluate(platform.database, project, Definition(**row), "live", ends)
    async with platform.database.read(project) as tx:
        assert [one.state for one in await list_occurrences(tx, project)] == ["RTNUN"]

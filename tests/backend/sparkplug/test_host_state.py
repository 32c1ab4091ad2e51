"""STATE, its will, the host's sessions (Sparkplug 3.0, 4.2.3, 5.3, 5.10, 5.13, 5.14, 6.4.27)."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from backend.acquisition import host_state
from backend.acquisition.credentials import INTERNAL
from backend.acquisition.host_state import HostState
from backend.core.platform import Platform
from tests.backend.acquisition_brokers import embedded
from tests.backend.acquisition_edge import (
    NOW_MS,
    connect_edge,
    make_gateway,
    sample,
    until_leased,
    until_rows,
    working,
)
from tests.backend.sparkplug.session import HOUR_MS, Recording, state_of
from tests.gateway.sparkplug.checklist import names
from tests.gateway.sparkplug.tap import Disconnected, Published, Subscribed, tapped
from tests.gateway.test_publish import until
from tests.postgres import MakeProject

Claim = Callable[[Recording], None]
TOPIC = "spBv1.0/STATE/kilowise"


def births(recording: Recording) -> list[Published]:
    """The first word of each session."""
    return [wire.published[0] for wire in recording.speakers]


def wills(recording: Recording) -> list[Published]:
    found = [wire.will for wire in recording.speakers]
    assert len(found) == 2
    return found


def last_word(recording: Recording) -> Published:
    """The death that the host published itself when it ended in order."""
    return recording.speakers[-1].published[-1]


def publishes_in_order(recording: Recording, start: int = 0) -> list[Published]:
    """What both connections of the host published, from a place on."""
    return [packet for _, packet in recording.passed(start) if isinstance(packet, Published)]


def birth_is_the_first_word(recording: Recording) -> None:
    """Of the whole host, in the first session and in the one after the cut."""
    for start in (0, recording.at_the_cut):
        first = publishes_in_order(recording, start)[0]
        assert (first.topic, state_of(first)["online"]) == (TOPIC, True)


def birth_is_said(recording: Recording) -> None:
    assert [state_of(birth)["online"] for birth in births(recording)] == [True, True]


def births_and_deaths_are_said(recording: Recording) -> None:
    birth_is_said(recording)
    assert [state_of(will)["online"] for will in wills(recording)] == [False, False]
    assert state_of(last_word(recording))["online"] is False


def birth_is_qos_1(recording: Recording) -> None:
    assert {birth.qos for birth in births(recording)} == {1}


def birth_is_retained(recording: Recording) -> None:
    assert {birth.retain for birth in births(recording)} == {True}


def birth_is_as_it_must_be(recording: Recording) -> None:
    birth_is_qos_1(recording)
    birth_is_retained(recording)
    birth_is_on_the_hosts_topic(recording)


def birth_is_on_the_hosts_topic(recording: Recording) -> None:
    assert {birth.topic for birth in births(recording)} == {TOPIC}


def birth_is_json(recording: Recording) -> None:
    """Exactly the two keys, with the time of the session's CONNECT."""
    assert [state_of(birth) for birth in births(recording)] == [
        {"online": True, "timestamp": NOW_MS},
        {"online": True, "timestamp": NOW_MS + 2 * HOUR_MS},
    ]


def birth_has_the_wills_time(recording: Recording) -> None:
    times = [state_of(will)["timestamp"] for will in wills(recording)]
    assert [state_of(birth)["timestamp"] for birth in births(recording)] == times


def time_is_of_each_session(recording: Recording) -> None:
    """One broker at a time: the time of STATE is that of the session it is said in."""
    birth_has_the_wills_time(recording)
    assert len({state_of(birth)["timestamp"] for birth in births(recording)}) == 2


def subscribes_before_it_speaks(recording: Recording) -> None:
    """STATE, and the topics of the claimed node, before its own first STATE."""
    for start, speaker in zip((0, recording.at_the_cut), recording.speakers, strict=True):
        passed = recording.passed(start)
        first = next(at for at, (_, one) in enumerate(passed) if isinstance(one, Published))
        assert passed[first][0] is speaker
        before = [one for _, one in passed[:first] if isinstance(one, Subscribed)]
        heard = {topic for one in before for topic, _ in one.filters}
        kinds = {"NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH"}
        assert {topic.split("/")[2] for topic in heard - {TOPIC}} == kinds
        assert TOPIC in heard


def subscribes_to_its_own_state(recording: Recording) -> None:
    for wire in recording.speakers:
        first = wire.place(wire.published[0])
        before = [packet for packet in wire.up[:first] if isinstance(packet, Subscribed)]
        assert before == [Subscribed(((TOPIC, 1),))]


def will_is_there(recording: Recording) -> None:
    assert [wire.connect.will is None for wire in recording.speakers] == [False, False]


def will_is_qos_1(recording: Recording) -> None:
    assert {will.qos for will in wills(recording)} == {1}


def will_is_retained(recording: Recording) -> None:
    assert {will.retain for will in wills(recording)} == {True}


def will_is_on_the_hosts_topic(recording: Recording) -> None:
    assert {will.topic for will in wills(recording)} == {TOPIC}


def will_is_json(recording: Recording) -> None:
    """Exactly the two keys, with the time of the CONNECT that carries it."""
    assert [state_of(will) for will in wills(recording)] == [
        {"online": False, "timestamp": NOW_MS},
        {"online": False, "timestamp": NOW_MS + 2 * HOUR_MS},
    ]


def death_says_when_it_is(recording: Recording) -> None:
    """One hour after the CONNECT."""
    death = {"online": False, "timestamp": NOW_MS + 3 * HOUR_MS}
    assert state_of(last_word(recording)) == death


def death_is_qos_1(recording: Recording) -> None:
    assert last_word(recording).qos == 1


def death_is_retained(recording: Recording) -> None:
    assert last_word(recording).retain is True


def death_is_on_the_hosts_topic(recording: Recording) -> None:
    assert last_word(recording).topic == TOPIC


def disconnects_after_its_death(recording: Recording) -> None:
    assert recording.speakers[-1].up[-2:] == [last_word(recording), Disconnected()]


def contradicts_who_says_it_is_away(recording: Recording) -> None:
    """A stranger in the first session said so."""
    birth, again = recording.speakers[0].published
    assert again == birth


def clean_session(recording: Recording) -> None:
    internal = [*recording.speakers, *recording.hearers]
    assert [(wire.connect.level, wire.connect.clean) for wire in internal] == [(4, True)] * 4


def not_mqtt_5(recording: Recording) -> None:
    """What only clients of MQTT 5.0 must do does not arise: the platform speaks 3.1.1."""
    assert {wire.connect.level for wire in recording.tap.of(f"{INTERNAL}/")} == {4}


PHID, FLOW = "host-topic-phid", "message-flow-phid-sparkplug"
APPLICATION, STATE = "operational-behavior-host-application", "payloads-state"
SERVERS = "operational-behavior-primary-application-state-with-multiple-servers"
CLAIMS: dict[str, Claim] = {
    "intro-sparkplug-host-state": births_and_deaths_are_said,
    "principles-birth-certificates-order": birth_is_the_first_word,
    "components-ph-state": births_and_deaths_are_said,
    f"{PHID}-birth-message": birth_is_the_first_word,
    f"{PHID}-birth-qos": birth_is_qos_1,
    f"{PHID}-birth-retain": birth_is_retained,
    f"{PHID}-birth-topic": birth_is_on_the_hosts_topic,
    f"{PHID}-birth-sub-required": subscribes_before_it_speaks,
    f"{PHID}-birth-required": birth_is_said,
    f"{PHID}-birth-payload": birth_is_json,
    f"{PHID}-birth-payload-timestamp": birth_has_the_wills_time,
    f"{PHID}-death-qos": will_is_qos_1,
    f"{PHID}-death-retain": will_is_retained,
    f"{PHID}-death-topic": will_is_on_the_hosts_topic,
    f"{PHID}-death-required": will_is_there,
    f"{PHID}-death-payload": will_is_json,
    f"{PHID}-death-payload-timestamp-connect": will_is_json,
    f"{PHID}-death-payload-timestamp-disconnect-clean": death_says_when_it_is,
    f"{PHID}-death-payload-timestamp-disconnect-with-no-disconnect-packet": death_says_when_it_is,
    f"{FLOW}-clean-session-311": clean_session,
    f"{FLOW}-clean-session-50": not_mqtt_5,
    f"{FLOW}-subscription": subscribes_before_it_speaks,
    f"{FLOW}-state-publish": birth_is_said,
    f"{FLOW}-state-publish-payload": birth_is_json,
    f"{FLOW}-state-publish-payload-timestamp": birth_has_the_wills_time,
    "message-flow-hid-sparkplug-state-message-delivered": contradicts_who_says_it_is_away,
    f"{SERVERS}-state": birth_is_the_first_word,
    f"{APPLICATION}-connect-will": will_is_there,
    f"{APPLICATION}-connect-will-topic": will_is_on_the_hosts_topic,
    f"{APPLICATION}-connect-will-payload": will_is_json,
    f"{APPLICATION}-connect-will-qos": will_is_qos_1,
    f"{APPLICATION}-connect-will-retained": will_is_retained,
    f"{APPLICATION}-connect-birth": birth_is_the_first_word,
    f"{APPLICATION}-connect-birth-topic": birth_is_on_the_hosts_topic,
    f"{APPLICATION}-connect-birth-payload": birth_is_json,
    f"{APPLICATION}-connect-birth-qos": birth_is_qos_1,
    f"{APPLICATION}-connect-birth-retained": birth_is_retained,
    f"{APPLICATION}-multi-server-timestamp": time_is_of_each_session,
    f"{APPLICATION}-termination": disconnects_after_its_death,
    f"{APPLICATION}-death-topic": death_is_on_the_hosts_topic,
    f"{APPLICATION}-death-payload": death_says_when_it_is,
    f"{APPLICATION}-death-qos": death_is_qos_1,
    f"{APPLICATION}-death-retained": death_is_retained,
    f"{APPLICATION}-disconnect-intentional": disconnects_after_its_death,
    f"{STATE}-will-message": will_is_on_the_hosts_topic,
    f"{STATE}-will-message-qos": will_is_qos_1,
    f"{STATE}-will-message-retain": will_is_retained,
    f"{STATE}-will-message-payload": will_is_json,
    f"{STATE}-subscribe": subscribes_to_its_own_state,
    f"{STATE}-birth": birth_is_as_it_must_be,
    f"{STATE}-birth-payload": birth_is_json,
    "conformance-primary-host": births_and_deaths_are_said,
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=names(CLAIMS))
def test_host_state(recording: Recording, claim: Claim) -> None:
    claim(recording)


async def test_tck_id_operational_behavior_host_application_host_id(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two workers one speaks as `kilowise`; the other only once the first is gone."""
    monkeypatch.setattr(host_state, "ASK_S", 0.05)

    async def never() -> None:
        await asyncio.Event().wait()

    asked: list[bool] = []
    try_lock = host_state._try_lock  # noqa: SLF001 - to see who asks in vain

    async def counting(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> bool:
        asked.append(await try_lock(connection))
        return asked[-1]

    monkeypatch.setattr(host_state, "_try_lock", counting)
    async with embedded(tmp_path) as broker, tapped(broker.port) as tap:
        wired = replace(platform, mqtt_url=broker.url.replace(f":{broker.port}", f":{tap.port}"))
        first = asyncio.create_task(HostState(wired, never).run())
        await until(lambda: len(tap.of(f"{INTERNAL}/host")) == 1)
        second = asyncio.create_task(HostState(wired, never).run())
        await until(lambda: asked[:3] == [True, False, False])
        assert tap.most_at_once == 1
        first.cancel()
        await until(lambda: len(tap.of(f"{INTERNAL}/host")) == 2)
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        assert tap.most_at_once == 1
        assert {wire.will.topic for wire in tap.of(f"{INTERNAL}/host")} == {TOPIC}


@pytest.mark.parametrize("spoken", [True, False], ids=["after STATE", "or after a while"])
async def test_a_worker_commands_nobody_before_state(
    platform: Platform,
    make_project: MakeProject,
    admin: psycopg.Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoken: bool,
) -> None:
    """Another holds the right to speak and is silent: data are stored, the answer waits."""
    monkeypatch.setattr(host_state, "PATIENCE_S", 60.0 if spoken else 0.5)
    admin.execute("SELECT pg_advisory_lock(%s)", (host_state.LOCK,))
    async with embedded(tmp_path) as broker:
        wired = replace(platform, mqtt_url=broker.url)
        tenant = await make_project("a")
        gateway = await make_gateway(wired.database, tenant, "g1", broker.secrets["a.g1"])
        async with working(wired):
            await until_leased(wired.database, gateway)
            edge = await connect_edge(broker, "a", "g1")
            edge.be_born()
            record = edge.send(sample(2, NOW_MS, 1.0))
            await until_rows(wired.database, tenant.id, 1)
            if spoken:
                assert edge.commands() == []
                speaker = await broker.connect(INTERNAL, client_id=f"{INTERNAL}/speaker")
                online = b'{"online":true,"timestamp":1}'
                speaker.client.publish(TOPIC, online, qos=1, retain=True)
            await edge.until_committed(record)

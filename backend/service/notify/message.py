"""What a person reads of an alarm transition, rendered in their language from codes and numbers."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from backend.core.ids import encode_id
from backend.core.texts import localised, text


@dataclass(frozen=True, slots=True)
class AlarmNews:
    """A transition that people hear of: whose, where, how urgent, with which numbers."""

    project_slug: str
    alarm_uid: uuid.UUID
    definition_id: int
    kind: str
    name: Mapping[str, str]
    place: Mapping[str, str]
    priority: int
    params: Mapping[str, float | int | str]
    open_alarms: int


@dataclass(frozen=True, slots=True)
class Message:
    """A rendered notification: what a channel sends. `urgent` asks for immediate delivery."""

    title: str
    body: str
    navigate: str
    tag: str
    locale: str
    urgent: bool
    badge: int
    data: Mapping[str, str]
    action: str | None


def render(news: AlarmNews, locale: str) -> Message:
    """The message for one recipient; what to shed is named first where the alarm says so."""
    alarm = encode_id("alm", news.alarm_uid)
    params = {
        **news.params,
        "name": localised(news.name, locale),
        "place": localised(news.place, locale),
    }
    body_key = f"push.{news.kind}.body"
    if "shed" in news.params:
        params["shed"] = _shed_in(str(news.params["shed"]), locale)
        body_key = f"push.{news.kind}.body_shed"
    return Message(
        title=text(locale, f"push.{news.kind}.title", params),
        body=text(locale, body_key, params),
        navigate=f"/alarms/{alarm}",
        tag=f"alarm-{alarm}",
        locale=locale,
        urgent=news.priority <= 2,
        badge=news.open_alarms,
        data={"project": news.project_slug, "alarm": alarm},
        action=text(locale, "push.take"),
    )


def _shed_in(shed: str, locale: str) -> str:
    """`shed` carries both languages as `en|zh`."""
    english, _, chinese = shed.partition("|")
    return chinese if locale == "zh-CN" and chinese else english


def test_message(project_slug: str, locale: str) -> Message:
    """The notification that proves that this browser is reached."""
    return Message(
        title=text(locale, "push.test.title"),
        body=text(locale, "push.test.body"),
        navigate="/more",
        tag="test",
        locale=locale,
        urgent=True,
        badge=0,
        data={"project": project_slug},
        action=None,
    )

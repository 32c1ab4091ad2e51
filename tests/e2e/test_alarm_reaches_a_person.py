"""An alarm raised at the plant: on two phones, pushed, taken from the notification, seen by all."""

import re

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Locator, expect

from tests.e2e.browser import Phone, phone
from tests.e2e.plant import Plant
from tests.e2e.push_page import ServiceWorker, subscribing
from tests.product import Product
from tests.push_service import Browser, PushService, Received

PUSHED_S = 60.0


def row(held: Phone, state: str) -> Locator:
    """The list's entry of the alarm in a state."""
    return held.page.locator(f"[data-testid=alarm][data-state={state}]")


def turn_on_push(held: Phone, subscription: Browser, running: Product) -> None:
    """Allow notifications as a person does; the page subscribes with the server's own key."""
    held.open("/more")
    step = held.page.get_by_test_id("push-step")
    expect(step).to_have_attribute("data-step", "off")
    held.page.get_by_role("button", name="Turn on").click()
    expect(step).to_have_attribute("data-step", "on")
    key = running.graphql('{ project(id: "demo") { pushKey } }')["project"]["pushKey"]
    assert held.page.evaluate("subscribedWith") == key
    subscription.vapid_key = key


def pushed(push: PushService, subscription: Browser, alarm: str) -> Received:
    """The first message about an alarm that this subscription got."""
    count = len(push.messages)
    while True:
        for message in push.messages:
            data = message.message["notification"].get("data", {})
            if message.subscription == subscription.name and data.get("alarm") == alarm:
                return message
        count = len(push.wait(count + 1, PUSHED_S))


def test_pushed_taken_from_the_notification_and_seen_by_the_other(
    browser: Chromium, running: Product, push: PushService, plant: Plant
) -> None:
    subscription = push.subscribe()
    script = subscribing(subscription)
    with (
        phone(browser, running, script=script, permissions=["notifications"]) as manager,
        phone(browser, running, "shift", locale="zh-CN") as shift,
    ):
        turn_on_push(manager, subscription, running)
        worker = ServiceWorker(manager)
        manager.open("/alarms")
        shift.open("/alarms")
        for held in (manager, shift):
            held.page.evaluate("globalThis.sameLoad = true")

        plant.overload()
        alarm = plant.alarm()
        for held in (manager, shift):
            expect(row(held, "UNACK")).to_have_count(1)

        message = pushed(push, subscription, alarm["id"])
        assert push.faults == []
        assert message.headers["urgency"] == "high"
        assert int(message.headers["ttl"]) > 0
        worker.deliver(message)
        tag = message.message["notification"]["tag"]
        shown = worker.wait_notification(tag)
        assert re.fullmatch(r"Demand: [\d,]+ kW in 15 min", shown["title"]), shown
        assert "% of the contract (4" in shown["body"], shown
        assert shown["data"]["navigate"] == f"/alarms/{alarm['id']}"
        assert [one["title"] for one in shown["actions"]] == ["I take it"]

        worker.click(tag, "acknowledge")
        acks = plant.acknowledgements(alarm["id"])
        assert [(one["login"], one["channel"], one["result"]) for one in acks] == [
            ("manager", "notification", "first")
        ]
        confirmed = worker.wait_notification(f"taken-{alarm['id']}")
        assert confirmed["title"] == "Taken by you"
        assert tag not in {one["tag"] for one in worker.notifications()}

        when = plant.clock_text(acks[0]["effective_at"])
        expect(row(shift, "ACKED")).to_contain_text(f"林越（能源经理） 处理中 · {when}")
        expect(row(manager, "ACKED")).to_contain_text(f"Lin Yue, energy manager takes it · {when}")
        for held in (manager, shift):
            assert held.page.evaluate("sameLoad"), "the page was loaded again"
            assert held.broken == []


def test_taken_in_the_app_the_other_sees_who_and_the_list_keeps_it(
    browser: Chromium, running: Product, plant: Plant
) -> None:
    with phone(browser, running) as manager, phone(browser, running, "shift") as shift:
        manager.open("/alarms")
        shift.open("/alarms")
        plant.overload()
        alarm = plant.alarm()
        row(shift, "UNACK").get_by_role("button", name="I take it").click()

        expect(row(manager, "ACKED")).to_contain_text("Zhou Jian, shift leader takes it")
        acks = plant.acknowledgements(alarm["id"])
        assert [(one["login"], one["channel"]) for one in acks] == [("shift", "app")]
        assert row(manager, "UNACK").count() == 0
        plant.relieve()
        expect(row(manager, "NORM").first).to_contain_text("Zhou Jian, shift leader took it")
        assert manager.broken == shift.broken == []


def test_taken_offline_it_waits_and_is_sent_once(
    browser: Chromium, running: Product, plant: Plant
) -> None:
    with phone(browser, running, "shift") as shift:
        shift.open("/alarms")
        shift.installed()
        plant.overload()
        alarm = plant.alarm()
        expect(row(shift, "UNACK")).to_have_count(1)

        shift.context.set_offline(True)
        expect(shift.page.get_by_test_id("freshness")).to_contain_text("Offline")
        row(shift, "UNACK").get_by_role("button", name="I take it").click()
        expect(row(shift, "UNACK").get_by_test_id("pending")).to_have_text(
            "Will be sent when online"
        )
        assert plant.acknowledgements(alarm["id"]) == []

        shift.context.set_offline(False)
        expect(row(shift, "ACKED")).to_contain_text("Zhou Jian, shift leader takes it")
        shift.page.reload()
        expect(row(shift, "ACKED")).to_have_count(1)
        acks = plant.acknowledgements(alarm["id"])
        assert [(one["login"], one["channel"], one["result"]) for one in acks] == [
            ("shift", "offline", "first")
        ]
        assert acks[0]["effective_at"] < acks[0]["received_at"]
        assert shift.broken == []

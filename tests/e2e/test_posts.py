"""A device that two people share: enrolled, taken by PIN and badge, and whose taps are whose."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Route, expect

from tests.e2e.browser import Phone, phone
from tests.e2e.plant import Plant
from tests.e2e.test_alarm_reaches_a_person import row
from tests.e2e.test_every_route import axe
from tests.product import Product

LINK = re.compile(r"/post#demo-\w{4}-\w{4}-\w{4}$")
CAMERA = """(path) => {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 400;
  const pen = canvas.getContext('2d');
  const draw = () => {
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillStyle = '#fff';
    pen.fillRect(0, 0, 400, 400);
    pen.setTransform(7, 0, 0, 7, 40, 40);
    pen.fillStyle = '#000';
    pen.fill(new Path2D(path));
    requestAnimationFrame(draw);
  };
  draw();
  navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(30);
}"""
"""A camera that is held before a badge."""


def made(browser: Chromium, running: Product) -> tuple[str, str]:
    """An administrator makes a post and a badge of the manager: the link, and the badge's code."""
    with phone(browser, running, "admin") as boss:
        boss.open("/posts")
        page = boss.page
        page.get_by_label("Name of the post").fill("Furnace 1")
        page.get_by_role("button", name="Make the code").click()
        code = page.get_by_test_id("made-once")
        expect(code.locator("svg")).to_have_attribute("aria-label", "QR code of the link")
        link = urlsplit(code.locator("code").last.inner_text())
        expect(page.get_by_test_id("post")).to_contain_text("waits for its device until")
        means = page.get_by_test_id("means").filter(has_text="Lin Yue")
        means.get_by_role("button", name="New badge").click()
        badge = page.get_by_role("dialog", name=re.compile("Badge of Lin Yue"))
        path = badge.locator("svg path").get_attribute("d")
        assert boss.broken == []
    return f"{link.path}#{link.fragment}", path or ""


def choose_pin(browser: Chromium, running: Product) -> None:
    """The shift leader chooses a PIN on a phone of their own."""
    with phone(browser, running, "shift") as own:
        own.open("/access")
        own.page.get_by_label("Six digits").fill("777777")
        own.page.get_by_role("button", name="Set PIN").click()
        expect(own.page.get_by_test_id("failure")).to_have_attribute("data-code", "pin_guessed")
        own.page.get_by_label("Six digits").fill("314159")
        own.page.get_by_role("button", name="Set PIN").click()
        expect(own.page.get_by_role("status").filter(has_text="Your PIN is set.")).to_be_visible()


def taken_by_pin(device: Phone) -> None:
    """The shift leader takes the device."""
    device.page.get_by_role("button", name="Zhou Jian").click()
    for digit in "314159":
        device.page.get_by_role("button", name=digit, exact=True).click()
    expect(device.page.get_by_test_id("held")).to_contain_text("Zhou Jian, shift leader · Furnace")


def keep_back(route: Route) -> None:
    """A network that loses what takes alarms, and nothing else."""
    if "mutation Acknowledge" in (route.request.post_data or ""):
        route.abort()
    else:
        route.continue_()


def test_a_tap_stays_with_who_held_the_device(
    browser: Chromium, running: Product, plant: Plant
) -> None:
    link, badge = made(browser, running)
    choose_pin(browser, running)
    assert LINK.search(link)
    with phone(browser, running, None, bypass_csp=True) as device:
        page = device.page
        device.open(link)
        page.get_by_role("button", name="Enrol this device").click()
        expect(page.locator("h1")).to_have_text("Furnace 1")
        assert axe(device) == []
        assert device.overflow() == 0
        taken_by_pin(device)
        device.open("/alarms")
        plant.overload()
        alarm = plant.alarm()
        device.context.route("**/graphql", keep_back)
        row(device, "UNACK").get_by_role("button", name="I take it").click()
        expect(row(device, "UNACK").get_by_test_id("pending")).to_be_visible()
        page.get_by_role("button", name="Leave").click()

        page.evaluate(CAMERA, badge)
        page.get_by_role("button", name="Scan your badge").click()
        expect(page.get_by_test_id("held")).to_contain_text("Lin Yue, energy manager · Furnace 1")
        assert plant.acknowledgements(alarm["id"]) == []
        device.context.unroute("**/graphql")
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(row(device, "ACKED")).to_contain_text("Zhou Jian, shift leader takes it")
        acks = plant.acknowledgements(alarm["id"])
        assert [(one["login"], one["result"]) for one in acks] == [("shift", "first")]
        plant.relieve()
        with phone(browser, running, "admin") as boss:
            boss.open("/posts")
            post = boss.page.get_by_test_id("post")
            expect(post).to_contain_text("Lin Yue, energy manager holds it since")
            post.get_by_role("button", name="Sign out").click()
            asked = boss.page.get_by_role("dialog", name="Sign out whoever holds Furnace 1?")
            asked.get_by_role("button", name="Sign out").click()
            # Its socket closes, and it can be taken anew.
            expect(page.get_by_role("button", name="Scan your badge")).to_be_visible()
            post.get_by_role("button", name="Take back").click()
            asked = boss.page.get_by_role("dialog", name="Take the device Furnace 1 back?")
            asked.get_by_role("button", name="Take back").click()
            expect(post).to_have_count(0)

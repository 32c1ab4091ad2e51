"""Every route in every width, theme and language: not wider than the window, nothing for axe.

A theme is colours alone (`light-dark()` of app.css takes nothing else): what axe reads of the rest,
and widths, are looked at in the light one.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Playwright, ViewportSize

from tests.e2e import lighthouse
from tests.e2e.browser import LOCALES, ROUTES, Phone, phone
from tests.product import ROOT, Product

AXE = ROOT / "pwa" / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (320, 360, 390, 768, 1440)
AXE_WIDTHS = {"en": {390, 1440}, "zh-CN": {390}}
COLOURS = "cat.color"
"""Axe's rules about colours."""
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SMALL = ViewportSize(width=360, height=640)
LARGE_TEXT = "130%"
"""Text size as Android's setting scales it."""

_RUN_AXE = """(runOnly) => axe.run(document, { resultTypes: ['violations'],
    ...(runOnly.length ? { runOnly } : {}) }).then(({ violations }) =>
  violations.map(({ id, nodes }) => [id, ...nodes.slice(0, 3).map((node) =>
    `${node.target.join(' ')}: ${node.any.concat(node.all).map((one) => one.message)}`)]))"""
_PLACES = """(names) => names.map((name) => {
  const { top, bottom, left, right } = document
    .querySelector(`[data-testid=${name}]`).getBoundingClientRect();
  return [name, Math.round(top), Math.round(bottom), Math.round(left), Math.round(right)];
})"""
_CUT = """() => [...document.querySelectorAll('main .card *, [data-testid=verdict] b')].filter(
    (one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX !== 'visible'
    && getComputedStyle(one).overflowX !== 'auto' && !one.closest('.hidden')
    && one.clientWidth > 0).map((one) => one.className + ': ' + one.textContent.trim())"""


_ENGLISH = """() => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) {
    const { data, parentElement: at } = texts.currentNode;
    const apart = at.closest('code, pre, script, style, [lang=en]');
    if (!apart && /[A-Za-z]{2,} [A-Za-z]{2,}/.test(data)) found.push(data.trim());
  }
  return found;
}"""
"""Two words of Latin letters in a row: names of products and units have one."""
_ALARMS_SHOWN = """() => {
  const line = document.querySelector('[data-testid=verdict] .small');
  const text = line.firstChild;
  const range = document.createRange();
  range.setStart(text, 0);
  range.setEnd(text, text.data.indexOf(' · '));
  const fits = range.getBoundingClientRect().right <= line.getBoundingClientRect().right;
  return fits ? range.toString() : null;
}"""


CITES = ("/more", "/factors", "/stock")
"""Name sources of tariffs and factors, and suppliers, as they are."""
THINGS = """{ project(id: "demo") { meters { id slug } devices { id slug } gateways { id }
  alarms(first: 1) { id } network: nodes(tree: "electrical") { id slug } } }"""


def deeper(running: Product) -> list[str]:
    """What is behind the five tabs: gateways, profiles, the model, and a page of each thing."""
    project = running.graphql(THINGS)["project"]
    meter = next(one["id"] for one in project["meters"] if one["slug"] == "furnace-2")
    device = next(one["id"] for one in project["devices"] if one["slug"] == "air-main")
    transformer = next(one["id"] for one in project["network"] if one["slug"] == "tr-4")
    return [
        *("/gateways", "/profiles", "/calendar", f"/gateways/{project['gateways'][0]['id']}"),
        *("/balance", "/equipment", "/people", "/posts", "/access", "/audit"),
        *("/projects", "/projects/new", "/groups", "/groups/consents"),
        *(f"/plant/{meter}", f"/devices/{device}"),
        *("/trees?tree=electrical", f"/trees/{transformer}", "/meters", f"/meters/{meter}"),
        *("/factors", "/meters/list", "/meters/labels"),
        *("/restatements", "/restatements/new", f"/sheets/{meter}?period=MONTH"),
        *(f"/alarms/{one['id']}" for one in project["alarms"]),
    ]


def folded_open(held: Phone) -> None:
    """Unfold everything, so that it is measured too."""
    held.page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")


def axe(held: Phone, *rules: str) -> list[Any]:
    """What axe finds on the page as it is: by all its rules, or by those of some tags."""
    if not held.page.evaluate("'axe' in window"):
        held.page.evaluate(AXE.read_text())
    found: list[Any] = held.page.evaluate(_RUN_AXE, rules)
    return found


def looked_at(held: Phone, locale: str) -> Iterator[tuple[str, Any]]:
    """What is wrong with the open page, in every width and both themes."""
    held.page.emulate_media(color_scheme="light", reduced_motion="reduce")
    for width in WIDTHS:
        held.page.set_viewport_size({"width": width, "height": 844})
        if (wider := held.overflow()) > 0:
            yield f"{width} px", f"{wider} px too wide"
        if width not in AXE_WIDTHS[locale]:
            continue
        if violations := axe(held):
            yield f"light, {width} px, axe", violations
        held.page.emulate_media(color_scheme="dark")
        if violations := axe(held, COLOURS):
            yield f"dark, {width} px, axe", violations
        held.page.emulate_media(color_scheme="light")


@pytest.mark.parametrize("locale", LOCALES)
def test_no_route_scrolls_sideways_and_axe_finds_nothing(
    browser: Chromium, running: Product, locale: str
) -> None:
    found: dict[str, Any] = {}
    # Administrators see everything that anybody sees.
    with phone(browser, running, "admin", locale=locale, bypass_csp=True) as held:
        for route in (*ROUTES, *deeper(running)):
            held.open(route)
            folded_open(held)
            if (
                locale == "zh-CN"
                and route not in CITES
                and (english := held.page.evaluate(_ENGLISH))
            ):
                found[f"{route}, not in Chinese"] = english
            found |= {f"{route}, {where}": what for where, what in looked_at(held, locale)}
        assert held.broken == []
    assert found == {}, json.dumps(found, indent=1, ensure_ascii=False)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("locale", LOCALES)
def test_signing_in_is_accessible(
    browser: Chromium, running: Product, locale: str, theme: str
) -> None:
    with phone(browser, running, None, locale=locale, color_scheme=theme, bypass_csp=True) as held:
        held.open("/")
        held.page.locator("section.demo button").first.wait_for()
        assert axe(held) == []
        for width in WIDTHS:
            held.page.set_viewport_size({"width": width, "height": 844})
            assert held.overflow() == 0


@pytest.mark.parametrize("locale", LOCALES)
def test_the_five_second_answer_needs_no_scrolling(
    browser: Chromium, running: Product, locale: str
) -> None:
    with phone(browser, running, locale=locale, size=SMALL) as held:
        held.open("/")
        held.page.get_by_test_id("today").wait_for()
        held.page.add_style_tag(content=f":root {{ font-size: {LARGE_TEXT} }}")
        bar = held.page.locator("nav").first.bounding_box()
        assert bar is not None
        places = held.page.evaluate(_PLACES, ["verdict", "power", "demand", "today"])
        for name, top, bottom, left, right in places:
            assert 0 <= top < bottom <= bar["y"], f"{name} ends at {bottom}, the bar is at {bar}"
            assert 0 <= left < right <= SMALL["width"], name
        alarms = held.page.evaluate(_ALARMS_SHOWN)
        assert alarms == {"en": "0 open alarms", "zh-CN": "0 条未关闭告警"}[locale]
        assert held.overflow() == 0
        assert held.page.evaluate(_CUT) == []


def test_axe_is_there() -> None:
    assert Path(AXE).is_file(), "scripts/setup installs the app's packages"


def test_lighthouse_finds_the_first_screen_accessible(
    playwright: Playwright, running: Product, tmp_path: Path
) -> None:
    found = lighthouse.scores(playwright, running.url, tmp_path, ("accessibility",))
    assert found == {"accessibility": 100}

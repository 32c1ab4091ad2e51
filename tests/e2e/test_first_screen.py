"""The first screen's numbers: what is shown is what the platform says, and it cross-foots.

The frame the page has is kept and no later one let through, so that text and frame belong together.
"""

import json
import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Request, WebSocketRoute, expect

from tests.e2e.browser import LOCALES, Phone, phone
from tests.product import Product

TERMS = """{ project(id: "demo") {
  factors { energy substance basis value validFrom validTo }
  tariff(energy: "electricity") { bands { band price } }
  ranking(energy: "electricity", period: DAY) {
    share node { slug } figures { value quantity unit } } } }"""


class Screen:
    """Now in one language, frozen at one frame of the subscription."""

    def __init__(self, held: Phone) -> None:
        """Let frames through until the screen is full, then none."""
        self.held = held
        self.frame: dict[str, Any] = {}
        self._frozen = False
        held.page.route_web_socket("**/graphql", self._between)

    def freeze(self) -> None:
        """Open Now and keep the frame it shows."""
        self.held.open("/")
        self._drawn()
        while not self.frame:
            self.held.page.wait_for_timeout(20)
        self._frozen = True
        self.held.page.wait_for_timeout(200)

    def say(self, locale: str) -> None:
        """Switch the language as a person does; the frame stays."""
        if self.held.page.locator("html").get_attribute("lang") == locale:
            return
        self.held.page.locator("nav a[href='/more']").click()
        name = {"en": "English", "zh-CN": "简体中文"}[locale]
        self.held.page.get_by_text(name, exact=True).click()
        self.held.page.locator("nav a[href='/']").click()
        self._drawn()

    def shown(self) -> dict[str, str]:
        """Every number of the screen by what it means, as text."""
        texts = {
            name: self.held.text(name)
            for name in (
                "power", "forecast", "demand", "today", "difference", "cost", "tce", "co2",
                "month", "month-cost", "total-tce", "total-co2", "total-cost",
            )
        }  # fmt: skip
        for row in self.held.page.locator("tr[data-energy]").all():
            cells = [row.locator("b").inner_text(), *row.locator("td").all_inner_texts()]
            texts[f"energy {row.get_attribute('data-energy')}"] = " | ".join(cells)
        for index, row in enumerate(self.held.page.locator("ol li .number").all()):
            texts[f"top {index}"] = " ".join(row.inner_text().split())
        return texts

    def _drawn(self) -> None:
        """Wait for the last of the parts that the screen is drawn in."""
        self.held.page.locator("ol li .number").first.wait_for()

    def _between(self, route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            data = json.loads(message).get("payload", {}).get("data", {})
            if self._frozen and data:
                return
            self.frame = data.get("summary", self.frame) if data else self.frame
            route.send(message)

        server.on_message(pass_on)


@pytest.fixture(scope="module")
def screen(browser: Chromium, running: Product) -> Iterator[Screen]:
    """The first screen of the manager, frozen."""
    with phone(browser, running) as held:
        found = Screen(held)
        found.freeze()
        yield found


@pytest.fixture(scope="module")
def terms(running: Product) -> dict[str, Any]:
    """Factors, tariff and ranking from GraphQL."""
    project: dict[str, Any] = running.graphql(TERMS)["project"]
    return project


def number(text: str) -> Decimal:
    """The first number in a text as both languages write it."""
    found = re.search(r"-?\d[\d,]*(\.\d+)?", text)
    assert found is not None, f"no number in {text!r}"
    return Decimal(found.group().replace(",", ""))


def rounded(value: object, digits: int = 0) -> Decimal:
    """A value as Intl rounds it: half away from zero, from the exact decimal."""
    exact = Decimal(value) if isinstance(value, float) else Decimal(str(value))
    return exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def tonnes(kilograms: object) -> Decimal:
    """Kilograms as the screen shows tonnes."""
    return rounded(Decimal(str(kilograms)) / 1000, 2)


def absent(figures: dict[str, Any]) -> bool:
    """Nothing is accounted yet, as of a stock just after midnight: a dash, never a 0."""
    return bool(figures["quality"] == "MISSING") and Decimal(figures["value"]) == 0


@pytest.mark.parametrize("locale", LOCALES)
def test_every_number_is_the_frames_own(screen: Screen, locale: str) -> None:
    screen.say(locale)
    shown, frame = screen.shown(), screen.frame
    demand, today = frame["demand"], frame["today"]
    assert number(shown["power"]) == rounded(frame["powerKw"])
    assert number(shown["forecast"]) == rounded(demand["forecastKw"])
    assert [number(part) for part in re.findall(r"\d[\d,]*", shown["demand"])] in (
        [rounded(demand["currentKw"]), rounded(demand["contractKw"])],
        [rounded(demand["contractKw"]), rounded(demand["currentKw"])],
    )
    assert number(shown["today"]) == rounded(today["value"])
    assert number(shown["cost"]) == rounded(today["cost"])
    assert number(shown["tce"]) == tonnes(today["kgce"])
    assert number(shown["co2"]) == tonnes(today["kgco2"])
    assert number(shown["month"]) == rounded(frame["month"]["value"])
    assert number(shown["month-cost"]) == rounded(frame["month"]["cost"])
    # Every column adds up as it is shown: the total is the sum of the rounded rows.
    energies = frame["energies"]
    assert number(shown["total-tce"]) == sum(tonnes(one["kgce"] or 0) for one in energies)
    assert number(shown["total-co2"]) == sum(tonnes(one["kgco2"] or 0) for one in energies)
    assert number(shown["total-cost"]) == sum(rounded(one["cost"] or 0) for one in energies)
    before = Decimal(frame["yesterday"]["quantity"])
    change = (Decimal(today["quantity"]) - before) / before * 100
    assert number(shown["difference"]) == rounded(abs(change), 1 if abs(change) < 100 else 0)
    names = [one["energy"] for one in frame["energies"]]
    assert names == ["electricity", "natural_gas", "water", "diesel"]
    for one in frame["energies"]:
        value, *means = shown[f"energy {one['energy']}"].split(" | ")
        assert value.startswith("–") if absent(one) else number(value) == rounded(one["value"])
        assert value.split()[-1] == one["unit"].replace("m3", "m³")
        expected = [one["kgce"], one["kgco2"], one["cost"]]
        shows = [None if value is None else tonnes(value) for value in expected[:2]]
        shows.append(None if expected[2] is None else rounded(expected[2]))
        assert [None if text == "–" else number(text) for text in means] == shows, one
    for index, one in enumerate(frame["top"]):
        assert number(shown[f"top {index}"]) == rounded(one["powerKw"])
        assert shown[f"top {index}"].endswith(f"{rounded(one['share'] * 100)}%")


def test_both_languages_show_the_same_numbers(screen: Screen) -> None:
    numbers = []
    for locale in LOCALES:
        screen.say(locale)
        numbers.append(
            {name: re.findall(r"[\d.,]+\d|\d", text) for name, text in screen.shown().items()}
        )
    english, chinese = numbers
    assert sorted(english.pop("demand")) == sorted(chinese.pop("demand"))
    assert english == chinese
    words = screen.held.page.locator("main").inner_text()
    assert re.findall(r"\b(?:Power|Today|Cost|Forecast|limit)\b", words) == []


def test_days_make_the_month_and_slots_make_the_day(screen: Screen) -> None:
    frame = screen.frame
    days = [Decimal(str(one)) for one in frame["monthSeries"]["values"] if one is not None]
    assert sum(days) == Decimal(frame["month"]["value"])
    slots = [Decimal(str(one)) for one in frame["todaySeries"]["values"] if one is not None]
    assert sum(slots) == Decimal(frame["today"]["value"])
    assert days[-1] == Decimal(frame["today"]["value"])
    bars = screen.held.page.locator("svg rect, svg path").count()
    assert bars > 0


def in_force(terms: dict[str, Any], energy: str, substance: str) -> Decimal | None:
    """The factor that became valid last; coal by the calorific value, as the site accounts."""
    found = [
        one
        for one in terms["factors"]
        if (one["energy"], one["substance"]) == (energy, substance)
        and (substance != "kgce" or one["basis"] == "calorific")
    ]
    newest = max(found, key=lambda one: str(one["validFrom"]), default=None)
    return None if newest is None else Decimal(newest["value"])


KGCE = Decimal("29.3076")
"""MJ of a kilogram of coal equivalent."""
HEAT_OF_BATCHES = {"diesel": (Decimal("42.60"), Decimal("42.71"))}
"""MJ/kg that the papers of the demo's stocks name, the least and the most."""


def test_energy_times_factor_is_carbon_and_coal(screen: Screen, terms: dict[str, Any]) -> None:
    frame = screen.frame
    accounted = [one for one in frame["energies"] if not absent(one)]
    assert {"electricity", "natural_gas"} <= {one["energy"] for one in accounted}
    for one in [frame["today"], frame["month"], *accounted]:
        for field in ("kgce", "kgco2"):
            factor = in_force(terms, one["energy"], field)
            if one["energy"] in HEAT_OF_BATCHES and field == "kgce":
                low, high = (heat / KGCE for heat in HEAT_OF_BATCHES[one["energy"]])
                assert low <= Decimal(one[field]) / Decimal(one["value"]) <= high
            elif factor is None:
                assert one[field] is None, one
            else:
                assert Decimal(one[field]) == factor * Decimal(one["value"]), one
    assert in_force(terms, "electricity", "kgco2") == Decimal("0.5827")
    assert in_force(terms, "electricity", "kgce") == Decimal("0.1229")


def test_the_totals_are_the_rows_that_count(screen: Screen) -> None:
    frame = screen.frame
    for field, total in (("kgce", "totalKgce"), ("kgco2", "totalKgco2"), ("cost", "totalCost")):
        parts = [Decimal(one[field]) for one in frame["energies"] if one[field] is not None]
        assert sum(parts) == Decimal(frame[total]), field


def test_cost_per_kwh_lies_within_the_tariffs_prices(screen: Screen, terms: dict[str, Any]) -> None:
    prices = [Decimal(band["price"]) for band in terms["tariff"]["bands"]]
    for figures in (screen.frame["today"], screen.frame["month"]):
        price = Decimal(figures["cost"]) / Decimal(figures["value"])
        assert min(prices) <= price <= max(prices)


def test_loads_do_not_exceed_the_incomers_and_are_ranked(
    screen: Screen, terms: dict[str, Any]
) -> None:
    frame, ranking = screen.frame, terms["ranking"]
    powers = [one["powerKw"] for one in frame["top"]]
    assert powers == sorted(powers, reverse=True)
    assert len(powers) >= 3
    for one in frame["top"]:
        assert one["share"] == pytest.approx(one["powerKw"] / frame["powerKw"], abs=1e-9)
    # Meters are read a second apart: of the powers of one instant 2 % may be such a step.
    assert sum(powers) <= frame["powerKw"] * 1.02

    loads = [one for one in ranking if one["node"]["slug"] not in {"grid", "roof"}]
    energies = [int(one["figures"]["quantity"]) for one in loads]
    assert energies == sorted(energies, reverse=True)
    site = running_total(frame)
    assert sum(energies) <= site
    assert all(one["figures"]["unit"] == "kWh" for one in ranking)
    assert sum(one["share"] for one in loads) <= 1


def test_the_first_screen_asks_for_each_thing_once(browser: Chromium, running: Product) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("/graphql") and request.method == "POST":
            asked.extend(re.findall(r"query \w+", request.post_data or ""))

    with phone(browser, running) as held:
        held.page.on("request", note)
        held.open("/")
        held.page.locator("ol li .number").first.wait_for()
        expect(held.page.get_by_test_id("freshness")).to_have_text("Live")
        held.installed()
        held.page.wait_for_timeout(500)
        assert held.broken == []
    assert sorted(asked) == ["query FirstScreen", "query KnownAlarms", "query Viewer"]


def test_the_first_screen_waits_neither_for_the_socket_nor_for_the_worker(
    browser: Chromium, running: Product
) -> None:
    with phone(browser, running) as held:
        held.page.route_web_socket("**/graphql", lambda _silent: None)
        held.open("/")
        held.page.locator("ol li .number").first.wait_for()
        assert held.page.evaluate("navigator.serviceWorker.controller") is None
        assert held.broken == []


def running_total(frame: dict[str, Any]) -> int:
    """The site's electricity today in its smallest unit."""
    return int(frame["today"]["quantity"])

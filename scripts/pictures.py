"""Takes the README's pictures: Now on a phone in both languages, and on a desktop.

A demonstration of its own on a working afternoon, so that the pictures are alike each time.
"""

import base64
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, ViewportSize, sync_playwright

from tests.e2e.browser import PHONE, chromium, phone
from tests.e2e.plant import Plant
from tests.product import ROOT, Product, product

FOLDER = ROOT / "docs" / "pictures"
CLOCK = "2026-11-19T15:20:00+08:00,1"
DESKTOP = ViewportSize(width=1440, height=900)
HISTORY_S = 300
SCALE = 1.5
LOOKS = (("en", "light"), ("zh-CN", "dark"))
PAIR = """<body style="margin:0;padding:24px;display:flex;gap:24px;background:#e6e9ed">{}</body>"""
ONE = '<img style="width:390px;border-radius:28px" src="data:image/png;base64,{}">'


def shot(
    browser: Browser, running: Product, size: ViewportSize, locale: str, theme: str, scale: float
) -> bytes:
    """Now as it is after some seconds, so that everything live is there."""
    with phone(
        browser,
        running,
        size=size,
        locale=locale,
        color_scheme=theme,
        device_scale_factor=scale,
    ) as held:
        held.open("/")
        held.page.get_by_test_id("today").wait_for()
        held.page.wait_for_timeout(4000)
        return held.page.screenshot()


def side_by_side(browser: Browser, pictures: list[bytes]) -> bytes:
    """Several phones in one picture, finer than CSS pixels by SCALE."""
    images = "".join(ONE.format(base64.b64encode(one).decode()) for one in pictures)
    width = 24 + len(pictures) * (PHONE["width"] + 24)
    context = browser.new_context(
        viewport={"width": width, "height": PHONE["height"] + 48}, device_scale_factor=SCALE
    )
    page = context.new_page()
    page.set_content(PAIR.format(images))
    taken = page.screenshot()
    context.close()
    return taken


def main() -> None:
    """Start, wait for live values and history, take the pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kw-pictures-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with (
            product(folder, KILOWISE_CLOCK=CLOCK) as running,
            sync_playwright() as playwright,
            chromium(playwright) as browser,
        ):
            running.wait_ready()
            Plant(running).wait_history(HISTORY_S)
            phones = [shot(browser, running, PHONE, *look, SCALE) for look in LOOKS]
            (FOLDER / "phone.png").write_bytes(side_by_side(browser, phones))
            (FOLDER / "desktop.png").write_bytes(shot(browser, running, DESKTOP, "en", "light", 1))
    for picture in sorted(FOLDER.glob("*.png")):
        print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()

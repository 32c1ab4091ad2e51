"""Whatever is done to a profile file: it is a Profile that can be used, or sentences for people."""

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.contract.documents import DocumentFault
from gateway.contract.profile_file import SHIPPED, parse_profile
from gateway.plan import Limits, plan_requests
from tests.gateway.damage import damaged

NAMES = ("sfere/pd194z-multiloop", "generic/steam-vortex", "carlo-gavazzi/em24-e1")
TEXTS = [(SHIPPED / f"{name}.yaml").read_text(encoding="utf-8") for name in NAMES]
SMALL = TEXTS[1]


def judge(text: str) -> None:
    """Parse; a profile that comes out can be planned, encoded and decoded."""
    try:
        profile = parse_profile("fuzz/fuzz", text)
    except DocumentFault:
        return
    ratios = profile.sample.ratios
    if profile.has_registers:
        plan_requests(profile.points, Limits.of(profile))
        for point in profile.points:
            for word in (0, 0x7FFF, 0xFFFF):
                profile.decode(point, (word,) * point.words, ratios)


@settings(max_examples=80)
@given(
    text=st.sampled_from(TEXTS),
    start=st.integers(0, 4000),
    length=st.integers(0, 40),
    put=st.text(max_size=12),
)
@example(text=SMALL, start=0, length=0, put="\t")
@example(text=SMALL, start=len(SMALL), length=0, put="version: 2026-13-45\n")
@example(text=SMALL, start=len(SMALL), length=0, put="version: !!bool maybe\n")
@example(text=SMALL, start=len(SMALL), length=0, put="version: !!timestamp maybe\n")
@example(text=SMALL, start=len(SMALL), length=0, put="forbidden: &a [*a]\n")
@example(text=SMALL, start=len(SMALL), length=0, put="forbidden: " + "[" * 3000)
@example(text=SMALL, start=len(SMALL), length=0, put=f"version: {'9' * 5000}\n")
@example(text=SMALL, start=len(SMALL), length=0, put="? {a: 1}\n: 2\n")
def test_text_that_was_cut_and_patched(text: str, start: int, length: int, put: str) -> None:
    judge(text[:start] + put + text[start + length :])


@settings(max_examples=80)
@given(data=st.data())
def test_values_that_were_exchanged(data: st.DataObject) -> None:
    document = damaged(data, yaml.safe_load(data.draw(st.sampled_from(TEXTS))))
    judge(yaml.safe_dump(document, allow_unicode=True))


def test_aliases_that_multiply_are_not_followed() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
    )
    judge(SMALL + bomb)

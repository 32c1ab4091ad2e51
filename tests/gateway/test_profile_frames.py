"""Profiles decode what second sources say; `verified: yes` stands only on such a source.

Where a standard fixes the map (DL/T 645), the second source is an independent implementation of it:
the profile's sample goes through it in `test_<protocol>_peer.py`.
"""

from pathlib import Path

import pytest

from gateway.contract.profile import Profile
from gateway.contract.profile_file import find_profile, profile_names
from scripts.second_sources import Evidence, Image, Second, rtu_registers, second_sources

SECONDS = second_sources()
IMAGES = [
    pytest.param(name, image, id=f"{name}-{second.kind}-{number}")
    for name, seconds in SECONDS.items()
    for second in seconds
    for number, image in enumerate(second.images)
]


def decoded(profile: Profile, name: str, image: Image) -> float | None:
    """What the profile reads from its own registers of an image."""
    point = profile.point(name)
    words = tuple(image.registers[point.fc, point.address + index] for index in range(point.words))
    return profile.decode(point, words, profile.sample.ratios)


def accounted(profile: Profile) -> set[str]:
    """What a second source has to confirm at least: the compared point, power and main register."""
    names = {point.name for point in profile.points}
    return {profile.verify.point} | ({"p", "ep_imp", "u_a"} & names)


def unconfirmed(profile: Profile, seconds: tuple[Second, ...]) -> set[str]:
    """Points that no source other than the profile's own speaks of, of those that matter."""
    others = [second for second in seconds if _repository(second.source) not in profile.source]
    return accounted(profile) - {name for second in others for name in second.points}


def _repository(source: str) -> str:
    return source.partition(",")[0]


@pytest.mark.parametrize(("name", "image"), IMAGES)
def test_a_profile_decodes_what_its_second_source_says(name: str, image: Image) -> None:
    profile = find_profile(name)
    assert image.values
    for point, expected in image.values.items():
        assert decoded(profile, point, image) == pytest.approx(expected, rel=1e-6), point


@pytest.mark.parametrize("name", profile_names())
def test_verified_is_a_profile_that_a_second_source_confirms(name: str) -> None:
    profile = find_profile(name)
    seconds = SECONDS.get(name, ())
    if profile.has_registers or seconds:
        assert profile.verified == bool(seconds)
    elif profile.verified:
        assert Path(__file__).with_name(f"test_{profile.protocol}_peer.py").exists()
    if profile.verified and seconds:
        assert unconfirmed(profile, seconds) == set()


def test_frames_are_of_shipped_profiles() -> None:
    assert set(SECONDS) <= set(profile_names())
    kinds = {second.kind for seconds in SECONDS.values() for second in seconds}
    assert kinds == set(Evidence)


def test_a_source_that_is_the_profile_s_own_confirms_nothing() -> None:
    profile = find_profile("eastron/sdm120")
    own = Second("volkszaehler/mbmd, sdm120.go", Evidence.LIST, SECONDS["eastron/sdm120"][0].images)
    assert unconfirmed(profile, (own,)) == {"u_a", "p", "ep_imp"}


@pytest.mark.parametrize(
    ("request_hex", "response_hex", "why"),
    [
        ("01 04 00 00 00 02 71 CC", "01 04 04 43 66 33 34 1B 38", "wrong check sum"),
        ("01 04 00 00 00 02 71 CB", "01 04 04 43 66 33 35 1B 38", "wrong check sum"),
        ("01 04 01 56 00 01 D0 26", "01 04 04 43 66 33 34 1B 38", "does not answer"),
    ],
)
def test_what_is_no_pair_of_frames_is_refused(
    request_hex: str, response_hex: str, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        rtu_registers(request_hex, response_hex)

"""`kilowise-gateway profile check|show`: device profiles for people."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from gateway.contract.documents import DocumentFault
from gateway.contract.profile import Profile
from gateway.contract.profile_file import find_profile, load_profile, profile_names
from gateway.plan import Limits, plan_requests


def check(names: Sequence[str]) -> int:
    """Say of each profile whether it can be used; answers 1 when one cannot."""
    wrong = 0
    for name in names:
        try:
            profile = _find(name)
        except DocumentFault as fault:
            wrong = 1
            _say(str(fault), sys.stderr)
        else:
            sure = "verified" if profile.verified else "not verified yet"
            _say(f"{profile.name}: {len(profile.points)} points, sample decodes, {sure}")
    return wrong


def show(names: Sequence[str]) -> int:
    """List the known profiles, or the points and requests of the named ones."""
    if not names:
        for known in profile_names():
            profile = find_profile(known)
            _say(f"{known:32} {profile.titles['en']} / {profile.titles['zh-CN']}")
        return 0
    try:
        for name in names:
            _show(_find(name))
    except DocumentFault as fault:
        _say(str(fault), sys.stderr)
        return 1
    return 0


def _find(name: str) -> Profile:
    return load_profile(Path(name)) if name.endswith((".yaml", ".yml")) else find_profile(name)


def _show(profile: Profile) -> None:
    _say(f"{profile.name}: {profile.maker} {profile.type} {profile.version}")
    _say(f"  {profile.titles['en']} / {profile.titles['zh-CN']}")
    _say(
        f"  addresses: {profile.source} ({'verified' if profile.verified else 'not verified yet'})"
    )
    _say(f"  SHA-256 {profile.hash}")
    for request in plan_requests(profile.points, Limits.of(profile)):
        block = request.block
        _say(f"  read {block.count} registers from {block.start} with function {block.fc}:")
        for point in request.points:
            _say(
                f"    {point.address:#06x} {point.name:12} {point.datatype:8} "
                f"x {float(point.scale):g} {point.unit} {point.kind}"
                f"{f' x {point.ratio}' if point.ratio != 'none' else ''}"
            )


def _say(text: str, stream: TextIO | None = None) -> None:
    print(text, file=stream or sys.stdout)

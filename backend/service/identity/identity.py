"""What one process needs to prove who people are, wired by hand."""

from dataclasses import dataclass

from backend.core.clock import SystemClock
from backend.core.platform import Platform
from backend.core.seal import Seal
from backend.service.identity.elsewhere import Elsewhere
from backend.service.identity.passkeys import Passkeys
from backend.service.identity.second_factor import SecondFactors
from backend.service.identity.steps import Steps
from backend.service.people.throttle import SignInThrottle


@dataclass(frozen=True, slots=True)
class Identity:
    """The ways of proving who somebody is besides a password."""

    passkeys: Passkeys
    second: SecondFactors
    elsewhere: Elsewhere


def make_identity(platform: Platform) -> Identity:
    """Wire the ways over a platform's database, clock and data folder."""
    database, clock = platform.database, platform.clock
    steps = Steps(database, clock, Seal(platform.settings.data_folder))
    second = SecondFactors(
        database, clock, SystemClock(), steps, SignInThrottle(peers=platform.peers)
    )
    return Identity(Passkeys(database, clock, steps), second, Elsewhere(database, clock, steps))

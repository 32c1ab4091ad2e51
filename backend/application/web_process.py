"""What the parts of one web process share: people, newest values, news, open sockets."""

import gc
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING

from backend.acquisition.broker_files import gateway_broker_url
from backend.application.budgets import Budgets
from backend.application.live_cache import LiveCache
from backend.application.news import News
from backend.core.platform import Platform
from backend.core.settings import Settings
from backend.service.gateways.enrolment import Enrolments
from backend.service.identity.identity import Identity, make_identity
from backend.service.people.sign_in import SignIn
from backend.service.people.sign_up import SignUps
from gateway.contract.energy import energy_types

if TYPE_CHECKING:
    from backend.application.graphql.socket import Socket


@dataclass(slots=True)
class WebProcess:
    """Made once by the web role and handed to whatever serves requests."""

    platform: Platform
    sign_in: SignIn
    sign_ups: SignUps
    live: LiveCache
    news: News
    enrolments: Enrolments
    budgets: Budgets
    identity: Identity
    sockets: "set[Socket]" = field(default_factory=set)
    secure: bool = False
    """Whether this process itself serves https."""


def demo_people_let_in(settings: Settings) -> bool:
    """Tell whether people with the demonstration's public password may sign in here.

    Only in the demonstration, and only while it is reached from this machine alone or was opened to
    phones on purpose.
    """
    return settings.demo and (settings.phone or is_loopback(settings.bind))


def is_loopback(address: str) -> bool:
    """Tell whether an address or host name is this machine itself."""
    if address == "localhost":
        return True
    try:
        return ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def make_process(platform: Platform, *, secure: bool = False) -> WebProcess:
    """Wire what a web process shares."""
    settings = platform.settings
    demo = demo_people_let_in(settings)
    live = LiveCache(platform.database, platform.clock)
    identity = make_identity(platform)
    sign_in = SignIn(
        platform.database, platform.clock, identity.second, demo=demo, peers=platform.peers
    )
    return WebProcess(
        platform=platform,
        sign_in=sign_in,
        sign_ups=SignUps(
            platform.database,
            platform.clock,
            sign_in.passwords,
            opened=settings.sign_up == "open",
            peers=platform.peers,
        ),
        live=live,
        news=News(),
        enrolments=Enrolments(
            platform.database,
            platform.clock,
            gateway_broker_url(platform.settings),
            peers=platform.peers,
        ),
        budgets=Budgets(settings.cost_project, settings.cost_caller, peers=platform.peers),
        identity=identity,
        secure=secure,
    )


def warm_up() -> None:
    """Do once what the first request would wait for; call it when everything is built.

    Energy types are read, and what was built so far is collected and kept out of later collections:
    it stays for ever, and going over all of it would be a pause of a quarter second some day.
    """
    energy_types()
    gc.collect()
    gc.freeze()

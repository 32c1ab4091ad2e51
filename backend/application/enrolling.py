"""What GraphQL and REST share of enrolment: through the project's door, by identity or slug."""

import shlex

from backend.acquisition.authority import fingerprint, read_certificate
from backend.application.certificates import kept_authority
from backend.application.graphql.context import Door, outside_uid
from backend.application.web_process import WebProcess
from backend.core.errors import NotFound
from backend.core.settings import Settings
from backend.service.gateways import records
from backend.service.gateways.enrolment import NewCode, Place
from backend.service.gateways.records import Actor, GatewayKey
from backend.service.people.roles import Permission


async def create_code(door: Door, gateway: str, name: str | None, who: Actor) -> NewCode:
    """Answer a code for a gateway by identity or slug, or for a new one by slug and name."""
    door.require(Permission.ENROL)
    found = await _find(door, gateway)
    if found is None and outside_uid("gtw", gateway) is not None:
        raise NotFound(kind="gateway")
    project = Place(door.project.id, door.project.slug)
    return await door.process.enrolments.create_code(project, found, gateway, name, who, door.opens)


async def revoke(door: Door, gateway: str, who: Actor) -> GatewayKey:
    """Take everything a gateway could connect with."""
    door.require(Permission.ENROL)
    found = await _find(door, gateway)
    if found is None:
        raise NotFound(kind="gateway")
    place = Place(door.project.id, door.project.slug)
    await door.process.enrolments.revoke(place, found, who, door.opens)
    return found


def command(process: WebProcess, code: str) -> str:
    """Answer what to type at the site; with the fingerprint where no public authority signed."""
    words = ["kilowise-gateway", "enrol", process.platform.public_url, code]
    authority = https_authority(process.platform.settings)
    if authority is not None:
        words += ["--fingerprint", fingerprint(read_certificate(authority.decode()))]
    return shlex.join(words)


def https_authority(settings: Settings) -> bytes | None:
    """Answer our own authority for https (PEM); None where https is not signed by it."""
    signs = settings.tls == "internal-ca" or (settings.phone and settings.tls == "off")
    return kept_authority(settings.data_folder) if signs else None


async def _find(door: Door, gateway: str) -> GatewayKey | None:
    async with door.read() as tx:
        return await records.find_gateway(
            tx, door.project.id, uid=outside_uid("gtw", gateway), slug=gateway
        )

"""What the commands `update`, `supervise` and `release` do."""

import argparse
import hashlib
import logging
import sys
from collections.abc import Mapping
from pathlib import Path

from gateway.config import load_config
from gateway.contract.documents import DocumentFault
from gateway.contract.update import RELEASES_PATH
from gateway.enrolment.platform import EnrolmentFault, fetch
from gateway.installed import software_version
from gateway.messages import WIRE_VERSION
from gateway.service_unit import unit
from gateway.update.release import MAX_BYTES, UpdateFault, numbers, read_release
from gateway.update.software import Software
from gateway.update.supervise import supervise as _supervise

log = logging.getLogger(__name__)

DEFAULT_HEALTHY_S = 1200.0


def software_of(file: Path) -> Software:
    """The releases of the gateway with this configuration."""
    return Software(file.parent / "software")


def update(file: Path, release_file: Path, environment: Mapping[str, str], *, force: bool) -> str:
    """Check, stage and switch; answers a sentence. UpdateFault when it is not done."""
    try:
        keys = load_config(file, environment).update_keys
    except DocumentFault as fault:
        raise UpdateFault(str(fault)) from fault
    release = read_release(release_file, keys)
    software = software_of(file)
    running = software.current or software_version()
    if not force:
        _check_order(release.version, running)
        if numbers(release.min_wire) > numbers(WIRE_VERSION):
            raise UpdateFault(
                f"release {release.version} is for platforms that speak wire {release.min_wire}; "
                f"this gateway speaks {WIRE_VERSION}. Update the platform first, or use --force."
            )
    if release.version == software.current:
        raise UpdateFault(f"version {running} is what runs already.")
    try:
        software.stage(release)
        software.switch(release.version)
    except OSError as error:
        raise UpdateFault(f"the release cannot be installed: {error}.") from error
    return f"version {release.version} is installed and on trial; {running} is kept to go back to."


def update_asked(
    file: Path, id: str, version: str, sha256: str, environment: Mapping[str, str]
) -> str:
    """Fetch the release that a person asked for on the platform, then install it as `update` does.

    UpdateFault when it cannot be fetched, is another one than was asked for, or is not installed.
    """
    try:
        config = load_config(file, environment)
        if config.enrolment is None:
            raise UpdateFault("this gateway has no platform to fetch from. Enrol it with a code.")
        path = f"{RELEASES_PATH}/{config.project}/{id}/{sha256}"
        content = fetch(config.enrolment.platform, path, config.enrolment.https, MAX_BYTES)
    except (DocumentFault, EnrolmentFault) as fault:
        raise UpdateFault(str(fault)) from fault
    if hashlib.sha256(content).hexdigest() != sha256:
        raise UpdateFault("what was fetched is not the release that was asked for. It is not used.")
    software = software_of(file)
    fetched = software.folder / "fetched.release"
    try:
        software.folder.mkdir(parents=True, exist_ok=True)
        fetched.write_bytes(content)
        found = read_release(fetched, config.update_keys).version
        if found != version:
            raise UpdateFault(f"release {version} was asked for, and {found} was fetched.")
        return update(file, fetched, environment, force=False)
    except OSError as error:
        raise UpdateFault(f"the release cannot be kept: {error}.") from error
    finally:
        fetched.unlink(missing_ok=True)


def _check_order(version: str, running: str) -> None:
    try:
        older = numbers(version) <= numbers(running)
    except UpdateFault:
        return  # From source: there is no version to compare with.
    if older:
        raise UpdateFault(
            f"release {version} is not newer than {running}, which runs. Use --force to go back."
        )


def supervise(file: Path, environment: Mapping[str, str]) -> int:
    """Run until told to end."""

    def within_s() -> float:
        try:
            return load_config(file, environment).update_healthy_s
        except DocumentFault:
            return DEFAULT_HEALTHY_S

    return _supervise(software_of(file), file, within_s)


def service(file: Path, user: str) -> str:
    """The systemd unit of the gateway with this configuration."""
    return unit(Path(sys.argv[0]).absolute(), file.absolute(), user)


def release(options: argparse.Namespace) -> str:
    """Make a key or a release; answers what to do with it. UpdateFault when it cannot be made."""
    from gateway.update import sign

    if options.verb == "key":
        return f"update: {{keys: [{sign.make_key(options.file)}]}}"
    version = sign.sign(options.wheel, options.key, options.out, options.min_wire or WIRE_VERSION)
    return f"{options.out} is release {version}. Install it: kilowise-gateway update {options.out}"

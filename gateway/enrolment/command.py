"""The commands `enrol` and `renew`: answers for people, faults as sentences."""

from collections.abc import Mapping
from pathlib import Path

from gateway.config import load_config
from gateway.contract.documents import DocumentFault
from gateway.enrolment import enrol as enrolling
from gateway.enrolment import renew as renewing
from gateway.enrolment.platform import EnrolmentFault


def enrol(
    url: str, code: str, config: Path, fingerprint: str | None, environment: Mapping[str, str]
) -> str:
    """Enrol and answer what to do next; EnrolmentFault when it fails."""
    return enrolling.explain(enrolling.enrol(url, code, config, fingerprint, environment))


def renew(config: Path, environment: Mapping[str, str]) -> str:
    """Renew and answer until when the new certificate is valid; EnrolmentFault when it fails."""
    try:
        enrolment = load_config(config, environment).enrolment
    except DocumentFault as fault:
        raise EnrolmentFault(str(fault)) from fault
    if enrolment is None:
        raise EnrolmentFault(
            f"{config} does not say where to renew. Enrol with a code: kilowise-gateway enrol."
        )
    fresh = renewing.renew(enrolment)
    return (
        f"The certificate of {fresh.credential} is renewed and valid until "
        f"{fresh.valid_until:%Y-%m-%d}; the next connection to the broker uses it."
    )


__all__ = ["EnrolmentFault", "enrol", "renew"]

"""The gateways' authority: what it signs, what it believes, and how one follows another."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from backend.acquisition.authority import (
    Authorities,
    Revoked,
    Unfit,
    first_authorities,
    load_authorities,
    read_certificate,
)
from backend.core.certificates import Names, new_key

NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
NAMES = Names(["broker.example"], [])


def issue(authorities: Authorities, at: datetime = NOW, name: str = "a.g1") -> x509.Certificate:
    """A gateway's certificate that was issued at a moment."""
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    issued = authorities.issue(request.sign(new_key(), hashes.SHA256()), name, at)
    return read_certificate(issued.pem)


def test_a_certificate_is_good_for_90_days() -> None:
    authorities = first_authorities(NOW)
    certificate = issue(authorities)
    assert certificate.not_valid_after_utc == NOW + 90 * DAY
    assert authorities.check(certificate, NOW) == "a.g1"
    assert authorities.check(certificate, NOW + 90 * DAY) == "a.g1"
    for at in (NOW - 2 * DAY, NOW + 91 * DAY):
        with pytest.raises(Unfit, match="not valid now"):
            authorities.check(certificate, at)


def test_only_gateways_certificates_of_ours_are_believed() -> None:
    authorities = first_authorities(NOW)
    with pytest.raises(Unfit, match="not of this installation"):
        authorities.check(issue(first_authorities(NOW)), NOW)
    with pytest.raises(Unfit, match="not a gateway's"):
        authorities.check(authorities.server(NAMES, NOW).certificate, NOW)
    with pytest.raises(Unfit, match="an authority's own"):
        authorities.check(authorities.held[0].pair.certificate, NOW)


def test_a_rotation_overlaps_until_the_last_certificate_has_ended() -> None:
    before = first_authorities(NOW - 400 * DAY)
    last = issue(before, NOW)
    both = before.rotated(NOW)
    assert len(both.held) == 2
    assert both.bundle.count("BEGIN CERTIFICATE") == 2
    # Gateways from before know the older one only: the broker still shows its certificate.
    old, new = (one.pair.certificate.subject for one in both.held)
    assert issue(both).issuer == new
    assert both.server(NAMES, NOW).certificate.issuer == old
    assert both.check(last, NOW + 89 * DAY) == "a.g1"
    after = both.current(NOW + 90 * DAY)
    assert [one.pair.certificate.subject for one in after.held] == [new]
    served = before.server(NAMES, NOW).certificate
    assert both.serves(served, NAMES, NOW)
    assert not after.serves(served, NAMES, NOW + 90 * DAY)
    assert after.server(NAMES, NOW).certificate.issuer == new


def test_distrust_leaves_the_new_one_alone() -> None:
    before = first_authorities(NOW)
    fresh = before.rotated(NOW, distrust=True)
    with pytest.raises(Unfit, match="not of this installation"):
        fresh.check(issue(before), NOW)


def test_a_successor_comes_a_year_before_the_end() -> None:
    authorities = first_authorities(NOW)
    assert not authorities.wants_successor(NOW + 3283 * DAY)
    assert authorities.wants_successor(NOW + 3285 * DAY)
    assert not authorities.rotated(NOW + 3285 * DAY).wants_successor(NOW + 3285 * DAY)


def test_what_is_stored_is_read_again() -> None:
    both = first_authorities(NOW).rotated(NOW + DAY)
    again = load_authorities(both.dump())
    assert again.bundle == both.bundle
    assert [one.retired_at for one in again.held] == [NOW + DAY, None]
    assert again.check(issue(again), NOW) == "a.g1"


def test_revocations_are_a_list_of_each_authority() -> None:
    both = first_authorities(NOW).rotated(NOW)
    certificate = issue(both)
    pem = both.revocations([Revoked(f"{certificate.serial_number:x}", NOW)], NOW)
    parts = [f"{part}-----END X509 CRL-----\n" for part in pem.split("-----END X509 CRL-----\n")]
    lists = [x509.load_pem_x509_crl(part.encode()) for part in parts[:-1]]
    assert [one.issuer for one in lists] == [
        one.pair.certificate.subject for one in reversed(both.held)
    ]
    assert lists[0].get_revoked_certificate_by_serial_number(certificate.serial_number) is not None
    ends = both.held[-1].pair.certificate.not_valid_after_utc
    assert lists[0].next_update_utc == ends

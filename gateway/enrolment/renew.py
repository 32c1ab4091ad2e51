"""`kilowise-gateway renew`: exchange the certificate at hand for the next one, now."""

import base64

from gateway.contract.enrolment import RENEW_PATH
from gateway.enrolment.identity import Identity, read_identity, write_identity, write_private
from gateway.enrolment.keys import certificate_of, new_request, sign_renewal
from gateway.enrolment.platform import EnrolmentFault, ask
from gateway.enrolment.section import Enrolment


def renew(enrolment: Enrolment) -> Identity:
    """Exchange the certificate at hand for the next; EnrolmentFault when that does not work."""
    held = read_identity(enrolment.identity)
    if held is None:
        raise EnrolmentFault(
            f"{enrolment.identity} is no identity of ours. Enrol with a code: kilowise-gateway "
            f"enrol."
        )
    request = new_request()
    body = {
        "certificate": certificate_of(held.pem),
        "request": request.request,
        "signature": base64.b64encode(sign_renewal(held.pem, request.request)).decode(),
    }
    got = ask(enrolment.platform, RENEW_PATH, body, enrolment.https)
    fresh = got.identity(request.key)
    # Authorities first: the newer list trusts the older broker too.
    write_private(enrolment.authorities, got.authorities.encode())
    write_identity(enrolment.identity, fresh)
    enrolment.https.known.learn(got.time)
    return fresh

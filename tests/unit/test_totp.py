"""One-time codes against the test values that the RFCs print."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.service.identity.totp import code_of, link, matching, spelled, step_of

SECRET = b"12345678901234567890"
AT = datetime(2009, 2, 13, 23, 31, 30, tzinfo=UTC)


def test_codes_by_counter_are_those_of_rfc_4226() -> None:
    assert [code_of(SECRET, counter) for counter in range(10)] == [
        "755224", "287082", "359152", "969429", "338314",
        "254676", "287922", "162583", "399871", "520489",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "code"),
    # RFC 6238, appendix B, prints eight digits; the last six are ours.
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_by_time_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    assert code_of(SECRET, step_of(datetime.fromtimestamp(seconds, UTC))) == code


def test_a_clock_may_be_off_by_one_step_and_no_code_is_good_twice() -> None:
    here = step_of(AT)
    for off, found in ((-2, None), (-1, here - 1), (0, here), (1, here + 1), (2, None)):
        assert matching(SECRET, code_of(SECRET, here + off), AT, 0) == found
    code = code_of(SECRET, here)
    assert matching(SECRET, code, AT, here) is None
    assert matching(SECRET, code, AT + timedelta(seconds=60), 0) is None
    assert matching(SECRET, "", AT, 0) is None


def test_an_app_reads_secret_and_name() -> None:
    assert spelled(SECRET) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert link(SECRET, "wang@mill.cn") == (
        "otpauth://totp/Kilowise%3Awang%40mill.cn"
        "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Kilowise"
    )

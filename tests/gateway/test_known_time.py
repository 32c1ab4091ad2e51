"""A box whose clock says 1970: what it knows, what it refuses, and for how long it goes on."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvloop

from gateway.contract.clock import ManualClock
from gateway.enrolment.known_time import BUILT, UNKNOWN_MAX, KnownTime, TimeUnknown
from gateway.enrolment.tls import TlsClient
from tests.gateway.tls_server import (
    DAY,
    ENDED,
    FUTURE,
    LAST_KNOWN,
    RESET,
    YOUNG,
    Authority,
    serving,
)


class Seconds:
    """A monotonic clock under the test's control."""

    def __init__(self) -> None:
        self.value = 100.0

    def __call__(self) -> float:
        return self.value


def known(
    folder: Path, at: datetime = RESET, monotonic: Callable[[], float] | None = None
) -> KnownTime:
    """What a gateway knows that learnt LAST_KNOWN in its life before."""
    KnownTime(folder / "g.time", ManualClock(LAST_KNOWN)).learn(LAST_KNOWN)
    return KnownTime(folder / "g.time", ManualClock(at), monotonic=monotonic or Seconds())


def test_a_clock_that_can_be_right_is_believed(tmp_path: Path) -> None:
    for at in (LAST_KNOWN - timedelta(hours=20), LAST_KNOWN, LAST_KNOWN + 300 * DAY):
        time = known(tmp_path, at)
        assert (time.clock_is_believed, time.is_known, time.now()) == (True, True, at)
    fresh = KnownTime(None, ManualClock(RESET))
    assert (fresh.clock_is_believed, fresh.now()) == (False, BUILT)


def test_the_newest_known_time_survives_a_restart(tmp_path: Path) -> None:
    time = known(tmp_path)
    assert (time.clock_is_believed, time.is_known, time.now()) == (False, False, LAST_KNOWN)
    (tmp_path / "g.time").write_text("half a fi")
    assert KnownTime(tmp_path / "g.time", ManualClock(RESET)).newest == BUILT


def test_what_the_platform_tells_goes_on_by_the_seconds(tmp_path: Path) -> None:
    seconds = Seconds()
    time = known(tmp_path, monotonic=seconds)
    time.learn(LAST_KNOWN + 30 * DAY)
    seconds.value += 3600
    assert time.is_known
    assert time.now() == LAST_KNOWN + 30 * DAY + timedelta(hours=1)
    again = KnownTime(tmp_path / "g.time", ManualClock(RESET))
    assert (again.is_known, again.newest) == (False, LAST_KNOWN + 30 * DAY)


def test_an_accelerated_platform_teaches_nothing(tmp_path: Path) -> None:
    time = KnownTime(tmp_path / "g.time", ManualClock(RESET), learns=False)
    time.learn(LAST_KNOWN + 1000 * DAY)
    assert (time.is_known, time.newest) == (False, BUILT)
    assert not (tmp_path / "g.time").exists()


def test_connections_without_a_time_are_bounded_over_restarts(tmp_path: Path) -> None:
    for _ in range(UNKNOWN_MAX):
        known_again = KnownTime(tmp_path / "g.time", ManualClock(RESET))
        known_again.spend()
    with pytest.raises(TimeUnknown, match=r"the clock says 1970-01-01, and 50 connections .*NTP"):
        known_again.spend()
    known_again.learn(LAST_KNOWN)
    assert KnownTime(tmp_path / "g.time", ManualClock(RESET)).connections == 0


async def send(port: int, tls: TlsClient, host: str = "127.0.0.1") -> None:
    """Connect, send one word and close; the error of TLS where it is refused."""
    _, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls.context(), server_hostname=host
    )
    writer.write(b"secret")
    await writer.drain()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


@pytest.mark.parametrize("validity", [YOUNG, FUTURE])
async def test_without_a_clock_a_certificate_that_may_be_valid_is_taken(
    tmp_path: Path, validity: tuple[datetime, datetime]
) -> None:
    """What begins after the newest known time may have begun since: nobody knows how long."""
    authority, time = Authority.make(tmp_path), known(tmp_path)
    async with serving(authority.server(*validity)) as (port, read):
        await send(port, TlsClient(time, tmp_path / "ca.pem"))
        while not read:  # noqa: ASYNC110 - the server's own task
            await asyncio.sleep(0.01)
    assert read == [b"secret"]
    assert time.connections == 1


async def test_without_a_clock_a_certificate_that_had_ended_is_refused(tmp_path: Path) -> None:
    authority, time = Authority.make(tmp_path), known(tmp_path)
    async with serving(authority.server(*ENDED)) as (port, read):
        with pytest.raises(ssl.SSLError, match=r"ended on 2027-04-30, before 2027-05-01"):
            await send(port, TlsClient(time, tmp_path / "ca.pem"))
    assert read in ([], [b""])
    assert time.connections == 0


async def test_without_a_clock_chain_and_name_are_checked_as_ever(tmp_path: Path) -> None:
    authority, time = Authority.make(tmp_path), known(tmp_path)
    Authority.make(tmp_path, "stranger")
    async with serving(authority.server(*YOUNG)) as (port, read):
        with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
            await send(port, TlsClient(time, tmp_path / "stranger.pem"))
        with pytest.raises(ssl.SSLCertVerificationError, match="certificate is not valid for"):
            await send(port, TlsClient(time, tmp_path / "ca.pem"), host="energy.example")
    assert b"secret" not in read
    assert time.connections == 0


def test_uvloop_judges_like_asyncio(tmp_path: Path) -> None:
    """What gateways run on where it is installed."""
    authority, time = Authority.make(tmp_path), known(tmp_path)
    tls = TlsClient(time, tmp_path / "ca.pem")

    async def case() -> None:
        async with serving(authority.server(*ENDED)) as (port, read):
            with pytest.raises(ssl.SSLError, match="ended on 2027-04-30"):
                await send(port, tls)
        assert b"secret" not in read
        async with serving(authority.server(*YOUNG)) as (port, _):
            await send(port, tls)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(case())
    assert time.connections == 1


async def test_once_the_time_is_told_both_ends_are_checked(tmp_path: Path) -> None:
    authority, time = Authority.make(tmp_path), known(tmp_path)
    time.learn(LAST_KNOWN)
    tls = TlsClient(time, tmp_path / "ca.pem")
    async with serving(authority.server(*FUTURE)) as (port, _):
        with pytest.raises(ssl.SSLError, match="begins on 2027-08-09"):
            await send(port, tls)
    async with serving(authority.server(*YOUNG)) as (port, _):
        await send(port, tls)
    assert time.connections == 0


async def test_after_too_many_connections_nothing_is_sent(tmp_path: Path) -> None:
    authority, time = Authority.make(tmp_path), known(tmp_path)
    for _ in range(UNKNOWN_MAX):
        time.spend()
    async with serving(authority.server(*YOUNG)) as (port, read):
        with pytest.raises(ssl.SSLError, match="50 connections brought no better time"):
            await send(port, TlsClient(time, tmp_path / "ca.pem"))
    assert b"secret" not in read


def test_a_blocking_connection_is_judged_too(tmp_path: Path) -> None:
    """What enrolment and renewal use."""
    authority, time = Authority.make(tmp_path), known(tmp_path)
    for validity, taken in ((ENDED, False), (YOUNG, True)):
        context = authority.server(*validity)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]

            def answer(
                listener: socket.socket = listener, context: ssl.SSLContext = context
            ) -> None:
                accepted, _ = listener.accept()
                with suppress(OSError), context.wrap_socket(accepted, server_side=True) as one:
                    one.recv(10)

            thread = threading.Thread(target=answer)
            thread.start()
            tls = TlsClient(time, tmp_path / "ca.pem").context()
            with socket.create_connection(("127.0.0.1", port)) as plain:
                try:
                    tls.wrap_socket(plain, server_hostname="127.0.0.1").close()
                    assert taken
                except ssl.SSLError:
                    assert not taken
            thread.join(10)
    assert time.connections == 1


async def test_with_a_clock_openssl_judges_alone(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    authority = Authority.make(tmp_path)
    time = KnownTime(tmp_path / "g.time", ManualClock(now))
    assert time.clock_is_believed
    tls = TlsClient(time, tmp_path / "ca.pem")
    async with serving(authority.server(now - 90 * DAY, now - DAY)) as (port, _):
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            await send(port, tls)

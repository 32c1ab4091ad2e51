"""The command `kilowise-gateway`."""

import argparse
import asyncio
import os
import shlex
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from gateway import scan, show
from gateway.contract.clock import ClockTextError, parse_clock
from gateway.contract.lifeline import hold_lifeline
from gateway.update import arguments as software

ABOUT = """\
Reads meters at a site and carries every change to a Kilowise platform (or any Sparkplug B host).
Samples lie in a journal on this machine until the platform has committed them to its database, so
a cut link, a restart or a kill -9 loses nothing.
"""
RUN = """\
Reads the devices of a configuration file until Ctrl-C or SIGTERM. What is wrong with one device is
said and stops only that device; a missing or broken file is said and waited for.

  project: demo                     # slugs as the platform knows them
  node: gateway-1
  mqtt: {url: "mqtts://broker.example:8883", certificate: gateway-1.pem, ca: gateway-1-ca.pem}
  journal: {path: gateway-1.journal, max_mb: 512}
  devices:
    - {slug: incomer-1, profile: sfere/pd194e-9s4, host: 192.0.2.10, port: 502, unit: 1, poll_s: 1}
    - {slug: line-3, profile: eastron/sdm630, host: 192.0.2.10, unit: 7, poll_s: 5}

kilowise-gateway enrol writes the first lines. A broker that asks for a secret instead:
mqtt: {url: ..., credential: demo.gateway-1, secret: "..."}.

Environment: KILOWISE_GATEWAY_CONFIG (this file), KILOWISE_MQTT_URL and KILOWISE_MQTT_SECRET (where
the file names none), KILOWISE_CLOCK (accelerated time for demonstrations).
"""
ENROL = """\
Exchanges a one-time code, which an administrator of the project gets from the platform, for this
gateway's certificate. The key is made here and never leaves this machine. Writes the configuration,
or in one that is there only who the gateway is and where the broker is. The platform's certificate
must be of an authority that this machine trusts (SSL_CERT_FILE names others), or, with
--fingerprint, of the platform's own authority with this SHA-256.
"""
RENEW = """\
Exchanges the certificate for the next one. A gateway that runs does so by itself when two thirds of
the certificate's life are over.
"""
DOCTOR = """\
Looks at everything a configuration names: file, clock, journal, broker, each line and each device,
and says in one line each what works and what to do about the rest. Changes nothing.
"""


SOFTWARE = ("update", "update-asked", "supervise", "install-service", "release")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; answers the exit code."""
    arguments = _with_simulator_words(list(sys.argv[1:] if argv is None else argv))
    options = _parser(arguments).parse_args(arguments)
    if options.command == "simulate":
        return _simulate(options)
    if options.command == "profile":
        return show.main(options)
    if options.command in ("scan", "probe"):
        return scan.main(options)
    try:
        clock = parse_clock(os.environ.get("KILOWISE_CLOCK"))
    except ClockTextError as error:
        print(f"KILOWISE_CLOCK: {error}", file=sys.stderr)
        return 2
    from gateway import run

    file = options.config or run.default_config()
    by_file = {"enrol": _enrolment, "renew": _enrolment}
    by_file |= dict.fromkeys(SOFTWARE, _software)
    if options.command in by_file:
        return by_file[options.command](options, file)
    if options.command == "doctor":
        from gateway import doctor

        return asyncio.run(doctor.examine(file, clock, os.environ))
    hold_lifeline()
    run.log_to_stderr(options.log_level)
    with asyncio.Runner(loop_factory=run.loop_factory()) as runner:
        runner.run(run.run_gateway(file, clock, os.environ))
    return 0


def _software(options: argparse.Namespace, file: Path) -> int:
    """Run `update`, `supervise` or `release`; what does not work is one sentence and code 1."""
    from gateway.run import log_to_stderr
    from gateway.update import command
    from gateway.update.release import UpdateFault

    try:
        if options.command == "supervise":
            log_to_stderr("INFO")
            return command.supervise(file, os.environ)
        if options.command == "install-service":
            print(command.service(file, options.user), end="")
        elif options.command == "release":
            print(command.release(options))
        elif options.command == "update-asked":
            asked = (options.id, options.version, options.sha256)
            print(command.update_asked(file, *asked, os.environ))
        else:
            print(command.update(file, options.release, os.environ, force=options.force))
    except UpdateFault as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0


def _enrolment(options: argparse.Namespace, file: Path) -> int:
    """Run `enrol` or `renew`; what does not work is one sentence and code 1."""
    from gateway.enrolment import command

    try:
        if options.command == "enrol":
            words = (options.url, options.code, file, options.fingerprint)
            print(command.enrol(*words, os.environ))
        else:
            print(command.renew(file, os.environ))
    except command.EnrolmentFault as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0


def _with_simulator_words(arguments: list[str]) -> list[str]:
    """Put the words of KILOWISE_SIMULATE behind `simulate`: serve starts it without any."""
    if arguments[:1] != ["simulate"]:
        return arguments
    return ["simulate", *shlex.split(os.environ.get("KILOWISE_SIMULATE", "")), *arguments[1:]]


_raw = argparse.RawDescriptionHelpFormatter


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kilowise-gateway", description=ABOUT, formatter_class=_raw
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run", help="read meters and publish", description=RUN, formatter_class=_raw
    )
    doctor = commands.add_parser(
        "doctor", help="say what works and what does not", description=DOCTOR, formatter_class=_raw
    )
    enrol = commands.add_parser(
        "enrol",
        help="exchange a one-time code for a certificate",
        description=ENROL,
        formatter_class=_raw,
    )
    enrol.add_argument("url", metavar="URL", help="where people open the platform")
    enrol.add_argument("code", metavar="CODE", help="the one-time code")
    enrol.add_argument(
        "--fingerprint",
        metavar="SHA256",
        help="of the platform's own authority, where no public one signed its https",
    )
    renew = commands.add_parser(
        "renew", help="renew the certificate now", description=RENEW, formatter_class=_raw
    )
    software.add_arguments(commands)
    named = [commands.choices[name] for name in SOFTWARE if name != "release"]
    for part in (run, doctor, enrol, renew, *named):
        part.add_argument(
            "--config",
            type=Path,
            metavar="FILE",
            help="configuration (default: KILOWISE_GATEWAY_CONFIG or KILOWISE_DATA/gateway.yaml)",
        )
    run.add_argument(
        "--log-level",
        default="INFO",
        choices=["DEBUG", "INFO", "WARNING", "ERROR"],
        help="how much to say on stderr (default: %(default)s)",
    )
    profile = commands.add_parser(
        "profile",
        help="check, show or simulate device profiles",
        description=show.DESCRIPTION,
        formatter_class=_raw,
    )
    show.add_arguments(profile)
    for name, text, about in (
        ("scan", "look for meters on a line", scan.SCAN),
        ("probe", "say which profiles fit the meters on a line", scan.PROBE),
    ):
        part = commands.add_parser(name, help=text, description=about, formatter_class=_raw)
        scan.add_arguments(part)
    simulate = commands.add_parser(
        "simulate", help="a plant of simulated meters over Modbus TCP", formatter_class=_raw
    )
    if (argv or ["run"])[0] == "simulate":
        # The simulator's code is loaded only by those who ask for it.
        import_module("gateway.simulator").add_arguments(simulate)
    return parser


def _simulate(options: argparse.Namespace) -> int:
    hold_lifeline()
    code: int | None = import_module("gateway.simulator").main(options)
    return code or 0


if __name__ == "__main__":
    sys.exit(main())

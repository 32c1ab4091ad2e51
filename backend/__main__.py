"""The command `kilowise`: runs the platform, one of its roles, or looks after its database."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from backend.core.errors import OperatingError
from gateway.contract.lifeline import hold_lifeline

if TYPE_CHECKING:
    from backend.core.settings import Settings

ROLES = {
    "web": "GraphQL, REST and the app",
    "ingest": "stores what gateways send and acknowledges it",
    "aggregate": "turns readings into accounts",
    "alarm": "evaluates alarms and pushes them",
    "worker": "runs jobs: restatements, late readings, partitions",
    "mqtt": "JSON topics and commands over MQTT for third parties",
    "broker": "the embedded MQTT broker",
    "history": "the demonstration's past, once",
}


AUTHORITY = "backend.acquisition.authority_store"
OPERATORS = "backend.service.people.operators"
AUDIT = "backend.service.audit.verify:verify"
PROVIDERS = "backend.service.identity.configured"
MOSQUITTO = "backend.acquisition.mosquitto_files:write"


def parser() -> argparse.ArgumentParser:
    """Answer the command line's description, for --help and the docs."""
    top = argparse.ArgumentParser(
        prog="kilowise",
        description="Kilowise, the industrial energy management platform. Settings come from the "
        "environment; docs/operating.md describes each.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run everything on this machine, until Ctrl-C")
    serve.add_argument("--demo", action="store_true", help="with a living demonstration plant")
    db = commands.add_parser("db", help="make or upgrade the database").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    init = db.add_parser(
        "init", help="roles, database, tables, partitions; repeatable; needs a superuser once"
    )
    init.add_argument(
        "--print-sql",
        action="store_true",
        help="print the superuser's part for an administrator instead; then run db upgrade",
    )
    db.add_parser("upgrade", help="apply missing migrations as kw_owner; no superuser needed")
    bring = commands.add_parser("import", help="store readings of the past from a file")
    bring.add_argument("file", type=Path, help="NDJSON or CSV, plain or gzip (docs/operating.md)")
    bring.add_argument("--project", default="demo", help="slug of the project (default demo)")
    story = commands.add_parser("story", help="replay the demonstration's story on a running one")
    story.add_argument("--url", help="where it runs (default: what serve left in the data folder)")
    operator = commands.add_parser("operator", help="who looks after the platform's projects")
    operator.add_argument("login", help="of somebody who is a person of the platform")
    operator.add_argument("--end", action="store_true", help="they do no more")
    verify = (
        commands.add_parser("audit", help="who did what")
        .add_subparsers(dest="action", required=True, metavar="ACTION")
        .add_parser("verify", help="whether any entry was tampered with; exit code 2 if so")
    )
    verify.add_argument("--project", help="slug of a project (default all)")
    _gateway_commands(commands)
    _provider_commands(commands)
    for role, meaning in ROLES.items():
        one = commands.add_parser(role, help=f"run this role only: {meaning}")
        one.add_argument(
            "also", nargs="*", type=_role, metavar="ROLE", help="further roles in this process"
        )
    return top


def _gateway_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    authority = commands.add_parser(
        "authority", help="the authority that gateways belong to"
    ).add_subparsers(dest="action", required=True, metavar="ACTION")
    authority.add_parser("show", help="what is trusted, and which one signs")
    rotate = authority.add_parser(
        "rotate",
        help="make a new one; the older ones stay trusted until what they signed has ended",
    )
    rotate.add_argument(
        "--distrust",
        action="store_true",
        help="trust the older ones no more, at once: every gateway must enrol again",
    )
    mosquitto = commands.add_parser(
        "mosquitto", help="write what a mosquitto of your own needs to let gateways in"
    )
    mosquitto.add_argument("folder", type=Path, help="where to write, as mosquitto will see it")
    mosquitto.add_argument(
        "--port", type=int, default=8883, help="port of TLS for gateways (default 8883)"
    )
    mosquitto.add_argument(
        "--secret-port",
        type=int,
        default=8884,
        help="port of TLS for third parties (default 8884; 0 = none)",
    )
    mosquitto.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="HOST",
        help="further names or addresses gateways reach it by; can be repeated",
    )


def _provider_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    providers = commands.add_parser(
        "providers", help="who else may say who somebody is"
    ).add_subparsers(dest="action", required=True, metavar="ACTION")
    providers.add_parser("list", help="the providers, without secrets")
    put = providers.add_parser("put", help="write one, new or anew")
    put.add_argument("slug", metavar="SLUG", help="its name in addresses")
    put.add_argument("--kind", default="oidc", help="oidc (default), wecom, dingtalk or feishu")
    put.add_argument("--name", required=True, help="what its button says")
    put.add_argument("--client-id", required=True, help="how it knows this platform")
    put.add_argument(
        "--option",
        action="append",
        default=[],
        type=_pair,
        metavar="NAME=VALUE",
        help="for oidc issuer=https://..., for wecom agent=<AgentID>; can be repeated",
    )
    put.add_argument("--secret-file", type=Path, help="file with the client's secret, kept sealed")
    put.add_argument("--secret-from", help="environment variable of the web role that has it")
    remove = providers.add_parser("remove", help="take one away")
    remove.add_argument("slug", metavar="SLUG", help="its name in addresses")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text}: write NAME=VALUE")
    return name, value


def _role(name: str) -> str:
    if name not in ROLES:
        raise argparse.ArgumentTypeError(f"{name} is no role; the roles are {', '.join(ROLES)}")
    return name


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; an expected error is one sentence on stderr and code 2."""
    arguments = parser().parse_args(argv)
    hold_lifeline()
    try:
        _run(arguments)
    except OperatingError as error:
        print(error.sentence, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _run(arguments: argparse.Namespace) -> None:
    # Imported here so that --help and wrong commands answer at once.
    from backend.core.settings import load_settings

    settings = load_settings()
    if arguments.command == "db" and arguments.action == "init" and arguments.print_sql:
        from backend.core.passwords import load_passwords
        from backend.core.roles import init_sql

        print(init_sql(load_passwords(settings.passwords_file)), end="")
        return
    if arguments.command in ROLES:
        from backend.main.roles import run_roles

        run_roles([arguments.command, *arguments.also], settings)
    elif arguments.command == "serve":
        from backend.main.serve import serve

        serve(settings, demo=arguments.demo)
    elif arguments.command == "db":
        from backend.main.database import init, upgrade

        (init if arguments.action == "init" else upgrade)(settings)
    else:
        _run_once(arguments, settings)


def _run_once(arguments: argparse.Namespace, settings: "Settings") -> None:
    from backend.main.once import answer, import_file, story

    if arguments.command == "import":
        print(import_file(settings, arguments.file, arguments.project))
    elif arguments.command == "story":
        story(settings, arguments.url)
    elif arguments.command == "authority":
        given = {"distrust": arguments.distrust} if arguments.action == "rotate" else {}
        print(answer(settings, f"{AUTHORITY}:{arguments.action}", **given))
    elif arguments.command == "operator":
        deed = "dismiss" if arguments.end else "appoint"
        print(answer(settings, f"{OPERATORS}:{deed}", login=arguments.login))
    elif arguments.command == "audit":
        print(answer(settings, AUDIT, project=arguments.project))
    elif arguments.command == "mosquitto":
        where = arguments.folder.absolute()
        print(answer(settings, MOSQUITTO, folder=where, port=arguments.port, name=arguments.name))
    elif arguments.command == "providers":
        work = {"list": "listed", "put": "put", "remove": "remove"}[arguments.action]
        print(answer(settings, f"{PROVIDERS}:{work}", **_provider(arguments)))


def _provider(arguments: argparse.Namespace) -> dict[str, object]:
    """What `providers` was given, as its functions take it."""
    if arguments.action != "put":
        return {"slug": arguments.slug} if arguments.action == "remove" else {}
    file: Path | None = arguments.secret_file
    return {
        "slug": arguments.slug,
        "kind": arguments.kind,
        "name": arguments.name,
        "client_id": arguments.client_id,
        "options": dict(arguments.option),
        "secret": None if file is None else file.read_text("utf-8").strip(),
        "secret_from": arguments.secret_from,
    }


if __name__ == "__main__":
    sys.exit(main())

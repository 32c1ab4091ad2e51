"""The command line of `update`, `supervise` and `release`."""

import argparse
from pathlib import Path

UPDATE = """\
Installs a signed release beside what runs, and switches to it. `supervise` starts the new version,
watches it, and goes back to the one before by itself when the new one does not reach the platform
(or, where there is no link, does not read and journal) within update.healthy_within_s. The release
must be signed by one of update.keys in the configuration.
"""
ASKED = """\
Fetches the release of an update that a person asked for on the platform, over this gateway's own
https, and installs it as `update` does. The gateway calls this by itself.
"""
SUPERVISE = """\
Runs the gateway as `run` does and starts it again when it ends; the command for a service.
Releases that `update` installed are in the folder `software` beside the configuration.
"""
SERVICE = """\
Prints a systemd unit that runs `supervise` for the configuration, with the steps to install it.
Changes nothing.
"""
RELEASE = """\
Makes releases for `update`. `key` writes a private key and prints the public one for update.keys;
`sign` makes the file for a wheel.
"""


def add_arguments(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe `update`, `supervise` (their --config is added with the others') and `release`."""
    raw = argparse.RawDescriptionHelpFormatter
    update = commands.add_parser(
        "update", help="install a signed release", description=UPDATE, formatter_class=raw
    )
    update.add_argument("release", type=Path, metavar="FILE", help="the release")
    update.add_argument(
        "--force", action="store_true", help="also an older version, or one for a newer platform"
    )
    asked = commands.add_parser(
        "update-asked",
        help="install what the platform asked for; the gateway calls this",
        description=ASKED,
        formatter_class=raw,
    )
    asked.add_argument("id", metavar="ID", help="the command's identity")
    asked.add_argument("version", metavar="VERSION", help="of the release")
    asked.add_argument("sha256", metavar="SHA256", help="of the release's file")
    commands.add_parser(
        "supervise",
        help="run, start again, watch updates: for services",
        description=SUPERVISE,
        formatter_class=raw,
    )
    service = commands.add_parser(
        "install-service",
        help="print a systemd unit and how to install it",
        description=SERVICE,
        formatter_class=raw,
    )
    service.add_argument(
        "--user", default="kilowise", help="account it runs under (default: %(default)s)"
    )
    release = commands.add_parser(
        "release", help="make signed releases", description=RELEASE, formatter_class=raw
    )
    verbs = release.add_subparsers(dest="verb", required=True, metavar="VERB")
    key = verbs.add_parser("key", help="make a key pair")
    key.add_argument("file", type=Path, metavar="FILE", help="where the private key goes")
    sign = verbs.add_parser("sign", help="sign a wheel")
    sign.add_argument("wheel", type=Path, metavar="WHEEL", help="kilowise-<version>-...whl")
    sign.add_argument("key", type=Path, metavar="KEY", help="the private key")
    sign.add_argument("out", type=Path, metavar="OUT", help="the release to write")
    sign.add_argument(
        "--min-wire",
        metavar="X.Y",
        help="oldest Ext/Wire the platform must speak (default: its own)",
    )

"""Under which account the programs of PostgreSQL run: it refuses root, so root must step aside.

    self    we are not root: run as we are
    user    as root: run as `nobody` (or as the owner of the data folder)
    reach   as root: the same account, keeping the one capability to pass folders closed to it
    userns  as root: in a user namespace where root is called 1000; nothing changes owner

Each is tried by doing, safest first; what worked is recorded beside the data and tried first next
time. `reach` and `userns` exist because a clone below a 0700 folder such as /root is closed to
`nobody`; containers often refuse `userns`.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from backend.core.errors import PostgresError

Mode = Literal["self", "user", "reach", "userns"]


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """How a server program is started, and who owns its files."""

    mode: Mode
    uid: int
    gid: int

    def command(self, argv: Sequence[str]) -> list[str]:
        """Answer the command that runs `argv` under this account (the same pid in the end)."""
        match self.mode:
            case "reach":
                ids = [f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]
                caps = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
                return ["setpriv", *ids, *caps, "--", *argv]
            case "userns":
                return ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--", *argv]
            case _:
                return list(argv)

    def popen(
        self, argv: Sequence[str], *, output: int, stdin: int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        """Start `argv` under this account in a session of its own, output to one descriptor."""
        command = self.command(argv)
        if self.mode == "user":
            return subprocess.Popen(
                command,
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,
                user=self.uid,
                group=self.gid,
                extra_groups=[],
            )
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
        )

    def run(self, argv: Sequence[str]) -> tuple[int, str]:
        """Run `argv` under this account to its end; answer its return code and its output."""
        try:
            process = self.popen(argv, output=subprocess.PIPE)
        except (OSError, subprocess.SubprocessError) as error:
            return 127, str(error)
        output, _ = process.communicate()
        return process.returncode, output.decode(errors="replace")

    def give(self, folder: Path) -> None:
        """Make this account the owner of `folder` and all below."""
        if os.geteuid() != 0:
            return
        for path in [folder, *folder.rglob("*")]:
            if not path.is_symlink() and path.stat().st_uid != self.uid:
                os.chown(path, self.uid, self.gid)


def choose_account(folder: Path, bin_folder: Path, recorded: ServerAccount | None) -> ServerAccount:
    """Answer an account that can run the programs of `bin_folder` on `folder` (which exists).

    The folder then belongs to that account. Raises PostgresError when no account works.
    """
    owner = folder.stat()
    if os.geteuid() != 0:
        if owner.st_uid != os.geteuid():
            raise PostgresError(
                f"The data folder {folder} belongs to {_name(owner.st_uid)}, and Kilowise runs as "
                f"{_name(os.geteuid())}. Start it as {_name(owner.st_uid)}, hand the folder over "
                f"with chown -R, or set KILOWISE_DATA to another folder."
            )
        return ServerAccount("self", os.geteuid(), os.getegid())
    candidates = [recorded] if recorded and recorded.mode != "self" else []
    candidates += _candidates(owner.st_uid, owner.st_gid)
    for account in candidates:
        if _works(account, folder, bin_folder):
            return account
    raise PostgresError(_nothing_works(folder, bin_folder))


def _candidates(owner_uid: int, owner_gid: int) -> list[ServerAccount]:
    nobody = pwd.getpwnam("nobody")
    uid, gid = (owner_uid, owner_gid) if owner_uid else (nobody.pw_uid, nobody.pw_gid)
    found = [ServerAccount("user", uid, gid)]
    if shutil.which("setpriv"):
        found.append(ServerAccount("reach", uid, gid))
    if shutil.which("unshare"):
        found.append(ServerAccount("userns", 0, 0))
    return found


def _works(account: ServerAccount, folder: Path, bin_folder: Path) -> bool:
    """Try the account by doing: run the server program, write into the folder."""
    if account.run([str(bin_folder / "postgres"), "--version"])[0] != 0:
        return False
    account.give(folder)
    probe = 'cd "$1" && : > .probe && rm .probe && test "$(id -u)" != 0'
    return account.run(["/bin/sh", "-c", probe, "sh", str(folder)])[0] == 0


def _nothing_works(folder: Path, bin_folder: Path) -> str:
    closed = _closed_ancestor(bin_folder) or _closed_ancestor(folder)
    where = f"{closed} is closed to other accounts" if closed else "this machine allows neither"
    return (
        f"PostgreSQL refuses to run as root, and no other way works here: {where}, and user "
        f"namespaces are refused. Start Kilowise as a normal user, move the clone and "
        f"KILOWISE_DATA (now {folder}) to a folder open to all such as /srv/kilowise, or set "
        f"KILOWISE_DATABASE_URL to a PostgreSQL server."
    )


def _closed_ancestor(path: Path) -> Path | None:
    """Answer the topmost folder above `path` that others may not enter."""
    for ancestor in reversed(path.parents):
        if ancestor.exists() and not ancestor.stat().st_mode & 0o001:
            return ancestor
    return None


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"

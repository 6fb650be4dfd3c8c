"""A PostgreSQL server for as long as a test or a measurement needs it, with PostGIS where it is installed.

    with postgres.server() as url:
        ...                                     # url: postgresql://postgres:...@/postgres?host=/tmp/...

It listens on a socket in a folder that only its owner may enter, never on the network, asks for a password
that nobody else has, and is stopped and deleted at the end whatever happened in between. As a program, this
says what is missing.
"""

import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

SECONDS: Final = 60
"""For making, starting and for stopping a cluster each; one or two are usual."""

#: Nothing here outlives its process, so nothing has to reach the disk; give fsync "on" to measure commits.
SETTINGS: Final = {"fsync": "off", "listen_addresses": "", "log_min_messages": "fatal"}


class MissingPostgres(Exception):
    """There is no PostgreSQL server on PATH or below /usr/lib/postgresql: apt-get install postgresql"""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class FailedPostgres(Exception):
    """The temporary PostgreSQL server could not be made or started."""


def programs() -> Path:
    """The folder with the server's programs: of the initdb on PATH, or else the newest of Debian's.

    Raises MissingPostgres.
    """
    on_path = shutil.which("initdb")
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: _version(folder.parent.name)
    )
    folders = [*([Path(on_path).resolve().parent] if on_path else []), *reversed(installed)]
    for folder in folders:
        if all((folder / name).exists() for name in ("initdb", "postgres", "pg_isready", "psql")):
            return folder
    raise MissingPostgres


def missing() -> str | None:
    """What of PostgreSQL and PostGIS is not installed, and how to get it; None where both are there."""
    try:
        found = programs()
    except MissingPostgres as error:
        return str(error)
    asked = subprocess.run([found / "pg_config", "--sharedir"], check=True, capture_output=True, text=True)
    if (Path(asked.stdout.strip()) / "extension" / "postgis.control").exists():
        return None
    return f"the PostgreSQL of {found} has no PostGIS: apt-get install postgresql-NN-postgis-3"


def _version(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)))


@contextmanager
def server(settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield the address of a database in a new server; `settings` are PostgreSQL's own, over SETTINGS.

    PostGIS is switched on where it is installed (ask `postgis_version`).
    Raises MissingPostgres, FailedPostgres.
    """
    folder, user = programs(), _owner()
    with tempfile.TemporaryDirectory(prefix="gridgov-pg-") as made:
        place, password = Path(made), secrets.token_hex(16)
        if user is not None:
            os.chown(place, user.pw_uid, user.pw_gid)
        _initialise(folder, place, password, user)
        address = f"postgresql://postgres:{password}@/postgres?host={place}"
        with (place / "log").open("wb") as log:
            process = subprocess.Popen(
                _command(folder, place, SETTINGS | dict(settings or {})),
                stdout=log,
                stderr=log,
                **_as(user, place),
            )
            try:
                _wait(folder, place, process)
                available = "SELECT count(*) FROM pg_available_extensions WHERE name = 'postgis'"
                if query(address, available) == "1":
                    query(address, "CREATE EXTENSION postgis")
                yield address
            finally:
                _stop(process)


def query(address: str, sql: str) -> str:
    """A server()'s answer to one statement, bare as psql prints it; raises FailedPostgres with its words."""
    parts = urlsplit(address)
    host = parse_qs(parts.query)["host"][0]
    told = {"PGHOST": host, "PGUSER": parts.username or "", "PGPASSWORD": parts.password or ""}
    psql = str(programs() / "psql")
    command = [psql, "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", parts.path[1:], "-c", sql]
    told |= _bare_environment()
    done = subprocess.run(command, env=told, capture_output=True, text=True, timeout=SECONDS)
    if done.returncode:
        raise FailedPostgres(f"{sql}: {done.stderr.strip()}")
    return done.stdout.strip()


def postgis_version(address: str) -> str | None:
    """The version of PostGIS in a server(), or None where it is not installed (postgresql-NN-postgis-3)."""
    return query(address, "SELECT extversion FROM pg_extension WHERE extname = 'postgis'") or None


def _owner() -> pwd.struct_passwd | None:
    """Whom the server runs as: PostgreSQL refuses to run as root. None: whoever we are."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise FailedPostgres("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


def _as(user: pwd.struct_passwd | None, place: Path) -> dict[str, Any]:
    """What Popen is told so that a program runs as that user, in that folder, without our PG* settings."""
    told: dict[str, Any] = {"cwd": place, "env": _bare_environment(), "stdin": subprocess.DEVNULL}
    if user is not None:
        told |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return told


def _bare_environment() -> dict[str, str]:
    """The environment without what would point PostgreSQL's programs at another server."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}


def _initialise(folder: Path, place: Path, password: str, user: pwd.struct_passwd | None) -> None:
    secret = place / "password"
    secret.touch(mode=0o600)
    secret.write_text(password, encoding="ascii")
    if user is not None:
        os.chown(secret, user.pw_uid, user.pw_gid)
    command: list[str | Path] = [folder / "initdb", "--pgdata", place / "data", "--pwfile", secret]
    command += [
        "--username",
        "postgres",
        "--auth",
        "scram-sha-256",
        "--encoding",
        "UTF8",
        "--no-locale",
        "--no-sync",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, **_as(user, place))
    if done.returncode:
        raise FailedPostgres(f"initdb: {done.stderr.strip() or done.stdout.strip()}")


def _command(folder: Path, place: Path, settings: Mapping[str, str]) -> list[str | Path]:
    """The server in the foreground: our child, which ends with us where the kernel can see to it."""
    setpriv = shutil.which("setpriv")
    first: list[str | Path] = [setpriv, "--pdeathsig", "INT", "--"] if setpriv else []
    command = [*first, folder / "postgres", "-D", place / "data", "-k", place]
    return command + [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _wait(folder: Path, place: Path, process: subprocess.Popen[bytes]) -> None:
    """Until the server takes connections; raises FailedPostgres with the end of its log where it does not."""
    ready: list[str | Path] = [folder / "pg_isready", "--quiet", "--host", place, "--timeout", "1"]
    end = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < end:
        if subprocess.run(ready, env=_bare_environment()).returncode == 0:
            return
        time.sleep(0.05)
    log = (place / "log").read_text(encoding="utf-8", errors="replace")
    raise FailedPostgres(f"the temporary server does not start: {log[-2000:].strip() or 'its log is empty'}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Fast shutdown, which ends sessions; where that hangs, immediate; where that hangs, kill."""
    for ask in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        process.send_signal(ask)
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            continue
        return


if __name__ == "__main__":
    lacking = missing()
    print(lacking or "PostgreSQL and PostGIS are here")
    sys.exit(1 if lacking else 0)

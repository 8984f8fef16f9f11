"""A database of its own for each server, on the PostgreSQL that `cargo xtask test` started."""

import glob
import os
import secrets
import shutil
import subprocess
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

VARIABLE = "DOORWARD_TEST_DATABASE_URL"


@contextmanager
def fresh_postgres():
    """The URL of a new database, dropped afterwards."""
    server = os.environ.get(VARIABLE)
    if not server:
        raise RuntimeError(f"{VARIABLE} is not set; `cargo xtask test --only clients` starts a PostgreSQL and sets it")
    name = f"clients_{os.getpid()}_{secrets.token_hex(4)}"
    _psql(server, f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        _psql(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _psql(url, sql):
    packaged = sorted(glob.glob("/usr/lib/postgresql/*/bin/psql"))
    program = packaged[-1] if packaged else shutil.which("psql")
    if program is None:
        raise RuntimeError("psql is not installed")
    subprocess.run([program, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--command", sql, url], check=True)

"""The real binary as a process, with settings in its environment."""

import ctypes
import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import httpx2

from harness.api import Api

READY = re.compile(r"listening on (https?://[A-Za-z0-9.:\[\]-]+)")
PATIENCE = 60


class Server:
    """Starts on a free port with a data directory of its own. Use it in a `with` statement."""

    def __init__(self, database_url=None, **settings):
        self._settings = {
            "server.listen": "127.0.0.1:0",
            "rate_limit.api": "0",
            "rate_limit.login": "0",
            "rate_limit.files": "0",
            **settings,
        }
        if database_url:
            self._settings["database.url"] = database_url
        self._owner = None

    def __enter__(self):
        binary = os.environ.get("DOORWARD_BIN")
        if not binary:
            raise RuntimeError("DOORWARD_BIN is not set; `cargo xtask test --only clients` builds the binary and sets it")
        self._folder = tempfile.TemporaryDirectory(prefix="doorward-clients-")
        folder = Path(self._folder.name)
        self._log = folder / "log"
        environment = {key: value for key, value in os.environ.items() if not key.startswith("DOORWARD_")}
        environment["DOORWARD__DATA_DIR"] = str(folder / "data")
        for name, value in self._settings.items():
            environment["DOORWARD__" + name.upper().replace(".", "__")] = value
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [binary], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=die_with_parent,
            )
        try:
            self.url = self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.last_log = self.log()
        self._folder.cleanup()

    def log(self):
        """Everything it has written so far."""
        return self._log.read_text(errors="replace")

    def is_running(self):
        return self._process.poll() is None

    def _setup_token(self):
        """The token of the set-up link, which the server prints while it has no owner."""
        link = re.search(r"/setup\?token=([\w-]+)", self.log())
        return link[1] if link else ""

    def api(self, token=None):
        """A client of its API."""
        return Api(self.url, token)

    @property
    def owner(self):
        """The API as the owner sees it; sets the server up on first use."""
        if self._owner is None:
            self._owner = self.api().set_up(self._setup_token())
        return self._owner

    def sign_in_owner(self):
        """The owner with a new session, for servers whose sessions end soon."""
        return self.api().sign_in(self.owner.user)

    def metadata(self):
        """Its authorization server metadata (RFC 8414)."""
        answer = httpx2.get(f"{self.url}/.well-known/oauth-authorization-server")
        answer.raise_for_status()
        return answer.json()

    def _wait_until_ready(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if found := READY.search(self.log()):
                return found[1]
            if not self.is_running():
                raise RuntimeError(f"the server ended with {self._process.returncode}; it said:\n{self.log()}")
            time.sleep(0.02)
        raise RuntimeError(f"the server did not say where it listens; it said:\n{self.log()}")


def doctor(**settings):
    """Whether `doorward doctor` finds all well with these settings and an empty folder, and what it says."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DOORWARD_")}
    with tempfile.TemporaryDirectory(prefix="doorward-clients-") as folder:
        environment["DOORWARD__DATA_DIR"] = folder
        for name, value in {"server.listen": "127.0.0.1:0", **settings}.items():
            environment["DOORWARD__" + name.upper().replace(".", "__")] = value
        command = [os.environ["DOORWARD_BIN"], "doctor"]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    return done.returncode == 0, done.stdout + done.stderr


def die_with_parent():
    """Linux: the kernel kills the server when the test run is killed. Elsewhere a killed run leaves it behind."""
    try:
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    except (AttributeError, OSError):
        pass

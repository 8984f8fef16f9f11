"""The npm package oidc-provider as an identity provider, which nobody here wrote."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from harness.server import die_with_parent

NODE = Path(__file__).parents[2] / "node"
PATIENCE = 60


def free_port():
    """A port that nobody listens on at this moment."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class IdentityProvider:
    """Begins when `start` is called, so that a server can be up before it. Use it in a `with` statement."""

    def __init__(self):
        self.port = free_port()
        self.issuer = f"http://localhost:{self.port}"
        self._folder = tempfile.TemporaryDirectory(prefix="doorward-provider-")
        self._accounts = Path(self._folder.name) / "accounts.json"
        self._keys = Path(self._folder.name) / "keys.json"
        self._process = None
        self.says({})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self._folder.cleanup()

    @property
    def settings(self):
        """The settings of a server whose people sign in here."""
        return {
            "fetch.development": "true",
            "oidc.providers.0.name": "node",
            "oidc.providers.0.display_name": "The Company",
            "oidc.providers.0.issuer": self.issuer,
            "oidc.providers.0.client_id": "doorward",
            "oidc.providers.0.client_secret": "a secret of the company: 100 %",
            "oidc.providers.0.groups_claim": "groups",
            "oidc.providers.0.upstream_logout": "true",
        }

    def says(self, accounts):
        """From now on these are the people, by login, with what is said of each."""
        self._accounts.write_text(json.dumps(accounts))

    def rotate(self):
        """From the next start on it has other keys."""
        self._keys.unlink()

    def start(self, server, skew=0):
        """Starts it for this server."""
        log = (Path(self._folder.name) / "log").open("wb")
        environment = {
            **os.environ, "PORT": str(self.port), "DOORWARD_URL": server.url, "ACCOUNTS": str(self._accounts), "SKEW": str(skew),
            "KEYS": str(self._keys),
        }
        modules = os.environ["DOORWARD_NODE"]
        self._process = subprocess.Popen(
            ["node", str(Path(modules) / "provider.mjs")], cwd=modules, env=environment, stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, preexec_fn=die_with_parent,
        )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self._process.poll() is None, self.log()
                time.sleep(0.05)
        raise RuntimeError(f"the provider does not listen; it said:\n{self.log()}")

    def stop(self):
        """Ends it, with all it remembers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def log(self):
        """What it has written since its last start."""
        return (Path(self._folder.name) / "log").read_text(errors="replace")

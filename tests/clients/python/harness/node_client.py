"""A client written for Node, and the host of its metadata document."""

import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from harness.server import die_with_parent


class NodeClient:
    """`tests/clients/node/mcp_client.mjs`. Use it in a `with` statement."""

    def __init__(self, mcp_url, callback, way, **more):
        modules = os.environ["DOORWARD_NODE"]
        # Node must believe in the host of no document: it never asks for one.
        environment = {**os.environ, "MCP_URL": mcp_url, "CALLBACK": callback, "WAY": way, **more}
        self._process = subprocess.Popen(
            ["node", str(Path(modules) / "mcp_client.mjs")], cwd=modules, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=die_with_parent,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(20)

    def _tell(self, line):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer
        return answer

    def call(self, decide):
        """Asks who it acts for; `decide` takes the address for the browser and answers the code."""
        answer = self._tell("call")
        if "authorize" in answer:
            answer = self._tell(f"code {decide(answer['authorize'])}")
        return answer["text"]

    def state(self):
        return self._tell("state")


class DocumentHost:
    """Has one JSON document under https, or says what `answer` says. Use it in a `with` statement."""

    PATH = "/oauth/client.json"

    def __init__(self, context):
        self.document, self.asked, self.answer = {}, 0, None
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                host.asked += 1
                if host.answer:
                    return host.answer(self)
                body = json.dumps(host.document).encode()
                self.send_response(200 if self.path == host.PATH else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._listener.daemon_threads = True
        self._listener.socket = context.wrap_socket(self._listener.socket, server_side=True)
        self.address = f"127.0.0.1:{self._listener.server_port}"
        self.url = f"https://{self.address}{self.PATH}"

    def __enter__(self):
        threading.Thread(target=self._listener.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown()
        self._listener.server_close()

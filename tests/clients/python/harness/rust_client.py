"""`tests/clients/rust`, in a process that is told what to do."""

import json
import os
import subprocess

from harness.server import die_with_parent


class RustClient:
    """Use it in a `with` statement."""

    def __init__(self, mcp_url, callback, **more):
        self._process = subprocess.Popen(
            [os.environ["DOORWARD_RUST_CLIENT"]], env={**os.environ, "MCP_URL": mcp_url, "CALLBACK": callback, **more},
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=die_with_parent,
        )
        self.sign_ins = 0

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
        """Asks who it acts for; `decide` takes the address for the browser and answers where the browser comes back."""
        answer = self._tell("call")
        if "authorize" in answer:
            self.sign_ins += 1
            answer = self._tell(f"back {decide(answer['authorize'])}")
        return answer["text"]

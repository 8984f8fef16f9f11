"""A library for Node, in a process that is told what to do: `tests/clients/node/lines.mjs`."""

import json
import os
import subprocess
from pathlib import Path

from harness.server import die_with_parent


class Refused(Exception):
    """The library ended with an error. `error` is the server's word, if it said one."""

    def __init__(self, told):
        super().__init__(f"{told.get('name')}: {told.get('message')} {told.get('code', '')} {told.get('error', '')}")
        self.error = told.get("error")
        self.told = told


class NodeLibrary:
    """`tests/clients/node/<program>.mjs`; its verbs are the methods. Use it in a `with` statement."""

    def __init__(self, program, issuer):
        modules = os.environ["DOORWARD_NODE"]
        self._process = subprocess.Popen(
            ["node", str(Path(modules) / f"{program}.mjs")], cwd=modules, env={**os.environ, "ISSUER": issuer}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=die_with_parent,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def __getattr__(self, verb):
        return lambda **what: self._do({"do": verb, **what})

    def _do(self, line):
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the program for Node ended at {line}"
        answer = json.loads(answer)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

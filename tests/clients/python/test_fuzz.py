"""Requests made from the OpenAPI document: no answer is a 5xx, and none has a status that the document does not name.

Short by default; `cargo xtask fuzz` sets DOORWARD_FUZZ_SECONDS. A failing run prints the seed and a curl command.
"""

import os
import subprocess
import sys
from pathlib import Path

import httpx2

SECONDS = int(os.environ.get("DOORWARD_FUZZ_SECONDS", "40"))


def test_no_5xx_and_no_undocumented_status(new_server, tmp_path):
    # What it makes and changes is nothing that other tests should find.
    server = new_server
    owner = server.owner
    document = httpx2.get(f"{server.url}/api/v2/openapi.json").raise_for_status().json()
    assert document["openapi"].startswith("3.1"), document["openapi"]
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/api/v2/openapi.json",
        "--url", server.url,
        # The one never ends; the others end the session by which the rest is asked.
        "--exclude-path", "/api/v2/audit/tail",
        "--exclude-path", "/api/v2/sessions",
        "--exclude-path", "/api/v2/users/{user}/factors",
        "--exclude-path", "/api/v2/users/{user}/sessions",
        "--checks", "not_a_server_error,status_code_conformance",
        "--phases", "examples,coverage,fuzzing",
        "--max-time", str(SECONDS),
        "--max-redirects", "0",
        "--request-timeout", "20",
        "--continue-on-failure",
        "--generation-database", "none",
        "--warnings", "off",
        "--no-color",
    ]
    if seed := os.environ.get("DOORWARD_FUZZ_SEED"):
        command += ["--seed", seed]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "fuzz_hooks",
        "PYTHONPATH": str(Path(__file__).parent),
        "DOORWARD_FUZZ_URL": server.url,
        "DOORWARD_FUZZ_TOKEN": server.sign_in_owner().token,
    }
    run = subprocess.run(command, cwd=tmp_path, env=environment, timeout=SECONDS * 4 + 300)
    assert server.is_running(), server.log()[-5000:]
    assert run.returncode == 0, "schemathesis found something; see its report above"
    # The server is as alive as before.
    owner.me()

"""A SCIM client in Java (the UnboundID SDK), as a directory would use it."""

import os
import subprocess

import pytest

from conftest import _server as run_server

KEY = "the-scim-key-of-these-tests"


@pytest.mark.parametrize("which", ["deployment", "organization"])
def test_people_and_groups_come_change_and_go(database, which):
    with run_server(database, **{"scim.key": KEY, "scim.organization_directories": "true"}) as server:
        organization = server.owner.organization()["id"]
        url, token = f"{server.url}/scim/v2", KEY
        if which == "organization":
            url = f"{url}/organizations/{organization}"
            path = f"/api/v2/organizations/{organization}/scim/tokens"
            token = server.owner.call("POST", path, 201, json={"name": "tests"}).json()["token"]
        command = ["java", "-cp", os.environ["DOORWARD_JAVA_CLIENT"], "Scim", url, token]
        run = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert run.returncode == 0, run.stdout + run.stderr + server.log()
        assert "16 checks passed" in run.stdout

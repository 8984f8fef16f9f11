"""Programs of the MCP project and others, as people install them: the conformance tests, the inspector, and `mcp-remote`."""

import json
import queue
import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from playwright.sync_api import expect

from harness.mailbox import Authority, free_port
from harness.mcp_program import Bridge, run

DOCUMENT = {"client_name": "Program", "redirect_uris": ["http://127.0.0.1/oauth/callback", "http://localhost/oauth/callback"]}
SETTINGS = {"oauth2.access_token_lifetime": "5s"}
CONFORMANCE = "@modelcontextprotocol/conformance/dist/index.js"
INSPECTOR = "@modelcontextprotocol/inspector/clients/launcher/build/index.js"


class Opener:
    """Somebody who allows whatever they are asked, and is counted."""

    def __init__(self, server):
        self.server, self.asked = server, []

    def __call__(self, address):
        self.asked.append(address)
        answer = httpx2.get(self.server.owner.allow(address), timeout=30)
        assert answer.status_code == 200, answer.text


def checks(folder, scenario):
    """What the conformance tests found in one scenario, by id."""
    (file,) = folder.glob(f"authorization-server-{scenario}-2*/checks.json")
    return {check["id"]: check["status"] for check in json.loads(file.read_text())}


@pytest.mark.parametrize("revision", ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"])
def test_conforms_as_authorization_server(open_server, tmp_path, revision):
    # A public one: with a secret the program leaves it out where a server has clients without one.
    app = open_server.owner.create_app("http://127.0.0.1/callback", public=True)
    opener = Opener(open_server)
    options = ["--url", open_server.url, "--port", free_port(), "--output-dir", tmp_path, "--spec-version", revision]
    client = ["--client-id", app.id, "--resource", "https://mcp.example/tools"]
    status, said, _ = run(CONFORMANCE, "authorization", *options, *client, home=tmp_path, decide=opener)
    assert status == 0, said
    # Without the id of a client, or when a scenario is new, the program is content with less.
    scenarios = {"authorization-server-metadata-endpoint", "authorization-code-grant"}
    assert set(re.findall(r"✓ ([a-z-]+):", said)) == scenarios and len(opener.asked) == 1, said
    found = checks(tmp_path, "authorization-server-metadata-endpoint")
    wanted = ["authorization-server-metadata"]
    # Known by a document: that is part of the newer revisions.
    wanted += ["authorization-server-metadata-cimd"] if revision >= "2025-11-25" else []
    assert found == dict.fromkeys(wanted, "SUCCESS"), said
    assert checks(tmp_path, "authorization-code-grant") == {"authorization-code-grant": "SUCCESS"}, said
    assert f"Total: {len(wanted) + 1} passed, 0 failed" in said


def test_no_scenario_of_the_conformance_tests_is_left_out(open_server, tmp_path):
    status, said, _ = run(CONFORMANCE, "list", "--authorization", home=tmp_path, decide=None)
    names = re.findall(r"^ +- ([a-z-]+)", said, re.MULTILINE)
    assert status == 0
    assert Counter(names) == Counter(["authorization-server-metadata-endpoint", "authorization-code-grant"]), said


@pytest.mark.parametrize("way", ["dynamic", "document", "registered"])
def test_the_inspector_calls_a_tool(open_server, mcp_server, tmp_path, host, way):
    opener = Opener(open_server)
    callback = f"http://127.0.0.1:{free_port()}/oauth/callback"
    client = {"dynamic": [], "document": ["--client-metadata-url", host.url]}.get(way)
    if client is None:
        client = ["--client-id", open_server.owner.create_app("http://127.0.0.1/oauth/callback", public=True).id]
    call = ["--cli", mcp_server.url, "--method", "tools/call", "--tool-name", "whoami", "--format", "json"]
    environment = {"MCP_AUTO_OPEN_ENABLED": "true", "MCP_INSPECTOR_SECRET_STORE": "file"}
    for _ in range(2):  # the second time with the tokens that it kept
        status, said, errors = run(
            INSPECTOR, *call, "--callback-url", callback, *client, home=tmp_path, decide=opener, **environment
        )
        assert status == 0, said + errors
        assert json.loads(said)["result"]["content"][0]["text"] == open_server.owner.user.username
    assert len(opener.asked) == 1
    known = mcp_server.introspection.answers[-1]["client_id"]
    if way == "document":
        assert known == host.url
    elif way == "registered":
        assert known == client[1]


@pytest.mark.parametrize("way", ["dynamic", "document", "registered", "confidential"])
def test_mcp_remote_connects(open_server, mcp_server, tmp_path, host, way):
    opener = Opener(open_server)
    client = {"dynamic": [], "document": ["--client-metadata-url", host.url]}.get(way)
    if client is None:
        app = open_server.owner.create_app("http://localhost/oauth/callback", public=way == "registered")
        info = {"client_id": app.id, **({"client_secret": app.secret} if app.secret else {})}
        client = ["--static-oauth-client-info", json.dumps(info)]
    arguments = [mcp_server.url, free_port(), *client]
    keep = {"home": tmp_path, "decide": opener, "MCP_REMOTE_CONFIG_DIR": str(tmp_path / "kept")}
    name = open_server.owner.user.username
    with Bridge(*arguments, **keep) as bridge:
        bridge.connect()
        assert bridge.whoami() == name, bridge.text()
        time.sleep(6)  # its token expires, and it has another
        assert bridge.whoami() == name, bridge.text()
    first = mcp_server.introspection.answers[-1]["client_id"]
    with Bridge(*arguments, **keep) as bridge:  # with what it kept
        bridge.connect()
        assert bridge.whoami() == name, bridge.text()
    assert len(opener.asked) == 1
    if way == "document":
        assert first == host.url and "redirect_uri=http%3A%2F%2Flocalhost" in opener.asked[0]


def test_mcp_remote_acts_for_itself(open_server, mcp_server, tmp_path):
    app = open_server.owner.create_app("https://unused.example", service_account=True)
    info = json.dumps({"client_id": app.id, "client_secret": app.secret})
    arguments = [mcp_server.url, free_port(), "--client-credentials", "--static-oauth-client-info", info]
    with Bridge(*arguments, home=tmp_path, decide=None, MCP_REMOTE_CONFIG_DIR=str(tmp_path / "kept")) as bridge:
        bridge.connect()
        assert bridge.whoami() != open_server.owner.user.username, bridge.text()
    assert mcp_server.introspection.answers[-1]["client_id"] == app.id


def test_mcp_remote_waits_like_a_device(open_server, mcp_server, tmp_path, make_person):
    app = open_server.owner.create_app("https://unused.example", public=True, device_flow=True)
    person = make_person(open_server, open_server.owner.create_user())

    addresses = queue.Queue()
    arguments = [mcp_server.url, free_port(), "--device-code", "--static-oauth-client-info", json.dumps({"client_id": app.id})]
    arguments += ["--static-oauth-client-metadata", json.dumps({"scope": "user:read_personal"})]
    keep = {"home": tmp_path, "MCP_REMOTE_CONFIG_DIR": str(tmp_path / "kept")}
    with Bridge(*arguments, decide=addresses.put, **keep) as bridge, ThreadPoolExecutor(1) as waiting:
        connected = waiting.submit(bridge.connect)
        person.visit(addresses.get(timeout=30))
        person.fill_sign_in()
        person.press("Continue")
        person.press("Approve")
        expect(person.page.get_by_role("status")).to_be_visible()
        connected.result(60)
        assert bridge.whoami() == person.user.username, bridge.text()

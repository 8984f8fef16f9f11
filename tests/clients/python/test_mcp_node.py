"""The npm package `@modelcontextprotocol/sdk` as a client: registered by hand, by itself, and known by a document."""

import time
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from harness.node_client import NodeClient

DOCUMENT = {"client_name": "Node tool", "redirect_uris": ["http://127.0.0.1/callback", "http://localhost/callback"]}
SETTINGS = {"oauth2.refresh_reuse_grace": "1s"}
CALLBACK = "http://127.0.0.1:43117/callback"


@pytest.fixture(params=["registered", "dynamic", "document"])
def tool(request, open_server, mcp_server, host):
    more = {"DOCUMENT": host.url}
    if request.param == "registered":
        more["CLIENT_ID"] = open_server.owner.create_app("http://127.0.0.1/callback", public=True).id
    with NodeClient(mcp_server.url, CALLBACK, request.param, **more) as tool:
        tool.way = request.param
        yield tool


def test_signs_in_outlives_expiry_and_is_cut_off(open_server, mcp_server, tool, host):
    server, name = open_server, open_server.owner.user.username

    def allow(url):
        location = server.owner.allow(url)
        assert location.startswith(CALLBACK), location
        return parse_qs(urlsplit(location).query)["code"][0]

    assert tool.call(allow) == name
    first = tool.state()
    assert first["signIns"] == 1
    if tool.way == "document":
        assert first["client_id"] == host.url and host.asked > 0
    assert mcp_server.introspection.answers[-1]["client_id"] == first["client_id"]

    # It expires; the client refreshes, and nobody is asked again.
    time.sleep(4)
    assert tool.call(allow) == name
    second = tool.state()
    assert second["signIns"] == 1 and second["tokens"]["access_token"] != first["tokens"]["access_token"]

    # What the client gives back is dead at once, and the client asks anew.
    given_back = {"client_id": second["client_id"], "token": second["tokens"]["refresh_token"]}
    assert httpx2.post(f"{server.url}/oauth2/revoke", data=given_back).status_code == 200
    assert tool.call(allow) == name
    assert tool.state()["signIns"] == 2


def test_the_same_tool_on_two_machines_registers_once(open_server, mcp_server):
    def allow(url):
        return parse_qs(urlsplit(open_server.owner.allow(url)).query)["code"][0]

    ids = set()
    for port in (43118, 43119):
        with NodeClient(mcp_server.url, f"http://127.0.0.1:{port}/callback", "dynamic") as tool:
            tool.call(allow)
            ids.add(tool.state()["client_id"])
    assert len(ids) == 1

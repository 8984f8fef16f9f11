"""The crate `rmcp` as a client: registered by hand, by itself, and known by a document."""

import time

import pytest

from harness.mcp_server import McpServer
from harness.rust_client import RustClient

DOCUMENT = {"client_name": "Rust tool", "redirect_uris": ["http://127.0.0.1/callback"]}
CALLBACK = "http://127.0.0.1:43127/callback"


@pytest.mark.parametrize("way", ["registered", "dynamic", "document"])
def test_signs_in_and_outlives_expiry(open_server, host, way):
    owner = open_server.owner
    more = {}
    if way == "registered":
        more["CLIENT_ID"] = owner.create_app("http://127.0.0.1/callback", public=True).id
    elif way == "document":
        more["DOCUMENT"] = host.url
    with McpServer() as mcp_server:
        app = owner.create_app(f"{mcp_server.origin}/unused", resources=[mcp_server.url])
        mcp_server.serve(open_server.metadata(), app)
        with RustClient(mcp_server.url, CALLBACK, **more) as client:
            assert client.call(owner.allow) == owner.user.username
            time.sleep(4)  # it expires; the client refreshes, and nobody is asked again
            assert client.call(owner.allow) == owner.user.username
            assert client.sign_ins == 1
        known = mcp_server.introspection.answers[-1]["client_id"]
        assert (known == host.url) == (way == "document")
        assert known == more.get("CLIENT_ID", known)

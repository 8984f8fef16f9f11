"""The `mcp` package's own OAuth client, for an MCP server that uses Doorward as its authorization server."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from harness.mcp_server import McpServer
from harness.mcp_user import Denied, McpUser, Storage, causes

DOCUMENT = {"client_name": "Small client", "redirect_uris": ["http://127.0.0.1/callback"]}


@pytest.fixture
def mcp_server():
    with McpServer() as mcp_server:
        yield mcp_server


def serve(mcp_server, server, scopes=None):
    """The operator registers the MCP server as an app that serves its URL as a resource."""
    app = server.owner.create_app(f"{mcp_server.origin}/unused", resources=[mcp_server.url])
    mcp_server.serve(server.metadata(), app, scopes)


def native_app(server):
    """A public client, registered once for all its users: the port of its loopback redirect URI is free."""
    return server.owner.create_app("http://127.0.0.1/callback", public=True)


@pytest.mark.parametrize("way", ["dynamic", "document"])
def test_comes_without_being_registered(open_server, make_person, mcp_server, callback, host, way):
    server = open_server
    serve(mcp_server, server)
    person = make_person(server, server.owner.create_user())
    storage = Storage()
    document = host.url if way == "document" else None
    with McpUser(mcp_server.url, storage, callback, allow(person), document) as user:
        assert user.whoami() == person.user.username
        time.sleep(4)
        assert user.whoami() == person.user.username
        assert user.sign_ins == 1
    client_id = storage.client.client_id
    assert (client_id == host.url) == (way == "document")
    assert mcp_server.introspection.answers[-1]["client_id"] == client_id


def allow(person):
    def decide(url):
        person.open_request(url)
        person.allow()

    return decide


def cancel(person):
    def decide(url):
        person.open_request(url)
        person.cancel()

    return decide


def test_signs_in_outlives_expiry_and_is_cut_off(brief_tokens, make_person, mcp_server, callback):
    server = brief_tokens
    serve(mcp_server, server)
    app = native_app(server)
    person = make_person(server, server.owner.create_user())
    storage = Storage(app, callback.url)

    with McpUser(mcp_server.url, storage, callback, allow(person)) as user:
        assert user.whoami() == person.user.username
        assert user.sign_ins == 1
        first = storage.tokens
        assert first.token_type == "Bearer"
        assert 0 < first.expires_in <= 3
        answer = mcp_server.introspection.answers[-1]
        assert answer["aud"] in (mcp_server.url, [mcp_server.url])
        assert (answer["client_id"], answer["sub"]) == (app.id, person.user.id)

        # The token is bound to the MCP server: Doorward itself refuses it.
        own = httpx2.get(f"{server.url}/api/v2/users/me", headers={"Authorization": f"Bearer {first.access_token}"})
        assert own.status_code == 401
        assert "audience" in own.text and 'error="invalid_token"' in own.headers["www-authenticate"]

        # It expires; the client refreshes, and the person is not asked again.
        time.sleep(first.expires_in + 1)
        assert user.whoami() == person.user.username
        assert user.sign_ins == 1
        second = storage.tokens
        assert second.access_token != first.access_token
        assert second.refresh_token != first.refresh_token
        assert mcp_server.introspection.answers[-1]["aud"] == answer["aud"]

    # The program starts again with what it kept.
    with McpUser(mcp_server.url, storage, callback, allow(person)) as user:
        assert user.whoami() == person.user.username
        assert user.sign_ins == 0

    # The person takes access back: the token is dead at once, and so is the refresh token.
    person.revoke(app)
    with McpUser(mcp_server.url, storage, callback, cancel(person)) as user:
        with pytest.raises(BaseException) as failure:
            user.whoami()
        assert user.sign_ins == 1, "the client has to ask the person again"
        denials = [error for error in causes(failure.value) if isinstance(error, Denied)]
        assert denials and str(denials[0]) == "access_denied"
    assert mcp_server.introspection.answers[-1] == {"active": False}
    stale = {"grant_type": "refresh_token", "refresh_token": storage.tokens.refresh_token, "client_id": app.id}
    refused = httpx2.post(f"{server.url}/oauth2/tokens", data=stale)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_refreshes_in_parallel(brief_tokens, make_person, mcp_server, callback):
    """Two programs that share one store of tokens refresh at about the same time; neither signs the other out."""
    server = brief_tokens
    serve(mcp_server, server)
    app = native_app(server)
    person = make_person(server, server.owner.create_user())
    storage = Storage(app, callback.url)
    with McpUser(mcp_server.url, storage, callback, allow(person)) as user:
        user.whoami()
    stored = storage.tokens
    request = {"grant_type": "refresh_token", "refresh_token": stored.refresh_token, "client_id": app.id}
    with ThreadPoolExecutor(8) as pool:
        send = lambda _: httpx2.post(f"{server.url}/oauth2/tokens", data=request)
        answers = list(pool.map(send, range(8)))
    assert {answer.status_code for answer in answers} == {200}
    pairs = {(answer.json()["access_token"], answer.json()["refresh_token"]) for answer in answers}
    assert len(pairs) == 1, "all of them get the same successors"
    storage.tokens = stored.model_copy(update=dict(zip(("access_token", "refresh_token"), pairs.pop())))
    with McpUser(mcp_server.url, storage, callback, allow(person)) as user:
        assert user.whoami() == person.user.username
        assert user.sign_ins == 0


def test_asks_for_the_scopes_that_the_mcp_server_requires(server, make_person, mcp_server, callback):
    serve(mcp_server, server, scopes=["user:read"])
    app = native_app(server)
    person = make_person(server, server.owner.create_user())
    storage = Storage(app, callback.url)

    def decide(url):
        assert "scope=user%3Aread" in url
        person.open_request(url)
        assert "user:read" in person.page.locator("#scope-list").inner_text()
        person.allow()

    with McpUser(mcp_server.url, storage, callback, decide) as user:
        assert user.whoami() == person.user.username
    # The client adds `offline_access` by itself where a server advertises it; it grants nothing.
    assert storage.tokens.scope == "user:read offline_access"


def test_a_token_for_another_mcp_server_is_refused(server, make_person, mcp_server, callback):
    serve(mcp_server, server)
    app = native_app(server)
    person = make_person(server, server.owner.create_user())
    with McpServer() as other:
        serve(other, server)
        storage = Storage(app, callback.url)
        with McpUser(mcp_server.url, storage, callback, allow(person)) as user:
            user.whoami()
        stolen = {"Authorization": f"Bearer {storage.tokens.access_token}"}
        assert httpx2.post(other.url, headers=stolen, json={}).status_code == 401
        assert other.introspection.answers[-1] == {"active": False}


def test_the_person_may_say_no(server, make_person, mcp_server, callback):
    serve(mcp_server, server)
    app = native_app(server)
    person = make_person(server, server.owner.create_user())
    storage = Storage(app, callback.url)
    with McpUser(mcp_server.url, storage, callback, cancel(person)) as user:
        with pytest.raises(BaseException) as failure:
            user.whoami()
        assert any(isinstance(error, Denied) for error in causes(failure.value))
    assert storage.tokens is None

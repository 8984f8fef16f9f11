"""FastMCP: its client, and its server with Doorward as authorization server (by introspection, and by signed tokens) and as provider of
OpenID Connect."""

import asyncio
import threading
import time
import webbrowser
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from fastmcp import Client
from fastmcp.client.auth import OAuth
from key_value.aio.stores.memory import MemoryStore

from harness.fast_server import FastServer

# RFC 7636 appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
DOCUMENT = {"client_name": "FastMCP client", "redirect_uris": ["http://localhost/callback"]}


@pytest.fixture
def fast_server():
    with FastServer() as fast_server:
        yield fast_server


class Browser:
    """Stands for the browser of somebody who allows whatever they are asked, and counts that."""

    def __init__(self, user):
        self._user, self.asked, self.failures = user, [], []

    def open(self, url, *_):
        threading.Thread(target=self._follow, args=(url,), daemon=True).start()
        return True

    def _follow(self, url):
        try:
            for _ in range(8):
                if url.startswith(f"{self._user.base_url}/oauth2/authorize"):
                    self.asked.append(url)
                    url = self._user.allow(url)
                    continue
                answer = self._get(url)
                if not answer.is_redirect:
                    assert answer.status_code == 200, answer.text
                    return
                url = str(answer.next_request.url)
        except Exception as failure:
            self.failures.append(failure)

    @staticmethod
    def _get(url):
        for _ in range(100):  # the client opens its port a moment after the browser
            try:
                return httpx2.get(url, timeout=30)
            except httpx2.ConnectError:
                time.sleep(0.1)
        raise AssertionError(f"nobody listens at {url}")


@pytest.fixture
def browser_of(monkeypatch):
    def make(user):
        browser = Browser(user)
        monkeypatch.setattr(webbrowser, "open", browser.open)
        return browser

    return make


def whoami(url, auth, pauses=()):
    """Asks the tool, and again after each pause."""

    async def ask():
        said = []
        async with Client(url, auth=auth) as client:
            said.append((await client.call_tool("whoami", {})).data)
            for pause in pauses:
                await asyncio.sleep(pause)
                said.append((await client.call_tool("whoami", {})).data)
        return said

    # In a thread of its own: the browser of other tests has an event loop in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(asyncio.wait_for(ask(), 60))).result()


@pytest.mark.parametrize("way", ["dynamic", "document", "registered", "confidential"])
def test_a_client_connects_and_outlives_expiry(open_server, fast_server, browser_of, host, way):
    owner = open_server.owner
    resource = owner.create_app(f"{fast_server.origin}/unused", resources=[fast_server.url])
    fast_server.serve_by_introspection(open_server.metadata(), resource)
    user = open_server.api().sign_in(owner.create_user())
    browser, kept = browser_of(user), MemoryStore()
    known = {}
    if way == "document":
        known = {"client_metadata_url": host.url}
    elif way == "registered":
        known = {"client_id": owner.create_app("http://localhost/callback", public=True).id}
    elif way == "confidential":
        app = owner.create_app("http://localhost/callback")
        known = {"client_id": app.id, "client_secret": app.secret, "issuer": open_server.url}
    auth = OAuth(token_storage=kept, **known)
    assert whoami(fast_server.url, auth, pauses=[4]) == [user.user.id] * 2
    assert (len(browser.asked), browser.failures) == (1, [])
    # The program starts again with what it kept.
    assert whoami(fast_server.url, OAuth(token_storage=kept, **known)) == [user.user.id]
    assert browser.failures == []


def test_a_server_asks_for_scopes_and_gets_them(open_server, fast_server, browser_of):
    owner = open_server.owner
    resource = owner.create_app(f"{fast_server.origin}/unused", resources=[fast_server.url])
    fast_server.serve_by_introspection(open_server.metadata(), resource, scopes=["user:read"])
    browser = browser_of(owner)
    assert whoami(fast_server.url, OAuth()) == [owner.user.id]
    assert "scope=user%3Aread" in browser.asked[0] and browser.failures == []


def test_a_proxy_has_people_sign_in_here_and_checks_id_tokens(open_server, fast_server, browser_of):
    app = open_server.owner.create_app(f"{fast_server.origin}/auth/callback")
    fast_server.serve_as_proxy(open_server.url, app)
    user = open_server.api().sign_in(open_server.owner.create_user())
    browser = browser_of(user)
    assert whoami(fast_server.url, OAuth(), pauses=[4]) == [user.user.id] * 2
    assert (len(browser.asked), browser.failures) == (1, [])


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_server_reads_signed_tokens_by_the_published_keys(open_server, fast_server, browser_of, algorithm):
    owner, metadata = open_server.owner, open_server.metadata()
    rules = {"token_format": "jwt", "jwt_alg": algorithm, "scopes": {"small:ask": "Ask who you are", "small:tell": ""}}
    for identifier in (fast_server.url, f"{fast_server.origin}/other"):
        owner.call("POST", "/api/v2/oauth2-provider/resources", 201, json={"identifier": identifier, **rules})
    fast_server.serve_by_signature(metadata, algorithm, scopes=["small:ask"])
    user = open_server.api().sign_in(owner.create_user())
    browser = browser_of(user)
    assert whoami(fast_server.url, OAuth(), pauses=[4]) == [user.user.id] * 2
    assert "scope=small%3Aask" in browser.asked[0] and (len(browser.asked), browser.failures) == (1, [])

    app = owner.create_app("http://localhost/callback")

    def tokens(resource, scope):
        """What the app gets when the user allows it."""
        asked = {
            "client_id": app.id, "response_type": "code", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
            "scope": scope, **({"resource": resource} if resource else {}),
        }
        code = parse_qs(urlsplit(user.allow(f"/oauth2/authorize?{urlencode(asked)}")).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
        return httpx2.post(metadata["token_endpoint"], data=form, auth=(app.id, app.secret)).raise_for_status().json()

    def status(token):
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
        return httpx2.post(fast_server.url, json=body, headers=headers).status_code

    good = tokens(fast_server.url, "openid small:ask")
    assert status(good["access_token"]) == 200
    # Neither what was meant for somebody else, nor what allows another thing, nor what is no access token.
    refused = [
        good["id_token"], good["refresh_token"], good["access_token"][:-8] + "AAAAAAAA",
        tokens(f"{fast_server.origin}/other", "small:ask")["access_token"], tokens(None, "user:read")["access_token"],
    ]
    assert [status(token) for token in refused] == [401] * len(refused)
    assert status(tokens(fast_server.url, "small:tell")["access_token"]) in (401, 403)

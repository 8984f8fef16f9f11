"""FastMCP: its client, and its server with Doorward as authorization server (by introspection) and as provider of OpenID Connect."""

import asyncio
import threading
import time
import webbrowser
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from fastmcp import Client
from fastmcp.client.auth import OAuth
from key_value.aio.stores.memory import MemoryStore

from harness.fast_server import FastServer

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

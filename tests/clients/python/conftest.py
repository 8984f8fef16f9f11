"""The servers and browsers of the tests. Every test that asks for a server runs on both databases."""

from contextlib import contextmanager

import pytest
from playwright.sync_api import expect, sync_playwright

from harness.browser import Person, launch
from harness.callback import Callback
from harness.databases import fresh_postgres
from harness.server import Server

expect.set_options(timeout=10_000)


@contextmanager
def _server(database, **settings):
    if database == "sqlite":
        with Server(**settings) as server:
            yield server
    else:
        with fresh_postgres() as url, Server(url, **settings) as server:
            yield server


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def database(request):
    return request.param


@pytest.fixture(scope="session")
def server(database):
    """Default settings, set up, without rate limits."""
    with _server(database) as server:
        server.owner  # set up
        yield server


@pytest.fixture(scope="session")
def brief_tokens(database):
    """A server whose access tokens live for seconds."""
    settings = {"oauth2.access_token_lifetime": "3s", "oauth2.refresh_reuse_grace": "1s"}
    with _server(database, **settings) as server:
        server.owner
        yield server


@pytest.fixture(scope="session")
def brief_sessions(database):
    """A server whose sessions live for seconds."""
    with _server(database, **{"session.lifetime": "3s"}) as server:
        server.owner
        yield server


@pytest.fixture
def serve():
    """Starts a server with settings of its own: serve(database, **settings), in a `with` statement."""
    return _server


@pytest.fixture(scope="session")
def serve_module():
    """The same for fixtures of a module."""
    return _server


@pytest.fixture
def new_server(database):
    """A server that nobody has set up yet."""
    with _server(database) as server:
        yield server


@pytest.fixture(autouse=True)
def servers_stay_up(request):
    """No test may bring its server down, or make it panic."""
    names = {"server", "brief_tokens", "brief_sessions", "new_server"} & set(request.fixturenames)
    servers = [request.getfixturevalue(name) for name in names]
    yield
    for server in servers:
        log = server.log()
        assert server.is_running(), f"the server is down; it said:\n{log[-5000:]}"
        assert "panicked at" not in log, log[-5000:]


@pytest.fixture
def callback():
    with Callback() as callback:
        yield callback


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def make_person(browser):
    """Opens a browser profile for somebody: make_person(server, user)."""
    contexts, persons = [], []

    def make(server, user=None, **options):
        context = browser.new_context(**options)
        context.set_default_timeout(15_000)
        contexts.append(context)
        person = Person(context, server, user)
        persons.append(person)
        return person

    yield make
    for context in contexts:
        context.close()
    for person in persons:
        assert not person.complaints, f"the browser complained: {person.complaints}"


@pytest.fixture
def person(server, make_person):
    """A member of the server, in front of a browser, not signed in."""
    return make_person(server, server.owner.create_user())

"""The servers and browsers of the tests. Every test that asks for a server runs on both databases."""

from contextlib import contextmanager

import pytest
from playwright.sync_api import expect, sync_playwright

from harness.browser import Person, launch
from harness.callback import Callback
from harness.databases import fresh_postgres
from harness.mailbox import Authority
from harness.mcp_server import McpServer
from harness.node_client import DocumentHost
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


@pytest.fixture(scope="module")
def host(request, tmp_path_factory):
    """A host of metadata documents with an authority of its own. Its document is that of the module: `DOCUMENT`."""
    authority = Authority(tmp_path_factory.mktemp("authority"))
    with DocumentHost(authority.context) as host:
        host.authority = authority
        host.document = {"client_id": host.url, "token_endpoint_auth_method": "none", **request.module.DOCUMENT}
        yield host


@pytest.fixture(scope="module")
def open_server(request, database, host):
    """A server where clients may register themselves, that believes in the host of documents, with the `SETTINGS` of the module."""
    settings = {
        "oauth2.access_token_lifetime": "3s",
        "oauth2.registration.mode": "open",
        "fetch.extra_ca": str(host.authority.file),
        "fetch.allow_hosts.0": host.address,
        **getattr(request.module, "SETTINGS", {}),
    }
    with _server(database, **settings) as server:
        server.owner
        yield server


@pytest.fixture
def mcp_server(open_server):
    """An MCP server that the open server protects."""
    with McpServer() as mcp_server:
        app = open_server.owner.create_app(f"{mcp_server.origin}/unused", resources=[mcp_server.url])
        mcp_server.serve(open_server.metadata(), app)
        yield mcp_server


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

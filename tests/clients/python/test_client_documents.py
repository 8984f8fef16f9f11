"""Hosts of metadata documents that mean no good: too large, too slow, elsewhere, inside, and never the same twice."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from harness.mailbox import Authority
from harness.node_client import DocumentHost

CALLBACK = "https://app.example/callback"
# RFC 7636 appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
JSON = "application/json"


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("authority"))
    with DocumentHost(authority.context) as host:
        host.authority = authority
        yield host


@pytest.fixture(scope="module")
def door(database, serve_module, host):
    settings = {"fetch.extra_ca": str(host.authority.file), "fetch.allow_hosts.0": host.address}
    with serve_module(database, **settings) as server:
        server.owner
        yield server


@pytest.fixture(autouse=True)
def back_to_normal(host):
    yield
    host.answer, host.asked = None, 0


def document(url, **more):
    return {"client_id": url, "client_name": "Tool", "redirect_uris": [CALLBACK], **more}


def send(handler, body, status=200, **headers):
    """Whoever does not want all of it goes away, which is what most of these tests are about."""
    if isinstance(body, dict):
        body = json.dumps(body)
    body = body.encode() if isinstance(body, str) else body
    handler.send_response(status)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in {"Content-Type": JSON, "Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def ask(server, client_id, redirect_uri=CALLBACK, method="GET"):
    query = {
        "client_id": client_id, "response_type": "code", "redirect_uri": redirect_uri,
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", "scope": "user:read",
    }
    return server.owner.http.request(method, f"/oauth2/authorize?{urlencode(query)}", headers={"Accept": JSON})


def drip(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", JSON)
    handler.end_headers()
    try:
        for _ in range(12):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(1)
    except OSError:
        pass


def pour(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", JSON)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" " * 65536)
    except OSError:
        pass


FETCHED_IN_VAIN = {
    "large": lambda handler, url: send(handler, document(url, padding="x" * 10240)),
    "many": lambda handler, url: send(
        handler, document(url, redirect_uris=[f"https://app.example/{n}" for n in range(10_000)])
    ),
    "endless": lambda handler, _: pour(handler),
    "slow": lambda handler, _: drip(handler),
    "moved": lambda handler, url: send(handler, document(url), 302, Location=f"{url}/there"),
    "page": lambda handler, url: send(handler, document(url), Content_Type="text/html"),
    "packed": lambda handler, url: send(handler, document(url), Content_Encoding="gzip"),
    "gone": lambda handler, url: send(handler, document(url), 404),
    "broken": lambda handler, url: send(handler, document(url), 500),
    "bytes": lambda handler, _: send(handler, b"\xff\xfe{}"),
}


@pytest.mark.parametrize("name", FETCHED_IN_VAIN)
def test_what_is_no_document_is_not_taken_and_nothing_is_told_of_it(door, host, name):
    url = f"https://{host.address}/{name}"
    host.answer = lambda handler: FETCHED_IN_VAIN[name](handler, url)
    begun = time.monotonic()
    refused = ask(door, url)
    assert time.monotonic() - begun < 10
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client"), refused.text
    assert refused.json()["error_description"] == "the metadata document of the client could not be fetched"
    # It is not asked again for a moment, nor anybody to whom it points.
    assert ask(door, url).status_code == 401 and host.asked == 1
    assert door.owner.call("GET", "/api/v2/oauth2-provider/apps").json() == []


BROKEN_RULES = {
    "another": dict(client_id="https://app.example/client.json"),
    "nameless": dict(client_name=""),
    "secret": dict(client_secret="x"),
    "nowhere": dict(redirect_uris=[]),
    "script": dict(redirect_uris=["javascript:alert(1)"]),
    "plain": dict(redirect_uris=["http://app.example/callback"]),
    "basic": dict(token_endpoint_auth_method="client_secret_basic"),
}


@pytest.mark.parametrize("name", [*BROKEN_RULES, "twice", "list"])
def test_a_document_that_breaks_a_rule_is_told_without_a_redirect(door, host, name):
    url = f"https://{host.address}/{name}"
    body = document(url, **BROKEN_RULES.get(name, {}))
    if name == "twice":
        body = json.dumps(body)[:-1] + ', "redirect_uris": ["https://evil.example/callback"]}'
    if name == "list":
        body = json.dumps([body])
    host.answer = lambda handler: send(handler, body)
    refused = ask(door, url)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client_metadata"), refused.text
    assert "location" not in refused.headers


@pytest.mark.parametrize("url", [
    "https://localhost/c", "https://127.0.0.1/c", "https://[::1]/c", "https://2130706433/c", "https://0x7f.1/c",
    "https://017700000001/c", "https://10.0.0.5/c", "https://169.254.169.254/latest/meta-data/", "https://intranet/c",
    "https://metadata.google.internal/c", "https://printer.local/c", "https://[::ffff:10.0.0.5]/c", "https://localhost./c",
])
def test_nobody_inside_is_asked(door, url):
    begun = time.monotonic()
    refused = ask(door, url)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client"), refused.text
    assert time.monotonic() - begun < 2, "how long it takes tells nothing of the network"
    for told in ("10.0.0", "refused", "resolve", "forbidden"):
        assert told not in refused.text


def test_a_document_that_is_another_each_time_counts_as_it_was_when_it_was_shown(door, host):
    url = f"https://{host.address}/changing"
    redirects = iter([CALLBACK] + ["https://evil.example/callback"] * 99)
    host.answer = lambda handler: send(handler, document(url, redirect_uris=[next(redirects)]), Cache_Control="no-store")
    assert ask(door, url).status_code == 200
    allowed = ask(door, url, method="POST")
    assert allowed.status_code == 302 and allowed.headers["location"].startswith(f"{CALLBACK}?code="), allowed.text
    refused = ask(door, url, "https://evil.example/callback")
    assert refused.status_code == 400 and "location" not in refused.headers
    code = parse_qs(urlsplit(allowed.headers["location"]).query)["code"][0]
    form = {
        "grant_type": "authorization_code", "client_id": url, "code": code, "redirect_uri": CALLBACK,
        "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    }
    assert httpx2.post(f"{door.url}/oauth2/tokens", data=form).status_code == 200
    assert host.asked == 1, "a copy counts for five minutes, whatever its server says"


def test_many_who_come_at_once_are_one_request(door, host):
    url = f"https://{host.address}/popular"

    def answer(handler):
        time.sleep(1)
        send(handler, document(url))

    host.answer = answer
    with ThreadPoolExecutor(16) as pool:
        pages = list(pool.map(lambda _: ask(door, url).status_code, range(16)))
    assert set(pages) == {200} and host.asked <= 2

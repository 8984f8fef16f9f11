"""What other sites and other users try, in Chromium: two hosts of one site, another site, two users in two tabs."""

import json
import re
import socket
from types import SimpleNamespace
from urllib.parse import urlencode

import httpx2
import pytest
from playwright.sync_api import expect

from harness.api import PASSWORD
from harness.below import Below
from harness.browser import SIGN_IN_PAGE
from harness.elsewhere import Elsewhere, form, send
from test_pages import redeem, request_url

HOST = "door.corp.test"
SIBLING = "evil.corp.test"
OTHER_SITE = "evil.other.test"
# What a double-submit check would take for a pair: 32 and 64 bytes of zero in base64url.
ZERO_COOKIE, ZERO_FIELD = "A" * 43, "A" * 86


@pytest.fixture
def door(database, serve):
    """A server with a name, which has a sibling host that somebody else runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://{HOST}:{port}"
    with serve(database, **{"server.listen": f"127.0.0.1:{port}", "server.access_url": url}) as server:
        yield SimpleNamespace(url=url, owner=server.owner, api=server.api, log=server.log)


@pytest.fixture
def elsewhere():
    with Elsewhere() as elsewhere:
        yield elsewhere


@pytest.fixture
def victim(door, make_person):
    return make_person(door, door.owner.create_user())


def is_live(door, session):
    return door.api(session).call("GET", "/api/v2/users/me", (200, 401)).status_code == 200


@pytest.mark.parametrize("host", [SIBLING, OTHER_SITE])
def test_no_other_host_presses_a_button(door, victim, elsewhere, callback, host):
    app = door.owner.create_app(callback.url)
    victim.sign_in()
    session = victim.session_cookie()["value"]
    domain = host.split(".", 1)[1]
    elsewhere.cookies = [
        f"{name}={ZERO_COOKIE}; Domain={domain}; Path=/" for name in ("csrf_token", "__Host-csrf_token")
    ]
    token = {"csrf_token": ZERO_FIELD}
    for path, fields in {
        request_url(door, app): token,
        "/account/applications": {**token, "client_id": app.id},
        "/cli-auth": token,
        "/logout": token,
        "/setup": {**token, "email": "eve@example.com", "username": "eve", "password": PASSWORD},
        "/login": {**token, "email": door.owner.user.email, "password": PASSWORD},
    }.items():
        target = path if "://" in path else door.url + path
        answer = send(victim, elsewhere, host, form(target, fields))
        assert answer.status == 403, path
        assert "set-cookie" not in answer.headers, path
        expect(victim.page.get_by_role("heading", name="Sent by another site")).to_be_visible()
    victim.screenshot(f"refused-{host}")
    assert callback.is_untouched()
    assert victim.session_cookie()["value"] == session and is_live(door, session)


@pytest.mark.parametrize("host", [SIBLING, OTHER_SITE])
def test_a_form_in_plain_text_signs_nobody_in(door, victim, elsewhere, host):
    body = json.dumps({"email": door.owner.user.email, "password": PASSWORD, "x": "="})
    name, value = body.split("=", 1)
    answer = send(victim, elsewhere, host, form(f"{door.url}/api/v2/users/login", {name: value}, "text/plain"))
    assert answer.status == 403
    assert answer.json()["message"]
    assert victim.session_cookie() is None


def test_a_form_of_another_site_makes_no_owner(new_server, make_person, elsewhere):
    person = make_person(new_server)
    body = json.dumps({"email": "eve@example.com", "username": "eve", "password": PASSWORD, "name": "="})
    name, value = body.split("=", 1)
    for host in ("127.0.0.1", OTHER_SITE):
        target = f"{new_server.url}/api/v2/users/first"
        assert send(person, elsewhere, host, form(target, {name: value}, "text/plain")).status == 403
    new_server.api().call("GET", "/api/v2/users/first", 404)


def test_another_site_signs_nobody_out(door, victim, elsewhere):
    victim.sign_in()
    session = victim.session_cookie()["value"]
    for path in ("/logout", "/api/v2/users/logout"):
        for host in (SIBLING, OTHER_SITE):
            send(victim, elsewhere, host, form(door.url + path, {"redirect": "/"}))
            elsewhere.body = f'<img src="{door.url}{path}"><iframe src="{door.url}{path}"></iframe>'
            victim.page.goto(elsewhere.url(host), wait_until="load")
            assert victim.session_cookie()["value"] == session, (path, host)
    assert is_live(door, session)
    victim.visit("/account/applications")
    assert victim.path == "/account/applications"
    # The browser tells that the other site may not show our pages in a frame.
    victim.complaints[:] = [told for told in victim.complaints if "frame-ancestors" not in told]


def test_cookies_of_a_sibling_lock_nobody_out(door, victim, elsewhere, callback):
    """Chromium sends cookies of a longer path first, so these come before the good ones."""
    app = door.owner.create_app(callback.url)
    places = ("/", "/login", "/oauth2/authorize", "/account/applications", "/logout")
    elsewhere.cookies = [
        f"{name}={value}; Domain=corp.test; Path={place}"
        for place in places
        for name, value in (("coder_session_token", "0123456789-abcdefghijABCDEFGHIJ01"), ("csrf_token", "x" * 44))
    ]
    victim.page.goto(elsewhere.url(SIBLING))
    victim.open_request(request_url(door, app))
    victim.allow()
    assert callback.answer()["code"]
    victim.visit("/account/applications")
    assert victim.path == "/account/applications"
    victim.press("Sign out")
    expect(victim.page.get_by_role("heading", name="You are signed out")).to_be_visible()


def test_the_consent_page_of_one_user_in_two_tabs(server, person, callback):
    app = server.owner.create_app(callback.url)
    first = person.user
    person.open_request(request_url(server, app, state="two-tabs"))
    page_of_first = person.page

    # In a second tab another user signs in.
    second = server.owner.create_user()
    person.page, person.user = person.context.new_page(), second
    person.visit("/")
    person.press("Sign out")
    person.sign_in()

    person.page = page_of_first
    assert first.username in page_of_first.locator("main").inner_text()
    person.allow()
    expect(person.alert()).to_contain_text(second.username)
    expect(page_of_first.locator("#allow-form")).to_be_visible()
    assert first.username not in page_of_first.locator("main").inner_text()
    assert callback.is_untouched()
    person.screenshot("consent-again")
    person.allow()
    answer = callback.answer()
    assert answer["state"] == "two-tabs"
    token = redeem(server, app, answer["code"]).json()["access_token"]
    assert server.api(token).me()["id"] == second.id


def test_a_stale_sign_in_page_is_shown_again(server, person):
    person.visit("/login")
    person.context.clear_cookies()
    person.fill_sign_in()
    expect(person.alert()).to_contain_text("out of date")
    assert person.page.input_value("input[name=email]") == person.user.email
    person.fill_sign_in()
    expect(person.page).not_to_have_url(SIGN_IN_PAGE)


def test_a_stale_account_page_says_what_to_do(server, person):
    person.sign_in()
    person.visit("/")
    old = person.page
    person.page = person.context.new_page()
    person.context.clear_cookies()
    person.sign_in()
    person.page = old
    person.press("Sign out")
    expect(old.get_by_role("heading", name="That page was out of date")).to_be_visible()
    person.screenshot("stale")
    assert person.session_cookie()
    old.get_by_role("link", name="To the start page").click()
    person.press("Sign out")
    expect(old.get_by_role("heading", name="You are signed out")).to_be_visible()


def test_set_up_from_elsewhere_needs_the_link(new_server, make_person):
    far = {"X-Forwarded-For": "192.0.2.7"}
    person = make_person(new_server, extra_http_headers=far)
    assert person.visit("/").status == 403
    expect(person.page.get_by_role("heading", name="Open the set-up link")).to_be_visible()
    person.screenshot("set-up-link-needed")
    first = {"email": "eve@example.com", "username": "eve", "password": PASSWORD}
    answer = httpx2.post(f"{new_server.url}/api/v2/users/first", json=first, headers=far)
    assert answer.status_code == 403 and answer.json()["message"]

    link = re.search(r"http://\S+/setup\?token=\S+", new_server.log())[0]
    person.visit(link)
    page = person.page
    page.fill("input[name=email]", " olga@example.com ")
    page.fill("input[name=username]", "ol_ga")
    page.fill("input[name=password]", "weak")
    person.press("Create owner account")
    for field in ("username", "password"):
        expect(page.locator(f"#{field}-error")).to_be_visible()
    person.screenshot("set-up-defects")
    page.fill("input[name=username]", "olga")
    page.fill("input[name=password]", PASSWORD)
    person.press("Create owner account")
    expect(page.get_by_text("olga@example.com")).to_be_visible()
    # The link is of no use any more.
    answer = httpx2.post(link.replace("/setup?", "/api/v2/users/first?"), json={**first, "email": "x@example.com"})
    assert answer.status_code == 409


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_decision_stays_in_sight_and_care_comes_first(server, make_person, callback, width, scheme):
    scopes = server.api().call("GET", "/.well-known/oauth-authorization-server").json()["scopes_supported"]
    scopes = [name for name in scopes if ":" in name and not name.startswith("coder:") and "*" not in name][:25]
    app = server.owner.create_app(callback.url)
    options = {"viewport": {"width": width, "height": 760}, "color_scheme": scheme}
    owner = make_person(server, server.owner.user, **options)
    owner.visit(request_url(server, app, scope=" ".join(scopes)))
    expect(owner.page.get_by_role("status")).to_contain_text(app.name)
    owner.screenshot(f"sign-in-app-{width}-{scheme}")
    owner.fill_sign_in()
    page = owner.page
    expect(page.locator("#standing")).to_contain_text("Owner")
    for button in (page.locator("#cancel-link"), page.get_by_role("button", name="Allow")):
        expect(button).to_be_in_viewport(ratio=1)
    ticks = page.locator("#scope-list ul")
    assert "cautions" in ticks.first.get_attribute("class")
    owner.screenshot(f"consent-25-{width}-{scheme}")
    page.mouse.wheel(0, 5000)
    expect(page.get_by_role("button", name="Allow")).to_be_in_viewport(ratio=1)
    owner.screenshot(f"consent-25-end-{width}-{scheme}")
    owner.visit(request_url(server, app))
    owner.screenshot(f"consent-full-{width}-{scheme}")
    owner.visit("/cli-auth")
    owner.screenshot(f"cli-auth-{width}-{scheme}")
    owner.press("Make a key")
    owner.screenshot(f"cli-auth-key-{width}-{scheme}")
    owner.visit("/oauth2/authorize?client_id=x")
    owner.screenshot(f"unknown-app-{width}-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


# Sign-in of a command line


def test_a_command_line_signs_in(server, person):
    person.visit("/cli-auth")
    person.fill_sign_in()
    expect(person.page).to_have_url(f"{server.url}/cli-auth")
    assert person.page.locator("#cli-key").count() == 0, "nothing is made before the button is pressed"
    with person.page.expect_response(lambda answer: answer.request.method == "POST") as answer:
        person.press("Make a key")
    assert answer.value.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.value.headers["content-security-policy"]
    key = person.page.locator("#cli-key code").inner_text()
    assert server.api(key).me()["id"] == person.user.id
    person.page.locator("#cli-key code").click()
    assert person.page.evaluate("getSelection().toString()").strip() == key, "one click selects the key"
    log = server.owner.call("GET", "/api/v2/audit?q=" + urlencode({"": "resource_type:api_key action:create"})[1:])
    assert key.split("-")[0] in log.text


def test_pages_work_below_a_path(database, serve, make_person, callback):
    with Below("/door") as proxy, serve(database, **{"server.access_url": proxy.url}) as server:
        proxy.lead_to(server.url)
        app = server.owner.create_app(callback.url)
        door = SimpleNamespace(url=proxy.url, owner=server.owner, api=server.api)
        person = make_person(door, server.owner.create_user())
        person.visit("/cli-auth")
        assert person.path == "/door/login"
        person.fill_sign_in()
        expect(person.page).to_have_url(f"{proxy.url}/cli-auth")
        person.press("Make a key")
        key = person.page.locator("#cli-key code").inner_text()
        assert server.api(key).me()["id"] == person.user.id
        person.open_request(request_url(door, app))
        person.allow()
        assert callback.answer()["code"]
        person.visit("/")
        person.page.get_by_role("link", name="Authorized applications").first.click()
        assert person.path == "/door/account/applications"
        # Rules stand in layers.
        count = "rules => [...rules].reduce((sum, rule) => sum + (rule.cssRules?.length || 1), 0)"
        loaded = person.page.evaluate(f"[...document.styleSheets].every(sheet => ({count})(sheet.cssRules) > 10)")
        assert loaded, "the stylesheet is found below the path"
        person.press("Sign out")
        person.page.get_by_role("link", name="Sign in again").click()
        assert person.path == "/door/login"
        person.visit("/docs")
        expect(person.page.get_by_text("Version and health").first).to_be_visible()

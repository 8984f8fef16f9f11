"""The pages, as a person meets them in Chromium."""

import base64
import hashlib
import secrets
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import httpx2
import pytest
from playwright.sync_api import expect

from harness.api import PASSWORD
from harness.browser import SIGN_IN_PAGE
from harness.callback import Callback
from harness.elsewhere import Elsewhere

VERIFIER = "abcdefghijklmnopqrstuvwxyz0123456789-._~ABCDEF"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def request_url(server, app, state="st-ate", **parameters):
    """What a client opens in the browser."""
    query = {
        "response_type": "code",
        "client_id": app.id,
        "redirect_uri": app.callback_url,
        "state": state,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **parameters,
    }
    return f"{server.url}/oauth2/authorize?{urlencode(query)}"


def redeem(server, app, code):
    body = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": app.callback_url,
        "client_id": app.id,
        "client_secret": app.secret,
        "code_verifier": VERIFIER,
    }
    return httpx2.post(f"{server.url}/oauth2/tokens", data=body)


@pytest.fixture
def app(server, callback):
    return server.owner.create_app(callback.url)


# First set-up


def test_first_set_up(new_server, make_person):
    person = make_person(new_server)
    page = person.page
    person.visit("/")
    assert person.path == "/setup", "a new server asks to be set up, wherever one comes in"
    person.screenshot("setup")

    page.fill("input[name=email]", "olga@example.com")
    page.fill("input[name=username]", "olga")
    page.fill("input[name=password]", "password")
    person.press("Create owner account")
    expect(person.alert().first).to_be_visible()
    assert page.input_value("input[name=email]") == "olga@example.com", "what was right need not be typed again"
    assert new_server.api().call("GET", "/api/v2/users/first", 404)

    page.fill("input[name=password]", PASSWORD)
    person.press("Create owner account")
    expect(page.get_by_text("olga", exact=True).first).to_be_visible()
    assert person.path != "/setup"
    assert person.session_cookie()["httpOnly"]
    token = person.session_cookie()["value"]
    assert [role["name"] for role in new_server.api(token).me()["roles"]] == ["owner"]

    # Once only: for whoever comes next, the page is closed.
    stranger = make_person(new_server)
    stranger.visit("/setup")
    assert stranger.path != "/setup" or stranger.page.locator("input[name=password]").count() == 0


# Sign-in


def test_sign_in_and_out(person):
    person.sign_in()
    cookie = person.session_cookie()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
    expect(person.page.get_by_text(person.user.username).first).to_be_visible()
    token = cookie["value"]
    assert person.server.api(token).me()["id"] == person.user.id
    person.visit("/")
    person.press("Sign out")
    expect(person.page.locator("form[action='/logout']")).to_have_count(0)
    assert person.session_cookie() is None
    person.server.api(token).call("GET", "/api/v2/users/me", 401)


def test_wrong_password(person):
    person.visit("/login")
    person.fill_sign_in(password="not my password")
    expect(person.alert()).to_be_visible()
    assert person.session_cookie() is None
    assert person.page.input_value("input[name=email]") == person.user.email
    assert person.page.input_value("input[name=password]") == ""
    told = person.alert().inner_text()
    person.screenshot("wrong-password")

    # Somebody who does not exist is told the same.
    person.page.fill("input[name=email]", f"{secrets.token_hex(4)}@example.com")
    person.page.fill("input[name=password]", PASSWORD)
    person.press("Sign in")
    expect(person.alert()).to_have_text(told)

    person.fill_sign_in()
    expect(person.page).not_to_have_url(SIGN_IN_PAGE)


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)", "/%09/evil.example"]
)
def test_sign_in_never_leads_away(person, target):
    person.visit(f"/login?redirect={quote(target, safe='')}")
    person.fill_sign_in()
    expect(person.page).not_to_have_url(SIGN_IN_PAGE)
    assert person.page.url.startswith(person.server.url + "/")
    assert "evil.example" not in urlsplit(person.page.url).netloc


def test_a_message_in_the_address_is_shown_as_text(person):
    person.visit(f"/login?message={quote('<img src=x onerror=alert(1)> please')}")
    assert person.page.locator("img[src=x]").count() == 0


# Consent


def test_allow(server, person, app, callback):
    person.visit(request_url(server, app, state="a b+c/ü"))
    assert person.path == "/login"
    person.fill_sign_in()
    page = person.page
    expect(page.locator("#allow-form")).to_be_visible()
    text = page.locator("main").inner_text()
    assert app.name in text
    assert person.user.username in text
    assert urlsplit(callback.url).netloc in text, "the person sees where they are sent"
    person.screenshot("consent")
    person.allow()
    expect(page.get_by_role("heading", name="Back at the application")).to_be_visible()
    answer = callback.answer()
    assert (answer["state"], answer["iss"]) == ("a b+c/ü", server.url)
    token = redeem(server, app, answer["code"]).json()
    me = httpx2.get(f"{server.url}/api/v2/users/me", headers={"Authorization": f"Bearer {token['access_token']}"})
    assert me.json()["id"] == person.user.id


def test_cancel(server, person, app, callback):
    person.open_request(request_url(server, app, state="s1"))
    person.cancel()
    expect(person.page.get_by_role("heading", name="Back at the application")).to_be_visible()
    answer = callback.answer()
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", "s1", server.url)
    assert "code" not in answer


def test_consent_is_asked_every_time(server, person, app, callback):
    for _ in range(2):
        person.open_request(request_url(server, app))
        person.allow()
        assert callback.answer()["code"]


def test_switching_the_user_keeps_the_request(server, person, make_person, app, callback):
    person.open_request(request_url(server, app, state="kept"))
    person.press("Switch user")
    if person.path != "/login":
        person.page.get_by_role("link", name="Sign in").click()
    person.user = server.owner.create_user()
    person.fill_sign_in()
    expect(person.page.locator("#allow-form")).to_be_visible()
    assert person.user.username in person.page.locator("main").inner_text()
    person.allow()
    assert callback.answer()["state"] == "kept"


def test_by_keyboard_alone(server, person, app, callback):
    person.visit(request_url(server, app))
    page = person.page
    expect(page.locator("input[name=email]")).to_be_focused()
    page.keyboard.type(person.user.email)
    page.keyboard.press("Tab")
    page.keyboard.type(person.user.password)
    page.keyboard.press("Enter")
    expect(page.locator("#allow-form")).to_be_visible()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == "Allow":
            break
    page.keyboard.press("Enter")
    assert callback.answer()["code"]


def test_without_javascript_on_a_phone(server, make_person, app, callback):
    person = make_person(
        server, server.owner.create_user(), java_script_enabled=False, viewport={"width": 360, "height": 740}
    )
    person.open_request(request_url(server, app))
    person.screenshot("consent-phone")
    person.allow()
    assert callback.answer()["code"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone(server, make_person, app, scheme):
    person = make_person(
        server, server.owner.create_user(), viewport={"width": 320, "height": 640}, color_scheme=scheme
    )
    person.visit("/login")
    widths = [person.page.evaluate("document.documentElement.scrollWidth")]
    person.fill_sign_in()
    expect(person.page).not_to_have_url(SIGN_IN_PAGE)
    for path in ("/", "/account/applications", request_url(server, app, scope="user:read")):
        person.visit(path)
        person.screenshot(f"phone-{scheme}-{person.path.strip('/').replace('/', '-') or 'home'}")
        widths.append(person.page.evaluate("document.documentElement.scrollWidth"))
    assert max(widths) <= 320, widths


def test_pages_cannot_be_framed(server, person, app):
    person.sign_in()
    for path in ("/login", "/account/applications", request_url(server, app)):
        answer = person.visit(path)
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-inline" not in policy and "unsafe-eval" not in policy
    scripts = person.page.locator("script:not([src])").count()
    styles = person.page.locator("style, [style]").count()
    assert (scripts, styles) == (0, 0)


def test_an_unknown_app_is_told_to_people_on_a_page_and_to_programs_in_json(server, person):
    person.sign_in()
    for client_id, status in (("1a2b3c4d-0000-4000-8000-000000000000", 401), ("x", 401), ("", 400)):
        path = f"/oauth2/authorize?response_type=code&client_id={client_id}"
        program = httpx2.get(server.url + path, headers={"Accept": "application/json"})
        assert (program.status_code, program.headers["content-type"].split(";")[0]) == (status, "application/json")
        assert "error" in program.json()
        answer = person.visit(path)
        assert answer.status == status
        expect(person.page.get_by_role("heading", name="Unknown application")).to_be_visible()
        for headers in (program.headers, answer.headers):
            assert "Basic" not in headers.get("www-authenticate", ""), "a browser would ask the person for a password"


def test_a_foreign_redirect_uri_is_an_error_page(server, person, app):
    person.sign_in()
    answer = person.visit(request_url(server, app, redirect_uri="https://evil.example/"))
    assert answer.status == 400
    assert "text/html" in answer.headers["content-type"]
    assert person.page.locator("a[href*='evil.example']").count() == 0
    person.screenshot("error")


# Authorized applications


def test_authorized_applications_and_revoke(server, person, app, callback):
    person.open_request(request_url(server, app))
    person.allow()
    token = redeem(server, app, callback.answer()["code"]).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert httpx2.get(f"{server.url}/api/v2/users/me", headers=bearer).status_code == 200

    person.visit("/account/applications")
    expect(person.page.get_by_role("heading", name=app.name)).to_be_visible()
    person.screenshot("applications")
    person.revoke(app)
    assert httpx2.get(f"{server.url}/api/v2/users/me", headers=bearer).status_code == 401


def test_only_one_s_own_applications_are_listed(server, person, make_person, app, callback):
    person.open_request(request_url(server, app))
    person.allow()
    redeem(server, app, callback.answer()["code"]).raise_for_status()
    other = make_person(server, server.owner.create_user())
    other.sign_in()
    other.visit("/account/applications")
    expect(other.page.get_by_role("heading", name=app.name)).to_have_count(0)


# Expired sessions


def test_an_expired_session_leads_to_sign_in_and_back(brief_sessions, make_person):
    server = brief_sessions
    person = make_person(server, server.sign_in_owner().create_user())
    person.sign_in()
    person.visit("/account/applications")
    assert person.path == "/account/applications"
    person.page.wait_for_timeout(3200)
    person.visit("/account/applications")
    assert person.path == "/login"
    person.fill_sign_in()
    expect(person.page).to_have_url(f"{server.url}/account/applications")


def test_a_session_that_expires_over_the_consent_page(brief_sessions, make_person, callback):
    server = brief_sessions
    owner = server.sign_in_owner()
    app = owner.create_app(callback.url)
    person = make_person(server, owner.create_user())
    person.open_request(request_url(server, app, state="late"))
    person.page.wait_for_timeout(3200)
    person.allow()
    expect(person.page).to_have_url(SIGN_IN_PAGE)
    assert callback.is_untouched()
    person.fill_sign_in()
    expect(person.page.locator("#allow-form")).to_be_visible()
    person.allow()
    assert callback.answer()["state"] == "late"


# Cross-site requests


@pytest.mark.parametrize("change", ["wrong", "empty", "missing"])
def test_a_consent_without_the_csrf_token_is_refused(server, person, app, callback, change):
    person.open_request(request_url(server, app))
    field = "document.querySelector('#allow-form input[name=csrf_token]')"
    script = {"wrong": f"{field}.value = 'x'.repeat(64)", "empty": f"{field}.value = ''", "missing": f"{field}.remove()"}
    person.page.evaluate(script[change])
    with person.page.expect_response(lambda answer: answer.request.method == "POST") as answer:
        person.allow()
    assert answer.value.status == 400
    assert callback.is_untouched()


def test_a_form_of_another_site_cannot_press_allow(server, person, app, callback):
    """The other site stands on the same host, so that even `SameSite=Lax` cookies come along."""
    person.sign_in()
    url = request_url(server, app)
    form = f'<form method="post" action="{url.replace("&", "&amp;")}"><input name="csrf_token" value="x"></form>'
    with Callback() as elsewhere:
        person.visit(elsewhere.url)
        person.page.evaluate("html => { document.body.innerHTML = html }", form)
        with person.page.expect_response(lambda answer: answer.request.method == "POST") as answer:
            person.page.evaluate("document.forms[0].submit()")
    assert answer.value.status == 403
    assert callback.is_untouched()


def test_a_form_of_another_site_cannot_revoke_or_sign_out(server, person, app, callback):
    person.open_request(request_url(server, app))
    person.allow()
    token = redeem(server, app, callback.answer()["code"]).json()["access_token"]
    forms = {
        "/account/applications": f'<input name="client_id" value="{app.id}">',
        "/logout": "",
    }
    with Callback() as elsewhere:
        for path, fields in forms.items():
            person.visit(elsewhere.url)
            form = f'<form method="post" action="{server.url}{path}">{fields}<input name="csrf_token" value="x"></form>'
            person.page.evaluate("html => { document.body.innerHTML = html }", form)
            with person.page.expect_response(lambda answer: answer.request.method == "POST") as answer:
                person.page.evaluate("document.forms[0].submit()")
            assert answer.value.status == 403, path
            person.page.wait_for_url(f"{server.url}{path}")
    session = person.session_cookie()["value"]
    for bearer in (token, session):
        answer = httpx2.get(f"{server.url}/api/v2/users/me", headers={"Authorization": f"Bearer {bearer}"})
        assert answer.status_code == 200


def test_signing_in_by_a_foreign_form_is_refused(server, person):
    """Else a person could be signed in as somebody else without noticing."""
    fields = f'<input name="email" value="{person.user.email}"><input name="password" value="{person.user.password}">'
    with Callback() as elsewhere:
        person.visit(elsewhere.url)
        form = f'<form method="post" action="{server.url}/login">{fields}<input name="csrf_token" value="x"></form>'
        person.page.evaluate("html => { document.body.innerHTML = html }", form)
        person.page.evaluate("document.forms[0].submit()")
        person.page.wait_for_url(f"{server.url}/**")
    assert person.session_cookie() is None


# What owners choose of how pages look


def test_pages_show_what_owners_chose_and_load_nothing_else(new_server, make_person):
    owner = new_server.owner
    with Elsewhere() as pictures:
        logo = pictures.url("127.0.0.1") + "logo.svg"
        banners = [{"enabled": True, "message": "Closed on <b>Sunday</b>", "background_color": "#004852"}]
        chosen = {"application_name": "Acme & Sons", "logo_url": logo, "announcement_banners": banners}
        owner.call("PUT", "/api/v2/appearance", json=chosen)
        person = make_person(new_server, owner.create_user())
        asked = []
        person.page.on("request", lambda request: asked.append(request.url))
        person.visit("/login")
        expect(person.page).to_have_title("Sign in · Acme & Sons")
        banner = person.page.locator(".banner")
        expect(banner).to_have_text("Closed on <b>Sunday</b>")
        assert banner.evaluate("it => getComputedStyle(it).color") == "rgb(255, 255, 255)"
        ground = person.page.locator(".banner rect")
        assert ground.evaluate("it => getComputedStyle(it).fill") == "rgb(0, 72, 82)"
        assert ground.evaluate("it => it.getBoundingClientRect().width") > 300, "the colour is drawn over all of it"
        assert logo in asked, "the policy of the page lets the logo in"
        person.screenshot("sign-in-acme")
        # A picture from anywhere else is kept out by the policy of the page, also if a script put it there.
        elsewhere = pictures.url("localhost") + "spy.png"
        blocked = person.page.evaluate(
            "address => new Promise(done => { document.addEventListener('securitypolicyviolation', event => done(event.blockedURI));"
            " const picture = new Image(); picture.src = address; })",
            elsewhere,
        )
        assert blocked.startswith(pictures.url("localhost")[:-1])
        person.complaints.clear()
        person.sign_in()
        for path in ["/", "/cli-auth", "/account/applications", "/account/links"]:
            person.visit(path)
            expect(person.page.locator(".banner")).to_be_visible()
            assert "Acme & Sons" in person.page.title()

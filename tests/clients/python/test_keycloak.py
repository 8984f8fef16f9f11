"""People sign in through Keycloak, set up as docs/identity-providers.md says."""

import re

import pytest
from playwright.sync_api import expect

from conftest import _server as run_server
from harness.keycloak import Keycloak


@pytest.fixture(scope="module")
def company():
    with Keycloak() as keycloak, run_server("postgres", **keycloak.settings) as server:
        settings = {"field": "groups", "auto_create_missing_groups": True}
        server.owner.call("PATCH", "/api/v2/organizations/coder/settings/idpsync/groups", json=settings)
        keycloak.start(server)
        yield server, keycloak


def sign_in(person, login):
    person.visit("/login?redirect=/account/applications")
    person.page.get_by_role("link", name="Continue with keycloak").click()
    # Its first page takes some seconds.
    expect(person.page.locator("#username")).to_be_visible(timeout=60_000)
    person.page.fill("#username", login)
    person.page.fill("#password", f"a password of {login.capitalize()}")
    person.page.click("#kc-login")


def session(person):
    cookies = person.context.cookies(person.server.url)
    return next((cookie["value"] for cookie in cookies if cookie["name"] == "coder_session_token"), None)


def groups_of(server, user):
    return sorted(group["name"] for group in server.owner.call("GET", f"/api/v2/groups?has_member={user}").json())


def test_groups_follow_and_a_logout_there_ends_sessions_here(company, make_person):
    server, keycloak = company
    person = make_person(server)
    sign_in(person, "ann")
    expect(person.page).to_have_url(re.compile(r"/account/applications$"))
    api = server.api(session(person))
    me = api.me()
    assert (me["username"], me["name"], me["email"], me["login_type"]) == ("ann", "Ann Lee", "ann@company.example", "oidc")
    assert groups_of(server, "ann") == ["Everyone", "eng/backend"]

    admin = keycloak.admin()
    user = admin.get("/users", params={"username": "ann"}).raise_for_status().json()[0]["id"]
    ops = next(group["id"] for group in admin.get("/groups").json() if group["name"] == "ops")
    backend = admin.get(f"/users/{user}/groups").json()[0]["id"]
    admin.put(f"/users/{user}/groups/{ops}").raise_for_status()
    admin.delete(f"/users/{user}/groups/{backend}").raise_for_status()
    again = make_person(server)
    sign_in(again, "ann")
    expect(again.page).to_have_url(re.compile(r"/account/applications$"))
    assert groups_of(server, "ann") == ["Everyone", "ops"]

    # The administrator there ends all sessions of Ann, which Keycloak tells us.
    admin.post(f"/users/{user}/logout").raise_for_status()
    for token in (api, server.api(session(again))):
        token.call("GET", "/api/v2/users/me", 401)


def test_signing_out_here_signs_out_there(company, make_person):
    server, _ = company
    person = make_person(server)
    sign_in(person, "ann")
    expect(person.page).to_have_url(re.compile(r"/account/applications$"))
    person.visit("/")
    person.press("Sign out")
    expect(person.page).to_have_url(re.compile(r"/login"))
    person.visit("/login")
    person.page.get_by_role("link", name="Continue with keycloak").click()
    expect(person.page.locator("#username")).to_be_visible()


def test_an_address_that_is_not_verified_there_stays_out(company, make_person):
    server, _ = company
    person = make_person(server)
    sign_in(person, "bob")
    expect(person.page.get_by_text("the mail address is not verified at the provider")).to_be_visible()
    assert session(person) is None

"""People sign in through the npm package oidc-provider, in headless Chromium."""

import re

import pytest
from playwright.sync_api import expect

from conftest import _server as run_server
from harness.provider import IdentityProvider

ANN = {"email": "ann@company.example", "email_verified": True, "name": "Ann Lee", "preferred_username": "ann-lee", "groups": ["eng"]}


@pytest.fixture(scope="module")
def company(database):
    """A server, and a provider that comes up later than the server."""
    with IdentityProvider() as provider, run_server(database, **provider.settings) as server:
        owner = server.owner
        settings = {"field": "groups", "auto_create_missing_groups": True}
        owner.call("PATCH", "/api/v2/organizations/coder/settings/idpsync/groups", json=settings)
        yield server, provider


@pytest.fixture
def up(company):
    server, provider = company
    provider.says({"ann": ANN})
    provider.start(server)
    yield server, provider
    provider.stop()


def sign_in(person, login="ann"):
    """From our sign-in page to the provider and back."""
    person.visit("/login?redirect=/account/applications")
    person.page.get_by_role("link", name="Continue with The Company").click()
    page = person.page
    if page.locator("input[name=login]").count():
        page.fill("input[name=login]", login)
        page.fill("input[name=password]", "anything")
        page.get_by_role("button", name="Sign-in").click()
    if page.get_by_role("button", name="Continue").count():
        page.get_by_role("button", name="Continue").click()


def session(person):
    cookies = person.context.cookies(person.server.url)
    return next((cookie["value"] for cookie in cookies if cookie["name"] == "coder_session_token"), None)


def groups_of(server, user):
    return sorted(group["name"] for group in server.owner.call("GET", f"/api/v2/groups?has_member={user}").json())


def test_a_provider_that_is_down_is_told(company, make_person):
    server, _ = company
    person = make_person(server)
    person.visit("/login")
    person.page.get_by_role("link", name="Continue with The Company").click()
    expect(person.page.get_by_text("The identity provider does not answer")).to_be_visible()


def test_somebody_signs_in_and_comes_again_with_other_groups(up, make_person):
    server, provider = up
    person = make_person(server)
    sign_in(person)
    expect(person.page).to_have_url(re.compile(r"/account/applications$"))
    me = server.api(session(person)).me()
    assert (me["username"], me["name"], me["email"], me["login_type"]) == ("ann-lee", "Ann Lee", "ann@company.example", "oidc")
    assert groups_of(server, "ann-lee") == ["Everyone", "eng"]

    provider.says({"ann": {**ANN, "groups": ["ops"], "name": "Ann Smith"}})
    again = make_person(server)
    sign_in(again)
    expect(again.page).to_have_url(re.compile(r"/account/applications$"))
    assert server.api(session(again)).me()["id"] == me["id"]
    assert server.api(session(again)).me()["name"] == "Ann Smith"
    assert groups_of(server, "ann-lee") == ["Everyone", "ops"]


def test_signing_out_here_signs_out_there_which_ends_all_sessions(up, make_person):
    server, _ = up
    person = make_person(server)
    sign_in(person)
    expect(person.page).to_have_url(re.compile(r"/account/applications$"))
    token = session(person)
    other = server.api(token)
    assert other.me()["username"] == "ann-lee"
    person.visit("/")
    person.press("Sign out")
    # At the provider, which asks.
    person.page.get_by_role("button", name="Yes, sign me out").click()
    expect(person.page).to_have_url(re.compile(r"/login"))
    assert session(person) is None
    other.call("GET", "/api/v2/users/me", 401)


def test_a_session_that_ends_at_the_provider_ends_here(up, make_person):
    server, provider = up
    person = make_person(server)
    sign_in(person)
    expect(person.page).to_have_url(re.compile(r"/account/applications$"))
    api = server.api(session(person))
    assert api.me()["username"] == "ann-lee"
    person.visit(f"{provider.issuer}/session/end")
    person.page.get_by_role("button", name="Yes, sign me out").click()
    expect(person.page.get_by_text("Sign-out Success")).to_be_visible()
    api.call("GET", "/api/v2/users/me", 401)


def test_new_keys_of_the_provider_are_known_at_once(up, make_person):
    server, provider = up
    sign_in(person := make_person(server))
    expect(person.page).to_have_url(re.compile(r"/account/applications$"))
    provider.stop()
    provider.rotate()
    provider.start(server)
    sign_in(person := make_person(server))
    expect(person.page).to_have_url(re.compile(r"/account/applications$"))


@pytest.mark.parametrize("skew, works", [(50, True), (-50, True), (120, False)])
def test_clocks_may_differ_by_a_minute(company, make_person, skew, works):
    server, provider = company
    provider.says({"ann": ANN})
    provider.start(server, skew)
    try:
        sign_in(person := make_person(server))
        if works:
            expect(person.page).to_have_url(re.compile(r"/account/applications$"))
        else:
            expect(person.page.get_by_text("Signing in did not work")).to_be_visible()
            assert session(person) is None
    finally:
        provider.stop()


def test_a_password_account_changes_to_the_provider(up, make_person):
    server, provider = up
    user = server.owner.create_user()
    provider.says({"bob": {**ANN, "email": user.email, "preferred_username": "bob", "groups": []}})
    person = make_person(server, user)
    person.sign_in()
    # The cookies of the answer are kept by the browser.
    begun = person.context.request.post(
        f"{server.url}/api/v2/users/me/convert-login",
        headers={"Coder-Session-Token": session(person)},
        data={"to_type": "oidc", "password": user.password},
    ).json()
    person.visit(f"/api/v2/users/oidc/node/callback?oidc_merge_state={begun['state_string']}")
    person.page.fill("input[name=login]", "bob")
    person.page.fill("input[name=password]", "anything")
    person.page.get_by_role("button", name="Sign-in").click()
    person.page.get_by_role("button", name="Continue").click()
    expect(person.page).to_have_url(re.compile(r"/login"))
    assert server.owner.call("GET", f"/api/v2/users/{user.username}").json()["login_type"] == "oidc"
    sign_in(person, "bob")
    expect(person.page).to_have_url(re.compile(r"/account/applications$"))


def test_an_account_is_linked_and_removed_on_the_page(up, make_person):
    server, provider = up
    user = server.owner.create_user()
    provider.says({"eve": {**ANN, "email": "eve@elsewhere.example", "preferred_username": "eve", "groups": []}})
    person = make_person(server, user)
    person.sign_in()
    person.visit("/account/links")
    person.page.fill("input[name=password]", user.password)
    person.press("Link The Company")
    person.page.fill("input[name=login]", "eve")
    person.page.fill("input[name=password]", "anything")
    person.page.get_by_role("button", name="Sign-in").click()
    person.page.get_by_role("button", name="Continue").click()
    expect(person.page).to_have_url(re.compile(r"/account/links\?done=linked$"))
    expect(person.page.get_by_role("heading", name="The Company")).to_be_visible()

    other = make_person(server)
    sign_in(other, "eve")
    expect(other.page).to_have_url(re.compile(r"/account/applications$"))
    there = server.api(session(other))
    assert there.me()["username"] == user.username

    person.page.locator("summary").click()
    person.press("Yes, remove The Company")
    expect(person.page.get_by_text("No linked accounts yet")).to_be_visible()
    there.call("GET", "/api/v2/users/me", 401)

"""oauth2-proxy: people sign in here to see a page behind it, which learns who they are."""

import json
import time

import pytest
from playwright.sync_api import expect

from harness.oauth2_proxy import Page, Proxy

UNVERIFIED = "--insecure-oidc-allow-unverified-email=true"


@pytest.fixture
def page():
    with Page() as page:
        yield page


@pytest.fixture
def proxy(tmp_path):
    return Proxy(tmp_path)


def seen(person):
    """What the page behind the proxy was told of this person."""
    expect(person.page.get_by_role("heading")).to_have_text("Behind")
    return json.loads(person.page.locator("pre").inner_text())


def group_of(owner, name, *users):
    path = f"/api/v2/organizations/{owner.organization()['id']}/groups"
    group = owner.call("POST", path, 201, json={"name": name, "display_name": name, "quota_allowance": 0}).json()
    owner.call("PATCH", f"/api/v2/groups/{group['id']}", 200, json={"add_users": [user.id for user in users]})
    return group


def test_a_page_behind_it_learns_who_somebody_is(brief_tokens, make_person, page, proxy):
    server = brief_tokens
    app = server.owner.create_app(proxy.callback)
    person = make_person(server, server.owner.create_user())
    with proxy.configure(server.url, app, page, UNVERIFIED, "--cookie-refresh=2s"):
        person.open_request(proxy.url)
        person.screenshot("oauth2-proxy-consent")
        person.allow()
        told = seen(person)
        assert (told["X-Forwarded-Email"], told["X-Forwarded-User"]) == (person.user.email, person.user.id)
        assert told["X-Forwarded-Preferred-Username"] == person.user.username
        first = told["X-Forwarded-Access-Token"]
        # Its token expires; it has another, and nobody is asked.
        for _ in range(2):
            time.sleep(4)
            person.page.reload()
            later = seen(person)["X-Forwarded-Access-Token"]
            assert later != first, proxy.log()
            first = later
        # The person takes access back here; the proxy cannot refresh any more, and asks.
        person.revoke(app)
        time.sleep(4)
        person.open_request(proxy.url)
        person.cancel()
        expect(person.page.locator("body")).to_contain_text("403")


def test_only_a_group_gets_in(server, make_person, page, proxy):
    owner = server.owner
    app = owner.create_app(proxy.callback)
    inside, outside = owner.create_user(), owner.create_user()
    name = f"readers-{inside.username[-8:]}"
    group_of(owner, name, inside)
    organization = owner.organization()["name"]
    with proxy.configure(server.url, app, page, UNVERIFIED, f"--allowed-group={organization}/{name}"):
        person = make_person(server, inside)
        person.open_request(proxy.url)
        person.allow()
        assert seen(person)["X-Forwarded-Groups"] == f"{organization}/{name}"
        stranger = make_person(server, outside)
        stranger.open_request(proxy.url)
        stranger.allow()
        expect(stranger.page.locator("body")).to_contain_text("403")


def test_an_address_that_nobody_vouches_for_is_refused(server, make_person, page, proxy):
    """Without the option: who signs in with a password has an address that is not verified."""
    app = server.owner.create_app(proxy.callback)
    person = make_person(server, server.owner.create_user())
    with proxy.configure(server.url, app, page):
        person.open_request(proxy.url)
        person.allow()
        expect(person.page.locator("body")).to_contain_text("403")
        assert "isn't verified" in proxy.log()

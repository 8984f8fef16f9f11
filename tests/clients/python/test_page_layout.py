"""Where things stand on the pages, which only a browser knows."""

import secrets

import pytest
from playwright.sync_api import expect

from test_pages import request_url

# What is left of a small laptop, and of a phone with the bars of its browser.
SIZES = [{"width": 1280, "height": 720}, {"width": 390, "height": 664}]
FOUR = "workspace:read workspace:ssh template:read user:read"


def box(person, selector):
    """Where it is now, on the screen."""
    return person.page.locator(selector).first.bounding_box()


def bottom(box):
    return box["y"] + box["height"]


@pytest.mark.parametrize("size", SIZES, ids=["laptop", "phone"])
@pytest.mark.parametrize("name", ["", "Many scopes with a long name, as long as such a name may be, 64"])
def test_where_the_answer_goes_is_seen_before_it_can_be_allowed(server, make_person, callback, size, name):
    app = server.owner.create_app(callback.url, display_name=name)
    person = make_person(server, server.owner.create_user(), viewport=size)
    person.open_request(request_url(server, app, scope=FOUR))
    person.screenshot(f"consent-facts-{size['width']}-{len(name)}")
    bar = box(person, "#allow-form")
    assert bottom(bar) <= size["height"] + 1, "the decision is on the screen"
    assert bottom(box(person, ".facts")) <= bar["y"], "and so is where it leads"


@pytest.mark.parametrize("width", [1280, 720, 390, 320])
def test_the_header_of_the_account_pages_is_whole(server, make_person, width):
    longest = f"w{secrets.token_hex(15)}w"
    assert len(longest) == 32
    body = {
        "email": f"{longest}@example.com", "username": longest, "password": "Correct-Horse-Battery-9",
        "login_type": "password", "user_status": "active",
        "organization_ids": [server.owner.organization()["id"]],
    }
    server.owner.call("POST", "/api/v2/users", 201, json=body)
    user = server.owner.create_user()
    for email in (user.email, body["email"]):
        person = make_person(server, type(user)("", email, "", user.password), viewport={"width": width, "height": 800})
        person.sign_in()
        for path in ("/", "/account/applications", "/account/links"):
            person.visit(path)
            expect(person.page.locator("main h1")).to_be_visible()
            assert person.page.evaluate("document.documentElement.scrollWidth") <= width
            for link in person.page.locator(".bar a, .bar button").all():
                place = link.bounding_box()
                assert place["x"] >= 0 and place["x"] + place["width"] <= width, link.inner_text()
                assert link.evaluate("e => e.scrollWidth <= e.clientWidth + 1 || e.matches('.brand')"), link.inner_text()
            height = box(person, ".bar")["height"]
            person.screenshot(f"header-{width}-{len(email)}-{path.strip('/').replace('/', '-') or 'home'}")
            assert height <= (70 if width >= 720 else 150), height


def test_a_picture_that_cannot_be_loaded_shows_nothing(new_server, make_person):
    owner = new_server.owner
    chosen = {"application_name": "", "logo_url": "/nowhere.png", "announcement_banners": []}
    owner.call("PUT", "/api/v2/appearance", json=chosen)
    person = make_person(new_server, owner.create_user())
    person.visit("/login")
    mark = box(person, ".brand .mark")
    assert mark is None or mark["width"] == 0, mark
    person.screenshot("torn-logo")


def test_buttons_with_sentences_stay_on_one_line(server, make_person):
    person = make_person(server, server.owner.create_user(), viewport=SIZES[1])
    person.sign_in()
    person.visit("/oauth2/logout")
    for button in person.page.locator(".choice .button").all():
        assert button.bounding_box()["height"] < 50, button.inner_text()

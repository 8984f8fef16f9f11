"""The console, as people with different rights meet it in Chromium, without scripts."""

import secrets

import pytest
from playwright.sync_api import expect

WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


class Town:
    """A server with people of each kind, a group and a template that only the group may use."""

    def __init__(self, server):
        self.server = server
        self.owner = server.owner
        self.place = self.owner.organization()
        self.admin = self._member("organization-admin")
        self.member = self._member()
        self.auditor = self._member()
        path = f"/api/v2/users/{self.auditor.username}/roles"
        self.owner.call("PUT", path, 200, json={"roles": ["auditor"]})
        there = f"/api/v2/organizations/{self.place['id']}"
        self.group = f"group-{secrets.token_hex(3)}"
        group = self.owner.call("POST", f"{there}/groups", 201, json={"name": self.group}).json()
        self.template = f"template-{secrets.token_hex(3)}"
        body = {"name": self.template, "disable_everyone_group_access": True}
        template = self.owner.call("POST", f"{there}/templates", 201, json=body).json()
        acl = {"group_perms": {group["id"]: "use"}}
        self.owner.call("PATCH", f"/api/v2/templates/{template['id']}/acl", 200, json=acl)
        self.path = f"/organizations/{self.place['name']}"

    def _member(self, *roles):
        user = self.owner.create_user()
        if roles:
            path = f"/api/v2/organizations/{self.place['id']}/members/{user.username}/roles"
            self.owner.call("PUT", path, 200, json={"roles": roles})
        return user

    def question(self, user, action="use"):
        place = self.place["name"]
        return f"/deployment/access?user={user}&action={action}&type=template&resource={self.template}&organization={place}"


@pytest.fixture(scope="module")
def town(server):
    return Town(server)


@pytest.fixture
def at(town, make_person):
    """Somebody who is signed in, in front of a browser without scripts: at("owner")."""

    def come(who, viewport=WIDE, **options):
        user = town.owner.user if who == "owner" else getattr(town, who)
        person = make_person(town.server, user, java_script_enabled=False, viewport=viewport, **options)
        person.sign_in()
        return person

    return come


def menu(person):
    return person.page.locator("nav.side li a").all_inner_texts()


def titled(person, text):
    expect(person.page.get_by_role("heading", level=1)).to_contain_text(text)


def fits(person):
    """Nothing stands out of the screen to the side."""
    wide = person.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1], f"{person.path} is {wide[0]} wide on a screen of {wide[1]}"


def legible(person):
    """The first cells of tables stand in some lines, and not letter by letter."""
    heights = "[...document.querySelectorAll('table:not(.diff) tbody th')].map(th => [th.innerText, th.getBoundingClientRect().height])"
    for text, height in person.page.evaluate(heights):
        assert height <= 130, f"{person.path} shows {text!r} in {height} pixels"


def test_everybody_sees_the_screens_they_may_use(town, at):
    shown = {}
    for who in ("owner", "admin", "auditor", "member"):
        person = at(who)
        person.visit("/deployment/access")
        titled(person, "Explain access")
        shown[who] = menu(person)
    place = ["Members", "Groups", "Roles", "Identity providers", "Settings"]
    deployment = ["Overview", "Users", "Organizations", "Site roles", "Organization sync", "Sessions", "API tokens"]
    assert shown["owner"] == ["Explain access", "Audit log", *place, *deployment]
    readable = ["Users", "Site roles"]
    assert shown["auditor"] == ["Explain access", "Audit log", *place[:3], "Overview", *readable]
    assert shown["admin"] == ["Explain access", "Audit log", *place, *readable], "an organization admin sees whom to add"
    assert shown["member"] == ["Explain access", "Roles", "Site roles"]


def test_who_is_not_signed_in_comes_back_to_the_question(town, person):
    person.visit(town.question(town.member.username))
    assert person.path == "/login"
    person.user = town.owner.user
    person.fill_sign_in()
    titled(person, f"Why can’t {town.member.username} use the template {town.template}")


def test_access_is_explained_changed_and_explained_again(town, at):
    name = town.member.username
    person = at("owner")
    page = person.page
    person.visit("/deployment/access")
    page.fill("#user", name)
    page.select_option("#action", "use")
    page.select_option("#type", "template")
    page.fill("#resource", town.template)
    page.select_option("#organization", town.place["name"])
    person.press("Explain")
    verdict = page.get_by_role("status")
    expect(verdict).to_contain_text("No")
    expect(verdict).to_contain_text("No role and no access list gives it.")
    address = page.url
    ways = page.get_by_role("listitem").filter(has_text=f"Add {name} to the group {town.group}")
    expect(ways).to_have_count(1)
    person.screenshot("console-access-no")

    # The way is a link to where it is done.
    ways.get_by_role("link", name=town.group).click()
    titled(person, town.group)
    page.fill("#users", name)
    person.press("Add")
    expect(page.get_by_role("status")).to_have_text("They are in the group now.")
    expect(page.get_by_role("link", name=name)).to_be_visible()
    person.screenshot("console-group")

    person.visit(address)
    expect(page.get_by_role("status")).to_contain_text("Yes")
    expect(page.get_by_role("status")).to_contain_text(f"The group {town.group} is on the access list.")
    expect(page.get_by_text(f"Remove {name} from the group {town.group}")).to_be_visible()
    expect(page.get_by_role("heading", name="Who can?")).to_be_visible()
    person.screenshot("console-access-yes")

    # Undone, by the same page.
    person.visit(f"{town.path}/groups/{town.group}")
    person.press(f"Remove {name}")
    expect(page.get_by_role("status")).to_have_text("They are no longer in the group.")
    person.visit(address)
    expect(page.get_by_role("status")).to_contain_text("No")


def test_each_may_ask_what_they_may_know(town, at):
    name = town.auditor.username
    for who in ("admin", "auditor"):
        person = at(who)
        person.visit(town.question(name, "read"))
        expect(person.page.get_by_role("status")).to_contain_text("Yes")
    person = at("member")
    person.visit(town.question(name, "read"))
    expect(person.page.get_by_role("alert")).to_be_visible()
    expect(person.page.get_by_role("status")).to_have_count(0)
    assert name not in person.page.locator("h1").inner_text()
    person.visit(f"/deployment/access?action=read&type=workspace&owner=me&organization={town.place['name']}")
    expect(person.page.get_by_role("status")).to_contain_text("Yes")
    expect(person.page.get_by_role("heading", name="Who can?")).to_have_count(0)


def test_a_question_that_makes_no_sense_keeps_what_was_typed(town, at):
    person = at("owner")
    person.visit("/deployment/access?user=<b>x</b>&action=ssh&type=template&resource=%22%27%3E&scope=a+b")
    expect(person.page.get_by_role("alert")).to_be_visible()
    assert person.page.input_value("#user") == "<b>x</b>"
    assert person.page.input_value("#resource") == "\"'>"
    assert person.page.locator("main b").count() == 0
    person.visit("/deployment/access?user=%E2%80%AE&action=read&type=nothing")
    expect(person.page.get_by_role("alert")).to_be_visible()


def test_users_are_found_and_shown(town, at):
    name = town.member.username
    person = at("owner")
    page = person.page
    person.visit("/deployment/users")
    titled(person, "Users")
    expect(page.get_by_role("row").first).to_be_visible()
    person.screenshot("console-users")
    page.fill("#q", name)
    person.press("Search")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name=name).click()
    titled(person, name)
    person.screenshot("console-user")
    person.visit("/deployment/users?q=flying:yes")
    expect(person.alert()).to_be_visible()
    assert page.input_value("#q") == "flying:yes"
    page.get_by_role("link", name="Suspended", exact=True).click()
    assert "status%3Asuspended" in page.url


def test_an_account_is_suspended_and_activated(town, at):
    user = town.owner.create_user()
    token = town.server.api().sign_in(user).token
    person = at("owner")
    page = person.page
    person.visit(f"/deployment/users/{user.username}")
    page.locator("summary", has_text="Suspend").click()
    person.press(f"Yes, suspend {user.username}")
    expect(page.get_by_role("status").first).to_contain_text("The account is suspended")
    town.server.api(token).call("GET", "/api/v2/users/me", 401)
    page.reload()
    person.press("Activate")
    expect(page.get_by_role("status").first).to_contain_text("The account is active")
    # Roles, and what cannot be done is told on the same page.
    page.get_by_label("Auditor", exact=True).check()
    person.press("Change roles")
    expect(page.get_by_role("status").first).to_contain_text("The site roles are changed")
    assert page.get_by_label("Auditor", exact=True).is_checked()
    page.locator("summary", has_text="Delete").click()
    person.press(f"Yes, delete {user.username}")
    expect(page.get_by_role("status")).to_have_text("The account is deleted.")
    person.visit(f"/deployment/users?q={user.username}")
    expect(page.get_by_text("Nobody is found.")).to_be_visible()
    person.visit(f"/deployment/users/{user.id}")
    expect(page.get_by_text("This account is deleted.")).to_be_visible()
    expect(page.get_by_role("link", name="Explain access").and_(page.locator(".button"))).to_have_count(0)


def test_who_may_only_read_is_offered_nothing_else(town, at):
    person = at("auditor")
    page = person.page
    for path in (f"/deployment/users/{town.member.username}", f"{town.path}/groups/{town.group}", f"{town.path}/roles"):
        person.visit(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.locator("main form[method=post]").count() == 0, path
    person = at("member")
    for path in ("/deployment/users/" + town.auditor.username, f"{town.path}/groups"):
        answer = person.visit(path)
        assert answer.status in (403, 404, 400), path


def test_a_role_is_made_reviewed_and_changed(town, at):
    name = f"curator-{secrets.token_hex(3)}"
    holder = town.owner.create_user()
    person = at("admin")
    page = person.page
    person.visit(f"{town.path}/roles")
    person.screenshot("console-roles")
    page.get_by_role("link", name="Make a role").click()
    page.fill("#name", name)
    page.fill("#display_name", "Template curator")
    page.get_by_label("template:read", exact=True).first.check()
    page.get_by_label("template:update", exact=True).first.check()
    person.press("Review")
    titled(person, "Make Template curator?")
    expect(page.get_by_text("template:update", exact=True)).to_be_visible()
    person.press("Back to the form")
    assert page.input_value("#name") == name
    assert page.get_by_label("template:update", exact=True).first.is_checked()
    person.press("Review")
    person.press("Make the role")
    expect(page.get_by_role("status")).to_contain_text("The role is made.")
    there = page.url.split("?")[0]

    # Somebody holds it, who has one of the permissions anyway.
    path = f"/api/v2/organizations/{town.place['id']}/members/{holder.username}/roles"
    town.owner.call("PUT", path, 200, json={"roles": [name, "organization-auditor"]})
    page.get_by_label("template:read", exact=True).first.uncheck()
    page.get_by_label("template:update", exact=True).first.uncheck()
    page.get_by_label("group:update", exact=True).first.check()
    person.screenshot("console-role-form")
    person.press("Review")
    titled(person, "Change Template curator?")
    people = page.get_by_role("region", name="Who gains or loses what")
    expect(people.get_by_role("link", name=holder.username)).to_be_visible()
    expect(people.locator(".gain")).to_have_text("Gains: group:update")
    expect(people.locator(".loss")).to_have_text("Loses: template:update")
    person.screenshot("console-role-review")
    person.press("Save the change")
    expect(page.get_by_role("status")).to_contain_text("The role is saved.")
    roles = town.owner.call("GET", f"/api/v2/organizations/{town.place['id']}/members/roles", 200).json()
    saved = next(role for role in roles if role["name"] == name)
    given = [f"{p['resource_type']}:{p['action']}" for p in saved["organization_permissions"]]
    assert given == ["group:update"]

    # Who may not change it reads it.
    reader = at("auditor")
    reader.visit(there)
    expect(reader.page.get_by_role("heading", name="Who holds it")).to_be_visible()
    expect(reader.page.get_by_role("link", name=holder.username)).to_be_visible()

    page.locator("summary", has_text="Delete").click()
    person.press(f"Yes, delete {name}")
    expect(page.get_by_role("status")).to_contain_text("The role is deleted")


def test_nobody_gives_by_a_role_what_they_have_not(town, at):
    path = f"/api/v2/organizations/{town.place['id']}/members/{town.member.username}/roles"
    person = at("admin")
    page = person.page
    person.visit(f"{town.path}/roles/create")
    page.fill("#name", "owner")
    page.get_by_label("license:read", exact=True).first.check()
    person.press("Review")
    expect(person.alert()).to_contain_text("reserved")
    assert page.input_value("#name") == "owner"
    town.owner.call("PUT", path, 200, json={"roles": []})


def test_built_in_roles_are_readable_and_can_be_copied(town, at):
    person = at("owner")
    page = person.page
    person.visit("/deployment/roles")
    page.get_by_role("link", name="Auditor", exact=True).click()
    titled(person, "Auditor")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="audit_log", exact=True))
    expect(row.locator(".given")).to_have_count(1)
    person.screenshot("console-site-role")
    person.visit(f"{town.path}/roles/organization-auditor")
    page.get_by_role("link", name="Copy as a custom role").click()
    assert page.get_by_label("audit_log:read", exact=True).first.is_checked()


def test_a_group_is_made_changed_and_deleted(town, at):
    name = f"made-{secrets.token_hex(3)}"
    person = at("admin")
    page = person.page
    person.visit(f"{town.path}/groups")
    person.screenshot("console-groups")
    page.fill("#name", "Everyone")
    person.press("Make the group")
    expect(person.alert()).to_be_visible()
    page.fill("#name", name)
    person.press("Make the group")
    titled(person, name)
    page.fill("#users", f"{town.member.username}, nobody-at-all")
    person.press("Add")
    expect(person.alert()).to_contain_text("nobody-at-all")
    assert town.member.username in page.input_value("#users"), "nothing typed is lost"
    page.fill("#users", f"{town.member.username}\n{town.auditor.username}")
    person.press("Add")
    expect(page.locator("ul.rows > li")).to_have_count(2)
    page.fill("#display_name", "The makers")
    page.fill("#quota_allowance", "many")
    person.press("Save")
    expect(person.alert()).to_contain_text("whole number")
    assert page.input_value("#display_name") == "The makers", "nothing typed is lost"
    page.fill("#quota_allowance", "7")
    person.press("Save")
    titled(person, "The makers")
    page.locator("summary", has_text="Delete").click()
    person.press(f"Yes, delete {name}")
    expect(page.get_by_role("status")).to_have_text("The group is deleted.")


def test_a_stale_form_changes_nothing(town, at):
    person = at("owner")
    page = person.page
    user = town.owner.create_user()
    person.visit(f"/deployment/users/{user.username}")
    page.locator("summary", has_text="Suspend").click()
    cookies = person.context.cookies()
    other = at("owner")
    fresh = next(c for c in other.context.cookies() if c["name"] == "coder_session_token")
    person.context.add_cookies([{**c, "value": fresh["value"]} if c["name"] == fresh["name"] else c for c in cookies])
    person.press(f"Yes, suspend {user.username}")
    expect(person.alert()).to_contain_text("out of date")
    assert town.owner.call("GET", f"/api/v2/users/{user.username}", 200).json()["status"] != "suspended"


def test_a_session_is_ended_from_the_list(town, at):
    user = town.owner.create_user()
    other = at("owner")
    other.user = user
    other.visit("/deployment/access")
    other.press("Sign out")
    other.visit("/deployment/access")
    other.fill_sign_in()
    titled(other, "Explain access")
    person = at("owner")
    page = person.page
    person.visit("/deployment/sessions")
    page.fill("#user", user.username)
    person.press("Show")
    expect(page.locator("tbody tr")).to_have_count(1)
    person.screenshot("console-sessions-of-user")
    page.locator("tbody tr").first.get_by_role("button").click()
    expect(page.get_by_role("status")).to_have_text("The session is ended.")
    expect(page.get_by_text("No session is found.")).to_be_visible()
    other.visit("/deployment/access")
    assert other.path == "/login"
    other.fill_sign_in()
    titled(other, "Explain access")
    person.visit(f"/deployment/sessions?user={user.username}")
    page.locator("summary", has_text="End all sessions").click()
    page.get_by_role("button", name="Yes, end them").click()
    expect(page.get_by_role("status")).to_have_text("The sessions of this user are ended.")
    other.visit("/deployment/access")
    assert other.path == "/login"


def test_the_audit_log_is_searched_by_clicks(town, at):
    group = f"log-{secrets.token_hex(3)}"
    town.owner.call("POST", f"/api/v2/organizations/{town.place['id']}/groups", 201, json={"name": group})
    person = at("owner")
    page = person.page
    person.visit("/audit")
    assert person.path == "/logs/audit"
    page.fill("#q", f"resource_target:{group}")
    person.press("Search")
    page.locator("ul.records summary").first.click()
    expect(page.locator("table.diff")).to_contain_text(group)
    person.screenshot("console-audit-record")
    page.get_by_role("link", name="Only this user").click()
    expect(page.locator("ul.records")).to_contain_text(group)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert group in open(download.value.path()).read()
    page.locator("ul.chips a", has_text="login").first.click()
    expect(page.locator("ul.records > li").first).to_contain_text("logged in")


def test_an_organization_is_made_filled_and_deleted(town, at):
    name, user = f"org-{secrets.token_hex(3)}", town.owner.create_user()
    person = at("owner")
    page = person.page
    person.visit("/organizations")
    page.get_by_role("link", name="Make an organization").click()
    page.fill("#name", name)
    page.fill("#description", "For a while\nonly")
    person.press("Make the organization")
    titled(person, f"Members of {name}")
    page.fill("#user", user.username)
    person.press("Add")
    expect(page.get_by_role("status")).to_have_text("They are a member now.")
    row = page.locator("ul.rows > li").filter(has_text=user.username)
    row.locator("summary").click()
    row.get_by_label("Organization Auditor").check()
    person.press(f"Change roles of {user.username}")
    expect(page.get_by_role("status")).to_have_text("The roles are changed.")
    expect(row).to_contain_text("Organization Auditor")
    page.get_by_role("link", name="Settings").click()
    page.fill("#display_name", "A while")
    person.press("Save")
    titled(person, "Settings of A while")
    expect(page.get_by_text("2 members")).to_be_visible()
    person.screenshot("console-organization-blocked")
    page.locator("nav.side").get_by_role("link", name="Members").click()
    row.locator("summary").click()
    person.press(f"Remove {user.username}")
    expect(page.get_by_role("status")).to_contain_text("They are no member any more")
    page.locator("nav.side").get_by_role("link", name="Settings").click()
    page.fill("#confirm", name)
    person.screenshot("console-organization-danger")
    person.press("Delete the organization")
    expect(page.get_by_role("status")).to_have_text("The organization is deleted.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_screen_fits_from_phone_to_desk(town, at, scheme):
    paths = {
        "access": town.question(town.member.username),
        "users": "/deployment/users",
        "user": f"/deployment/users/{town.member.username}",
        "site-roles": "/deployment/roles",
        "site-role": "/deployment/roles/auditor",
        "roles": f"{town.path}/roles",
        "role": f"{town.path}/roles/organization-auditor",
        "role-form": f"{town.path}/roles/create",
        "groups": f"{town.path}/groups",
        "group": f"{town.path}/groups/{town.group}",
        "overview": "/deployment/overview",
        "sessions": "/deployment/sessions",
        "tokens": "/deployment/tokens",
        "audit": "/logs/audit",
        "organizations": "/organizations",
        "organization-new": "/organizations/new",
        "members": town.path,
        "organization-settings": f"{town.path}/settings",
        "idp-sync": "/deployment/idp-org-sync",
        "organization-idp-sync": f"{town.path}/idp-sync",
    }
    openers = {"audit": "ul.records summary", "members": ".edit summary", "sessions": ".confirm summary"}
    for size, viewport in (("390", PHONE), ("1280", WIDE)):
        person = at("owner", viewport=viewport, color_scheme=scheme)
        for name, path in paths.items():
            answer = person.visit(path)
            assert answer.status == 200, path
            expect(person.page.locator("h1")).to_have_count(1)
            if name in openers:
                person.page.locator(openers[name]).first.click()
            fits(person)
            legible(person)
            person.screenshot(f"console-{name}-{size}-{scheme}")
        person.page.locator("details.places summary").click()
        fits(person)
        if size == "390":
            person.page.get_by_role("link", name="Menu").click()
            expect(person.page.get_by_role("link", name="Users")).to_be_visible()
            person.screenshot(f"console-menu-{size}-{scheme}")
            person.page.get_by_role("link", name="Users").click()
            titled(person, "Users")

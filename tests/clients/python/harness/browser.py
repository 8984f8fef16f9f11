"""A person in front of a browser."""

import os
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import expect

# Without a sandbox it also runs as root; the rest keeps it from calling home.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    # Names under `.test` lead to this machine: hosts of one site, and of others.
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]


def launch(playwright):
    """Headless Chromium, the one that the system has."""
    program = os.environ.get("DOORWARD_CHROMIUM") or shutil.which("chromium")
    if program is None:
        raise RuntimeError("there is no chromium; `cargo xtask test --only browser` installs it where it may")
    return playwright.chromium.launch(executable_path=program, args=ARGUMENTS)


SIGN_IN_PAGE = re.compile(r"^[^?]*/login(\?|$)")


class Person:
    """Uses the pages of one server, in a browser profile of their own."""

    def __init__(self, context, server, user=None):
        self.server = server
        self.user = user
        self.context = context
        self.page = context.new_page()
        self.complaints = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message):
        # The browser reports every 4xx page as an error; only what the pages themselves do wrong is of interest.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def visit(self, path):
        return self.page.goto(path if "://" in path else self.server.url + path)

    @property
    def path(self):
        return urlsplit(self.page.url).path

    def fill_sign_in(self, password=None):
        expect(self.page).to_have_url(SIGN_IN_PAGE)
        self.page.fill("input[name=email]", self.user.email)
        self.page.fill("input[name=password]", password or self.user.password)
        self.press("Sign in")

    def sign_in(self):
        self.visit("/login")
        self.fill_sign_in()
        expect(self.page).not_to_have_url(SIGN_IN_PAGE)

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    def open_request(self, authorization_url):
        """Follows a client to the authorization endpoint; signs in when asked."""
        self.visit(authorization_url)
        if self.path == "/login":
            self.fill_sign_in()
            expect(self.page).not_to_have_url(SIGN_IN_PAGE)
        assert self.page.url.startswith(self.server.url), f"not asked, but sent to {self.page.url}"
        expect(self.page.locator("#allow-form")).to_be_visible()

    def allow(self):
        self.page.locator("#allow-form").get_by_role("button", name="Allow").click()

    def cancel(self):
        self.page.locator("#cancel-link").click()

    def revoke(self, app):
        """Takes an app's access away on the page that lists it."""
        self.visit("/account/applications")
        if self.path == "/login":
            self.fill_sign_in()
        entry = self.page.get_by_role("listitem").filter(has=self.page.get_by_role("heading", name=app.name))
        entry.locator("summary").click()
        entry.get_by_role("button", name="revoke").click()
        expect(self.page.get_by_role("heading", name=app.name)).to_have_count(0)

    def alert(self):
        return self.page.get_by_role("alert")

    def session_cookie(self):
        cookies = self.context.cookies(self.server.url)
        return next((cookie for cookie in cookies if cookie["name"] == "coder_session_token"), None)

    def screenshot(self, name):
        """Keeps a picture, when DOORWARD_SCREENSHOTS names a folder."""
        if folder := os.environ.get("DOORWARD_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=f"{folder}/{name}.png")

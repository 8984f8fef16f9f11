"""`doorward login`: the command line of a person who has a browser, on this machine or on another."""

import json
import os
import pty
import re
import subprocess

import pytest
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def open_door(database, serve_module):
    with serve_module(database, **{"oauth2.registration.mode": "open"}) as server:
        server.owner
        yield server


class CommandLine:
    """Has a folder of its own for what it is signed in by."""

    def __init__(self, folder):
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("DOORWARD_")}
        self.environment["XDG_CONFIG_HOME"] = str(folder)
        # What would be opened is written down; the browser of the test goes there.
        self.opened = folder / "opened"
        program = folder / "browser"
        program.write_text(f'#!/bin/sh\nprintf %s "$1" > "{self.opened}.part" && mv "{self.opened}.part" "{self.opened}"\n')
        program.chmod(0o755)
        self.environment["BROWSER"] = str(program)
        self.credentials = folder / "doorward" / "credentials.json"

    def begin(self, *arguments, **options):
        command = [os.environ["DOORWARD_BIN"], *arguments]
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(command, env=self.environment, text=True, **options)

    def run(self, *arguments, expect=0):
        process = self.begin(*arguments)
        out, err = process.communicate(timeout=60)
        assert process.returncode == expect, out + err
        return out

    @staticmethod
    def address(process):
        """The address that it says a browser is to open."""
        for line in process.stderr:
            if found := re.match(r"\s*(https?://\S+)$", line):
                return found[1]
        raise AssertionError("it named no address")


@pytest.fixture
def command_line(tmp_path):
    return CommandLine(tmp_path)


def test_a_browser_signs_the_command_line_in(open_door, make_person, command_line):
    person = make_person(open_door, open_door.owner.create_user())
    process = command_line.begin("login", open_door.url)
    address = command_line.address(process)
    person.open_request(address)
    expect(person.page.get_by_text("Doorward command line").first).to_be_visible()
    person.screenshot("command-line-consent")
    person.allow()
    expect(person.page.get_by_role("heading", name="Go back to the command line")).to_be_visible()
    person.screenshot("command-line-done")
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert out == f"Signed in to {open_door.url} as {person.user.username}.\n"
    assert command_line.opened.read_text() == address
    assert command_line.credentials.stat().st_mode & 0o777 == 0o600
    assert json.loads(command_line.run("whoami", "-o", "json"))["username"] == person.user.username
    assert person.complaints == []
    # Whoever takes the access away in the browser ends the sign-in.
    person.visit("/account/applications")
    entry = person.page.get_by_role("listitem").filter(has=person.page.get_by_role("heading", name="Doorward command line"))
    entry.locator("summary").click()
    entry.get_by_role("button", name="revoke").click()
    expect(person.page.get_by_role("heading", name="Doorward command line")).to_have_count(0)
    command_line.run("whoami", expect=1)


def test_who_cancels_is_not_signed_in(open_door, make_person, command_line):
    person = make_person(open_door, open_door.owner.create_user())
    process = command_line.begin("login", open_door.url, "--no-browser")
    person.open_request(command_line.address(process))
    person.cancel()
    expect(person.page.get_by_role("heading", name="Not signed in")).to_be_visible()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1 and "refused in the browser" in err
    assert not command_line.credentials.exists() and not command_line.opened.exists()


def test_a_key_of_the_account_is_pasted_where_no_app_may_register_itself(server, make_person, command_line):
    person = make_person(server, server.owner.create_user())
    terminal, inner = pty.openpty()
    process = command_line.begin("login", server.url, stdin=inner, preexec_fn=lambda: take_terminal(inner))
    os.close(inner)
    address = command_line.address(process)
    assert address == f"{server.url}/cli-auth"
    person.visit(address)
    person.fill_sign_in()
    person.press("Make a key")
    key = person.page.locator("#cli-key code").inner_text()
    os.write(terminal, f"{key}\n".encode())
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, out + err
    assert key not in out + err, "what is pasted is not shown"
    os.close(terminal)
    # It may do what an app may not.
    token = command_line.run("ctl", "token", "create", "--name", "mine").strip()
    assert server.api(token).call("GET", "/api/v2/users/me").json()["username"] == person.user.username
    command_line.run("logout")
    server.api(key).call("GET", "/api/v2/users/me", 401)


def take_terminal(inner):
    """Makes the terminal that of the process, which asks on it."""
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(inner, termios.TIOCSCTTY, 0)


def test_a_browser_elsewhere_signs_a_device_in(server, make_person, command_line):
    app = server.owner.create_app("http://127.0.0.1/callback", public=True, device_flow=True, scopes=["coder:all"])
    person = make_person(server, server.owner.create_user())
    process = command_line.begin("login", server.url, "--device", "--client-id", app.id, "--no-browser")
    code = None
    for line in process.stderr:
        if re.fullmatch(r"[A-Z]{4}-[A-Z]{4}", line.strip()):
            code = line.strip()
            break
    assert code, "it showed no code"
    person.visit(f"/oauth2/device/verify?user_code={code}")
    person.fill_sign_in()
    person.press("Continue")
    person.press("Approve")
    expect(person.page.get_by_text("is connected")).to_be_visible()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and person.user.username in out, out + err
    assert json.loads(command_line.run("whoami", "-o", "json"))["username"] == person.user.username

"""The management API as a script would call it: JSON and a session token in a header."""

import secrets
from dataclasses import dataclass

import httpx2

PASSWORD = "Correct-Horse-Battery-9"


@dataclass(frozen=True)
class User:
    id: str
    email: str
    username: str
    password: str = PASSWORD


@dataclass(frozen=True)
class App:
    """A registered client."""

    id: str
    name: str
    callback_url: str
    secret: str | None = None


class Api:
    def __init__(self, base_url, token=None, user=None):
        headers = {"Coder-Session-Token": token} if token else {}
        self.http = httpx2.Client(base_url=base_url, headers=headers, timeout=30)
        self.base_url = base_url
        self.token = token
        self.user = user

    def call(self, method, path, expect=(200, 201, 204), **arguments):
        """Sends a request and insists on its status."""
        answer = self.http.request(method, path, **arguments)
        expected = expect if isinstance(expect, tuple) else (expect,)
        if answer.status_code not in expected:
            raise AssertionError(f"{method} {path}: {answer.status_code} instead of {expect}: {answer.text}")
        return answer

    def set_up(self, token=""):
        """Creates the owner, by the token of the set-up link where there is one, and signs in as it."""
        name = "olga"
        body = {"email": f"{name}@example.com", "username": name, "password": PASSWORD}
        first = self.call("POST", f"/api/v2/users/first?token={token}", 201, json=body).json()
        return self.sign_in(User(first["user_id"], body["email"], name))

    def sign_in(self, user):
        """The API as this user sees it."""
        body = {"email": user.email, "password": user.password}
        token = self.call("POST", "/api/v2/users/login", 201, json=body).json()["session_token"]
        return Api(self.base_url, token, user)

    def create_user(self):
        """A new member; nobody else has its name."""
        name = f"user-{secrets.token_hex(4)}"
        body = {
            "email": f"{name}@example.com",
            "username": name,
            "password": PASSWORD,
            "login_type": "password",
            "user_status": "active",
            "organization_ids": [self.organization()["id"]],
        }
        created = self.call("POST", "/api/v2/users", 201, json=body).json()
        return User(created["id"], created["email"], created["username"])

    def me(self):
        """The account behind this token."""
        return self.call("GET", "/api/v2/users/me", 200).json()

    def organization(self):
        """The default organization. What else a person belongs to depends on the tests that ran before."""
        listed = self.call("GET", "/api/v2/organizations", 200).json()
        return next(organization for organization in listed if organization["is_default"])

    def create_app(self, callback_url, public=False, **extra):
        """A confidential client with a secret, or a public one without."""
        name = f"app-{secrets.token_hex(4)}"
        body = {"name": name, "callback_url": callback_url, **extra}
        if public:
            body["public"] = True
        app = self.call("POST", "/api/v2/oauth2-provider/apps", 201, json=body).json()
        secret = None
        if not public:
            path = f"/api/v2/oauth2-provider/apps/{app['id']}/secrets"
            secret = self.call("POST", path, 201).json()["client_secret_full"]
        return App(app["id"], name, callback_url, secret)

    def allow(self, authorization_url):
        """Presses "Allow" as scripts do, with the token in the header; the address the browser would be sent to."""
        return self.call("POST", authorization_url, 302).headers["location"]

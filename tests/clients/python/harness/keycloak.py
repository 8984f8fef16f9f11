"""Keycloak as an identity provider, started for development."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import httpx2

from harness.provider import free_port
from harness.server import die_with_parent

PATIENCE = 300
REALM = "company"


class Keycloak:
    """A realm with two people and a client. Use it in a `with` statement; `start` begins it for a server."""

    def __init__(self):
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.issuer = f"{self.url}/realms/{REALM}"

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="doorward-keycloak-")
        return self

    def __exit__(self, *_):
        if process := getattr(self, "_process", None):
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
        self._folder.cleanup()

    @property
    def settings(self):
        """The settings of a server whose people sign in here: those of docs/identity-providers.md."""
        return {
            "fetch.development": "true",
            "oidc.providers.0.name": "keycloak",
            "oidc.providers.0.kind": "keycloak",
            "oidc.providers.0.issuer": self.issuer,
            "oidc.providers.0.client_id": "doorward",
            "oidc.providers.0.client_secret": "a-secret-of-keycloak",
            "oidc.providers.0.groups_claim": "groups",
            "oidc.providers.0.strip_group_slash": "true",
            "oidc.providers.0.upstream_logout": "true",
        }

    def start(self, server):
        """Starts it with a realm that knows this server."""
        home = Path(self._folder.name) / "keycloak"
        shutil.copytree(os.environ["DOORWARD_KEYCLOAK"], home, symlinks=True)
        (home / "data/import").mkdir(parents=True)
        (home / "data/import/realm.json").write_text(json.dumps(realm(server.url)))
        self._log = Path(self._folder.name) / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [home / "bin/kc.sh", "start-dev", "--import-realm", f"--http-port={self.port}", "--http-host=127.0.0.1"],
                cwd=home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent,
                env={**os.environ, "KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": "admin"},
            )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                if httpx2.get(f"{self.issuer}/.well-known/openid-configuration", timeout=5).status_code == 200:
                    return
            except httpx2.HTTPError:
                pass
            assert self._process.poll() is None, self._log.read_text(errors="replace")[-5000:]
            time.sleep(0.5)
        raise RuntimeError(f"Keycloak does not answer:\n{self._log.read_text(errors='replace')[-5000:]}")

    def admin(self):
        """A client of its administration."""
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": "admin"}
        answer = httpx2.post(f"{self.url}/realms/master/protocol/openid-connect/token", data=form).raise_for_status()
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return httpx2.Client(base_url=f"{self.url}/admin/realms/{REALM}", headers=headers)


def realm(server):
    return {
        "realm": REALM,
        "enabled": True,
        "sslRequired": "none",
        "groups": [{"name": "eng", "subGroups": [{"name": "backend"}]}, {"name": "ops"}],
        "users": [
            {
                "username": "ann", "enabled": True, "email": "ann@company.example", "emailVerified": True, "firstName": "Ann",
                "lastName": "Lee", "groups": ["/eng/backend"],
                "credentials": [{"type": "password", "value": "a password of Ann", "temporary": False}],
            },
            {
                "username": "bob", "enabled": True, "email": "bob@company.example", "emailVerified": False, "firstName": "Bob",
                "lastName": "Ray",
                "credentials": [{"type": "password", "value": "a password of Bob", "temporary": False}],
            },
        ],
        "clients": [
            {
                "clientId": "doorward",
                "secret": "a-secret-of-keycloak",
                "publicClient": False,
                "standardFlowEnabled": True,
                "directAccessGrantsEnabled": False,
                "redirectUris": [f"{server}/api/v2/users/oidc/keycloak/callback"],
                "attributes": {
                    "backchannel.logout.url": f"{server}/api/v2/users/oidc/keycloak/backchannel-logout",
                    # With it, a logout of all sessions is told of one of them.
                    "backchannel.logout.session.required": "false",
                    "post.logout.redirect.uris": f"{server}/login",
                },
                "protocolMappers": [
                    {
                        "name": "groups", "protocol": "openid-connect", "protocolMapper": "oidc-group-membership-mapper",
                        "config": {
                            "claim.name": "groups", "full.path": "true", "id.token.claim": "true", "userinfo.token.claim": "true",
                        },
                    }
                ],
            }
        ],
    }

#!/usr/bin/env python3
"""Measures sign-ins through a provider of OpenID Connect, with sync of groups over organizations.

signin.py BINARY FOLDER PORT [DATABASE_URL] [--organizations 50] [--groups 200] [--rounds 60]

It is the provider itself, on loopback. Shown is the time of the callback as the browser sees it, less the time in which the provider
had a question of the server (from its first byte read to its answer written): what is left is the server and its database. Two
kinds of sign-ins: nothing has changed since the last one, and every second group has. Needs the package `cryptography`.
"""

import argparse
import base64
import http.client
import json
import os
import re
import statistics
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

PASSWORD = "Correct-Horse-Battery-9"
KEY = rsa.generate_private_key(65537, 2048)


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value):
    return encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    nonce = ""
    claims = {}
    spent = 0.0

    def setup(self):
        super().setup()
        self.connection.setsockopt(6, 1, 1)  # TCP_NODELAY

    def handle_one_request(self):
        self.raw_requestline = self.rfile.readline(65537)
        begun = time.perf_counter()
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.dumps(self.document(urlsplit(self.path).path)).encode()
        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        self.wfile.flush()
        Provider.spent += time.perf_counter() - begun

    def document(self, path):
        issuer = f"http://localhost:{self.server.server_port}"
        if path == "/keys":
            public = KEY.public_key().public_numbers()
            return {"keys": [{"kty": "RSA", "kid": "k", "alg": "RS256", "use": "sig", "n": number(public.n), "e": number(public.e)}]}
        if path == "/token":
            now = int(time.time())
            claims = {"iss": issuer, "aud": "bench", "iat": now, "exp": now + 300, "nonce": Provider.nonce, **Provider.claims}
            signed = ".".join(encode(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "k"}, claims))
            signature = KEY.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
            return {"access_token": "x", "token_type": "Bearer", "id_token": f"{signed}.{encode(signature)}"}
        return {
            "issuer": issuer, "authorization_endpoint": f"{issuer}/authorize", "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys", "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }


class Server:
    """The server under test, on core 0 beside its database."""

    def __init__(self, given, provider):
        folder = Path(given.folder)
        folder.mkdir(parents=True)
        settings = {
            "SERVER__LISTEN": f"127.0.0.1:{given.port}", "SERVER__WORKERS": "1", "DATA_DIR": str(folder / "data"),
            "RATE_LIMIT__API": "0", "RATE_LIMIT__LOGIN": "0", "LOG__FILTER": "warn", "DATABASE__URL": given.database or "",
            "FETCH__DEVELOPMENT": "true", "OIDC__PROVIDERS__0__NAME": "bench", "OIDC__PROVIDERS__0__CLIENT_ID": "bench",
            "OIDC__PROVIDERS__0__CLIENT_SECRET": "a secret", "OIDC__PROVIDERS__0__CLAIMS_SOURCE": "none",
            "OIDC__PROVIDERS__0__ISSUER": f"http://localhost:{provider}",
        }
        environment = {**os.environ, **{f"DOORWARD__{name}": value for name, value in settings.items()}}
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(["taskset", "-c", "0", given.binary, "serve"], env=environment, stdout=log, stderr=log)
        while "listening on" not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        self.connection = http.client.HTTPConnection("127.0.0.1", given.port)
        self.token = None

    def ask(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if body is not None:
            headers["content-type"] = "application/json"
            body = json.dumps(body)
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        return answer.status, answer.headers, text

    def api(self, method, path, body=None):
        headers = {"Coder-Session-Token": self.token} if self.token else {}
        status, _, text = self.ask(method, f"/api/v2{path}", body, headers)
        assert status in (200, 201), f"{method} {path}: {status} {text}"
        return json.loads(text)

    def set_up(self, organizations):
        token = re.search(r"/setup\?token=([\w-]+)", self.log.read_text())
        body = {"email": "olga@example.com", "username": "olga", "password": PASSWORD}
        self.api("POST", f"/users/first?token={token[1] if token else ''}", body)
        self.token = self.api("POST", "/users/login", {"email": body["email"], "password": PASSWORD})["session_token"]
        mapping = {}
        for index in range(organizations):
            name = f"org{index:02}"
            organization = self.api("POST", "/organizations", {"name": name})["id"]
            mapping[name] = [organization]
            settings = {"field": "groups", "regex_filter": f"^{name}-.*$", "auto_create_missing_groups": True, "mapping": {}}
            self.api("PATCH", f"/organizations/{organization}/settings/idpsync/groups", settings)
        settings = {"field": "orgs", "organization_assign_default": False, "mapping": mapping}
        self.api("PATCH", "/settings/idpsync/organization", settings)

    def sign_in(self, claims):
        """Signs in, and answers with the milliseconds of the callback that are not the provider's."""
        Provider.claims = claims
        status, headers, text = self.ask("GET", "/api/v2/users/oidc/bench/callback")
        assert status in (302, 303, 307), f"{status} {text}"
        asked = parse_qs(urlsplit(headers["location"]).query)
        Provider.nonce = asked["nonce"][0]
        cookies = "; ".join(cookie.split(";")[0] for cookie in headers.get_all("set-cookie"))
        path = f"/api/v2/users/oidc/bench/callback?code=c&state={asked['state'][0]}"
        Provider.spent = 0.0
        begun = time.perf_counter()
        status, headers, text = self.ask("GET", path, headers={"cookie": cookies})
        spent = time.perf_counter() - begun
        assert status in (302, 303, 307) and "coder_session_token=" in str(headers), f"{status} {text}\n{self.log.read_text()[-3000:]}"
        return (spent - Provider.spent) * 1000


def main():
    parser = argparse.ArgumentParser()
    for name in ("binary", "folder"):
        parser.add_argument(name)
    parser.add_argument("port", type=int)
    parser.add_argument("database", nargs="?")
    for name, default in (("organizations", 50), ("groups", 200), ("rounds", 60)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    provider = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    server = Server(given, provider.server_port)
    try:
        server.set_up(given.organizations)
        organizations = [f"org{index:02}" for index in range(given.organizations)]
        each = given.groups // given.organizations
        both = [[f"{name}-{half}{index}" for name in organizations for index in range(each)] for half in ("a", "b")]
        mixed = [(a if index % 2 else b) for index, (a, b) in enumerate(zip(*both))]
        person = {"sub": "1", "email": "ann@example.com", "email_verified": True, "preferred_username": "ann", "orgs": organizations}
        for groups in (both[0], mixed):  # makes the groups
            server.sign_in({**person, "groups": groups})
        kinds = {"nothing changed": [both[0]], "every second group changed": [mixed, both[0]]}
        server.sign_in({**person, "groups": both[0]})
        for kind, turns in kinds.items():
            times = sorted(server.sign_in({**person, "groups": turns[turn % len(turns)]}) for turn in range(given.rounds))
            p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
            print(f"{kind}: p50 {statistics.median(times):.1f} ms, p99 {p99:.1f} ms ({given.rounds} sign-ins)")
        groups = server.api("GET", "/groups?has_member=ann")
        named = [group for group in groups if group["name"] != "Everyone"]
        print(f"member of {len(named)} groups in {given.organizations} organizations")
    finally:
        server.process.terminate()


main()

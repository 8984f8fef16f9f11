"""Walks the whole code flow against a server that is already running, and says what it gets.

    .cache/python/bin/python tests/clients/python/walk.py http://127.0.0.1:3000 --email olga@example.com

The account must be an owner: the walk registers an app, and deletes it in the end.
"""

import argparse
import getpass
import os

from test_authlib import CALLBACK, authorize, client_of, exchange, introspect, whoami

from harness.api import Api, User


class Running:
    """A server that somebody else started, as the tests see one."""

    def __init__(self, url):
        self.url = url

    def metadata(self):
        return Api(self.url).call("GET", "/.well-known/oauth-authorization-server", 200).json()


def main():
    parser = argparse.ArgumentParser(description="Walks the whole code flow against a running server.")
    parser.add_argument("url", help="where it listens")
    parser.add_argument("--email", required=True, help="an owner's")
    parser.add_argument("--public", action="store_true", help="as a client without a secret")
    parser.add_argument("--resource", help="bind the tokens to this resource")
    arguments = parser.parse_args()
    password = os.environ.get("DOORWARD_PASSWORD") or getpass.getpass(f"password of {arguments.email}: ")
    server = Running(arguments.url.rstrip("/"))
    bound = {"resource": arguments.resource} if arguments.resource else {}

    owner = Api(server.url).sign_in(User("", arguments.email, "", password))
    app = owner.create_app(CALLBACK, public=arguments.public)
    print("app      ", app.name, app.id)
    try:
        client = client_of(server, app)
        location = authorize(client, owner, **bound)
        print("location ", location)
        token = exchange(client, location, **bound)
        print("token    ", dict(token))
        print("use      ", whoami(server, token["access_token"]))
        if app.secret:
            print("introspect", introspect(client, token["access_token"]))
        token = client.refresh_token(client.metadata["token_endpoint"])
        print("refreshed", dict(token))
        print("revoke   ", client.revoke_token(client.metadata["revocation_endpoint"], token=token["access_token"]))
        print("use      ", whoami(server, token["access_token"]))
    finally:
        owner.call("DELETE", f"/api/v2/oauth2-provider/apps/{app.id}", 204)


if __name__ == "__main__":
    main()

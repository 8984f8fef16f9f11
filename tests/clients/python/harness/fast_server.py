"""A small MCP server made with FastMCP, which leaves authorization to Doorward."""

import socket
import threading
import time

import uvicorn
from fastmcp import FastMCP
from fastmcp.server.auth import RemoteAuthProvider
from fastmcp.server.auth.oidc_proxy import OIDCProxy
from fastmcp.server.auth.providers.introspection import IntrospectionTokenVerifier
from fastmcp.server.auth.providers.jwt import JWTVerifier
from fastmcp.server.dependencies import get_access_token


class FastServer:
    """Offers one tool, `whoami`. Use it in a `with` statement. The port is taken first: `url` is known before `serve` is called."""

    def __init__(self):
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.url = f"{self.origin}/mcp"
        self._server = None

    def __enter__(self):
        return self

    def serve_by_introspection(self, metadata, app, scopes=None):
        """Asks about each token, as this app. Clients get theirs from Doorward."""
        verifier = IntrospectionTokenVerifier(
            introspection_url=metadata["introspection_endpoint"], client_id=app.id, client_secret=app.secret,
            audience=self.url, required_scopes=scopes,
        )
        servers = [metadata["issuer"]]
        self._serve(RemoteAuthProvider(token_verifier=verifier, authorization_servers=servers, base_url=self.origin))

    def serve_by_signature(self, metadata, algorithm, scopes):
        """Reads signed tokens itself, by the published keys. Clients get theirs from Doorward."""
        verifier = JWTVerifier(
            jwks_uri=metadata["jwks_uri"], issuer=metadata["issuer"], audience=self.url, algorithm=algorithm,
            required_scopes=scopes,
        )
        servers = [metadata["issuer"]]
        self._serve(RemoteAuthProvider(token_verifier=verifier, authorization_servers=servers, base_url=self.origin))

    def serve_as_proxy(self, issuer, app):
        """Is the authorization server of its clients, and has people sign in at Doorward as this app; checks its ID tokens."""
        config = f"{issuer}/.well-known/openid-configuration"
        self._serve(
            OIDCProxy(
                config_url=config, client_id=app.id, client_secret=app.secret, base_url=self.origin, verify_id_token=True,
                required_scopes=["openid"], require_authorization_consent="external",
            )
        )

    def _serve(self, auth):
        mcp = FastMCP("Small", auth=auth)

        @mcp.tool
        def whoami() -> str:
            """The id of the user in whose name the caller acts."""
            return get_access_token().claims["sub"]

        config = uvicorn.Config(mcp.http_app(path="/mcp"), log_level="warning", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        run = {"target": self._server.run, "kwargs": {"sockets": [self._socket]}, "daemon": True}
        self._thread = threading.Thread(**run)
        self._thread.start()
        deadline = time.monotonic() + 20
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the MCP server does not start")
            time.sleep(0.01)

    def __exit__(self, *_):
        if self._server:
            self._server.should_exit = True
            self._thread.join(10)
        self._socket.close()

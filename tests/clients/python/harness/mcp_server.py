"""A small MCP server that leaves authorization to Doorward and checks tokens by introspection (RFC 7662)."""

import socket
import threading
import time

import httpx2
import uvicorn
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer


class Introspection:
    """Asks the authorization server about each token, as the app that serves the resource."""

    def __init__(self, endpoint, app):
        self._endpoint = endpoint
        self._credentials = (app.id, app.secret)
        self.answers = []

    async def verify_token(self, token):
        async with httpx2.AsyncClient() as http:
            response = await http.post(self._endpoint, data={"token": token}, auth=self._credentials)
        response.raise_for_status()
        answer = response.json()
        self.answers.append(answer)
        if not answer["active"]:
            return None
        audience = answer.get("aud")
        return AccessToken(
            token=token,
            client_id=answer["client_id"],
            scopes=answer.get("scope", "").split(),
            expires_at=answer.get("exp"),
            resource=audience[0] if isinstance(audience, list) else audience,
            subject=answer.get("sub"),
            claims=answer,
        )


class McpServer:
    """Offers one tool, `whoami`. Use it in a `with` statement.

    The server's URL is needed to register the app that introspects, so the port is taken first: `url` is known before
    `serve` is called.
    """

    def __init__(self):
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.url = f"{self.origin}/mcp"
        self._server = None

    def __enter__(self):
        return self

    def serve(self, metadata, app, scopes=None):
        """Starts with the authorization server's metadata and the app to introspect as."""
        self.introspection = Introspection(metadata["introspection_endpoint"], app)
        auth = AuthSettings(
            issuer_url=metadata["issuer"],
            resource_server_url=self.url,
            required_scopes=scopes,
            validate_token_resource=True,
        )
        mcp = MCPServer("Small", token_verifier=self.introspection, auth=auth, log_level="WARNING")

        @mcp.tool()
        def whoami() -> str:
            """The user in whose name the caller acts."""
            return get_access_token().claims["username"]

        config = uvicorn.Config(mcp.streamable_http_app(), log_level="warning", timeout_graceful_shutdown=1)
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

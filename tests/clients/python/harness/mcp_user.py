"""An MCP client with the OAuth client of the `mcp` package, and the person who signs in for it."""

import asyncio
import queue
from concurrent.futures import Future, wait

import anyio.to_thread
import httpx2
from anyio.from_thread import start_blocking_portal
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata


class Denied(Exception):
    """The authorization server sent the browser back with an error."""


class Storage:
    """Keeps what a client keeps on disk: the registration it was given, and its tokens. Without an app it must find its own."""

    def __init__(self, app=None, callback_url=None):
        self.tokens = None
        self.client = None
        self._may_register = app is None
        if app:
            self.client = OAuthClientInformationFull(
                client_id=app.id, redirect_uris=[callback_url], token_endpoint_auth_method="none"
            )

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client_info):
        assert self._may_register and self.client is None, f"the client registered itself again: {client_info}"
        self.client = client_info


class McpUser:
    """One connection to an MCP server, opened on the first call and kept. Use it in a `with` statement.

    The client runs in a thread with an event loop; the browser stays in this one: `decide(url)` is what the person does
    with the address that the client opens.
    """

    def __init__(self, mcp_url, storage, callback, decide, document=None):
        self.sign_ins = 0
        self._url = mcp_url
        self._callback = callback
        self._decide = decide
        self._to_open = queue.Queue()
        metadata = OAuthClientMetadata(
            client_name="Small client", redirect_uris=[callback.url], token_endpoint_auth_method="none"
        )
        self._oauth = OAuthClientProvider(
            mcp_url, metadata, storage, redirect_handler=self._open, callback_handler=self._come_back,
            client_metadata_url=document,
        )
        self._connection = None

    def __enter__(self):
        self._portal_context = start_blocking_portal()
        self._portal = self._portal_context.__enter__()
        self._calls = self._portal.call(self._make_queue)
        return self

    def __exit__(self, *_):
        self._portal.call(self._calls.put_nowait, None)
        if self._connection:
            wait([self._connection], 30)
        self._portal_context.__exit__(None, None, None)

    def whoami(self):
        """Calls the tool and answers with its text. The person helps when the client asks."""
        if self._connection is None:
            self._connection = self._portal.start_task_soon(self._stay_connected)
        call = Future()
        self._portal.call(self._calls.put_nowait, call)
        while not call.done():
            if self._connection.done():
                self._connection.result()
            try:
                url = self._to_open.get(timeout=0.02)
            except queue.Empty:
                continue
            self.sign_ins += 1
            try:
                self._decide(url)
            except BaseException:
                self._connection.cancel()  # nobody will come back to the client
                raise
        return call.result()

    @staticmethod
    async def _make_queue():
        return asyncio.Queue()

    async def _stay_connected(self):
        async with (
            httpx2.AsyncClient(auth=self._oauth, timeout=30) as http,
            Client(streamable_http_client(self._url, http_client=http)) as client,
        ):
            while call := await self._calls.get():
                try:
                    result = await client.call_tool("whoami", {})
                except Exception as error:
                    call.set_exception(error)
                else:
                    call.set_result(result.content[0].text)

    async def _open(self, url):
        self._to_open.put(url)

    async def _come_back(self):
        answer = await anyio.to_thread.run_sync(self._callback.answer, abandon_on_cancel=True)
        if "error" in answer:
            raise Denied(answer["error"])
        return AuthorizationCodeResult(**answer)


def causes(error):
    """The error, and all that it groups or stems from."""
    found = [error]
    for inner in getattr(error, "exceptions", ()):
        found += causes(inner)
    for inner in (error.__cause__, error.__context__):
        if inner is not None and inner not in found:
            found += causes(inner)
    return found

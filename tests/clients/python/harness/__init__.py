"""What the tests share: the real server, its databases, a browser, an MCP server."""

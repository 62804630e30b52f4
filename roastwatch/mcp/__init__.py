"""The MCP server (`roastwatch mcp`): a client of the running service's own HTTP API."""

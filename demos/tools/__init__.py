"""The endpoints as tools of the Model Context Protocol (MCP)."""

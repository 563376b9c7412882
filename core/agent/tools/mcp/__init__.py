"""Tools of the user's MCP servers (Model Context Protocol), listed in ``mcp.json`` in the settings folder.

Everything a server says is foreign: names, descriptions and schemas are cleaned, cut and flattened before a model sees
them, results are untrusted text. A server is started when it is first needed, and is never waited for at start-up.
"""

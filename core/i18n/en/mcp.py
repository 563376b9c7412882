"""English messages about MCP servers."""

MESSAGES: dict[str, str] = {
    "error.mcp.file": "The MCP settings {path} cannot be used ({reason}).",
    "error.mcp.file.fix": 'Correct the file: it looks like {{"mcpServers": {{"name": {{"command": "…"}}}}}}.',
    "error.mcp.entry": "The MCP server {server} is not set up rightly: {field}.",
    "error.mcp.entry.fix": "It takes either command (with args and env) or url (with headers).",
    "error.mcp.variable": "The MCP server {server} needs environment variables that are not set: {names}.",
    "error.mcp.sse": "The MCP server {server} uses the old SSE transport, which is not supported.",
    "error.mcp.sse.fix": "Use its streamable HTTP address, if it has one.",
    "error.mcp.gone": "The MCP server {server} is not running or does not answer ({reason}).",
    "error.mcp.gone.fix": "Check its entry in mcp.json; it is started again at the next call.",
    "error.mcp.slow": "The MCP server {server} did not answer within {seconds} s.",
    "error.mcp.waiting": "The MCP server {server} failed and is tried again in {seconds} s. {reason}",
    "error.mcp.refused": "The MCP server {server} refused the call: {reason}",
    "error.mcp.tool": "The MCP server {server} reports an error: {reason}",
    "error.mcp.json": "The argument {name} is not the JSON that the tool takes: {reason}",
    "error.mcp.left_out.name": "It has no usable name.",
    "error.mcp.left_out.schema": "Its arguments are not described by a JSON schema of an object.",
    "error.mcp.left_out.large": "The description of its arguments is too large.",
    "error.mcp.left_out.arguments": "It takes {count} arguments, more than a model can be trusted with.",
    "error.mcp.left_out.argument": "It needs the argument {argument}, whose name or schema cannot be passed on.",
}

"""English messages of the agent."""

MESSAGES: dict[str, str] = {
    "error.calculator.syntax": "That is not arithmetic the calculator understands.",
    "error.calculator.syntax.fix": "It takes numbers, + - * / // % **, parentheses, percent, sqrt, ln, log, exp, sin, cos, tan.",
    "error.calculator.zero": "Division by zero has no result.",
    "error.calculator.large": "The numbers grow beyond what the calculator takes (about 1,200 digits).",
    "error.calculator.domain": "That operation has no real result for this number.",
    "error.agent.prompt.empty": "The message is empty.",
    "error.agent.prompt.long": "The message is too long for the model: about {tokens} tokens, and {room} fit.",
    "error.agent.prompt.long.fix": "Shorten it, add the text as a document, or raise num_ctx (now {num_ctx}).",
    "error.agent.tool": "The tool {tool} failed: {reason}",
    "error.agent.steps": "The agent stopped after {steps} steps without an answer.",
    "error.agent.steps.fix": "Ask more narrowly, or ask again.",
    "route.native": "{model} calls tools itself",
    "route.no_tools": "{model} has no tool calling: the tool is chosen by the question's likeness to examples",
    "route.small": "{model} says it has tools but is too small to use them well: the tool is chosen by likeness to examples",
    "route.unlisted": "{model} is not on the list of models known to call tools well: the tool is chosen by likeness to examples",
    "agent.no_hits": "Nothing in the documents matches.",
    "agent.no_documents": "No documents have been added yet.",
    "agent.calculated": "{expression} = {result}",
    "agent.quote": "“{text}” [{number}]",
}

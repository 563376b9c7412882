"""English messages of the agent's tools."""

MESSAGES: dict[str, str] = {
    "error.tool.argument.missing": "The argument {name} is missing.",
    "error.tool.argument.type": "The argument {name} cannot be {value}: it takes {expected}.",
    "error.tool.argument.long": "The argument {name} is longer than {limit} characters.",
    "error.tool.http": "{service} answered with an error (HTTP {status}): {reason}",
    "error.tool.unreachable": "{service} cannot be reached: {reason}",
    "error.tool.unreachable.fix": "Check the network connection and try again.",
    "error.tool.timeout": "{tool} gave no answer within {seconds} s.",
    "error.tool.raised": "{tool} failed ({reason}).",
    "error.tool.not_text": "{tool} returned something that is not text.",
    "error.tool.binary": "{tool} returned binary data ({size} bytes), which is not shown.",
    "error.tool.denied": "{tool} is not allowed.",
    "tool.cut": "[cut: {shown} of {total} characters are shown]",
    "tool.cut.some": "[cut: only the first {shown} characters are shown]",
    "tool.bytes": "[some bytes were not valid text and were replaced]",
    "tool.empty": "{tool} returned nothing.",
    "tool.stale": "{reason} This is the last answer, {age} old:",
    "tool.age.minutes": "{count} min",
    "tool.age.hours": "{count} h",
    "tool.age.days": "{count} days",
    "tool.retry": "Trying {tool} again in {seconds} s ({attempt} of {attempts}): {reason}",
}

"""English messages of the embedded engine."""

MESSAGES: dict[str, str] = {
    "error.embedded.start": "The embedded engine could not start: {reason}.",
    "error.embedded.start.fix": "The log says more: {log}",
    "error.embedded.port": "Port {port} is already in use.",
    "error.embedded.port.fix": "Stop the program that uses it (an Ollama, perhaps), or choose another with --port.",
    "error.embedded.down": "The embedded engine keeps dying ({reason}) and was given up.",
    "error.embedded.down.fix": "Free memory or choose a smaller model or context, then start again; the log: {log}",
    "error.embedded.model": "The model file {path} cannot be used: {reason}.",
    "error.embedded.model.fix": "Give the path of a complete GGUF file.",
    "error.embedded.twice": "Two model files would both be called {name}.",
    "error.embedded.twice.fix": "Rename one of the files.",
    "embedded.exit.killed": "killed by the system, probably for lack of memory",
    "embedded.exit.signal": "ended by signal {signal}",
    "embedded.exit.code": "ended with status {code}",
    "embedded.serve.listening": "The engine answers Ollama clients at {url} (Ctrl-C stops it).",
    "embedded.serve.models": "Your models: {names}. Log: {log}",
    "embedded.serve.open": "Anyone who can reach {host} may use it: set a token if that is not what you want.",
    "embedded.serve.restarting": "The engine died ({reason}); it is being restarted.",
}

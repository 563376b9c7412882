"""English messages of the core: errors, and what the command line prints."""

MESSAGES: dict[str, str] = {
    "error.unexpected": "Something went wrong inside LLM Study ({error}).",
    "error.unexpected.fix": "The log has the details: {log}",
    "error.settings.file": "The settings file {path} cannot be read: {reason}.",
    "error.settings.file.fix": "Correct that line, or move the file away to start with the defaults.",
    "error.settings.value": "The setting {name} cannot be {value}: it takes {expected}.",
    "error.settings.unknown": "There is no setting {name} (in {source}).",
    "error.settings.unknown.fix": "Did you mean {suggestion}?",
    "error.data_dir": "The data directory {path} cannot be used: {reason}.",
    "error.data_dir.fix": "Choose another with --data-dir, or free it.",
    "error.store.corrupt": "The session file {path} is damaged: {reason}. It was left as it is.",
    "error.store.corrupt.fix": "Start with --data-dir NEW, or run 'llm-study doctor --rescue' to copy what can be read.",
    "error.store.newer": "The session file {path} was written by a newer LLM Study (format {found}, this one knows {known}).",
    "error.store.newer.fix": "Update LLM Study, or start with another --data-dir.",
    "error.store.write": "The session file could not be written: {reason}.",
    "error.store.write.fix": "Free disk space or permissions; the text on screen is kept until it can be saved.",
    "error.session.unknown": "There is no session {id}.",
    "error.session.unknown.fix": "'llm-study session list' shows them all.",
    "error.session.busy": "Session {id} is open in another LLM Study (process {pid}).",
    "error.session.busy.fix": "Close it there, or start a new session.",
}

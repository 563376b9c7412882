"""LangChain's standard suites for chat models and embeddings, pointed at the real engine.

The flags say honestly what a 135M model without tools can do; tests that need more are skipped by the suites.
"""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_ollama import ChatOllama, OllamaEmbeddings
from langchain_tests.integration_tests import ChatModelIntegrationTests, EmbeddingsIntegrationTests

from tests.contract.conftest import CHAT, EMBED, Running


@pytest.fixture(autouse=True)
def _address(engine: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suites build their model from class properties: it finds the engine as any client would."""
    monkeypatch.setenv("OLLAMA_HOST", engine.endpoint.url)
    TestChat.headers = TestEmbeddings.headers = engine.headers


class TestChat(ChatModelIntegrationTests):
    headers: dict[str, str] = {}

    @property
    def chat_model_class(self) -> type[ChatOllama]:
        return ChatOllama

    @property
    def chat_model_params(self) -> dict[str, Any]:
        kwargs = {"headers": self.headers}
        # At temperature 0 so small a model repeats itself until its tokens are used up; the penalty stops that.
        sampling = {"num_predict": 48, "temperature": 0, "seed": 1, "repeat_penalty": 1.3}
        return {"model": CHAT, "client_kwargs": kwargs, **sampling}

    @property
    def has_tool_calling(self) -> bool:
        return False  # The template of SmolLM2-135M has no tools; the engine answers 400 as Ollama does.

    @property
    def structured_output_kwargs(self) -> dict[str, Any]:
        return {"method": "json_schema"}

    @property
    def supports_json_mode(self) -> bool:
        return True

    @pytest.mark.xfail(
        reason="JSON mode promises an object, not its keys; so small a model may choose others"
    )
    def test_json_mode(self, model: BaseChatModel) -> None:
        super().test_json_mode(model)


class TestEmbeddings(EmbeddingsIntegrationTests):
    headers: dict[str, str] = {}

    @property
    def embeddings_class(self) -> type[OllamaEmbeddings]:
        return OllamaEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": EMBED, "client_kwargs": {"headers": self.headers}}

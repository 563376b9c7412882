"""Korean messages of the search's evaluation."""

MESSAGES: dict[str, str] = {
    "cli.help.docs_eval": "검색이 질문 묶음의 답을 얼마나 찾는지 측정",
    "cli.help.docs_set": "예제 문서의 질문, 또는 직접 쓴 파일(.yaml, .jsonl)",
    "cli.help.docs_folder": "FILE의 질문이 묻는 문서 폴더",
    "error.docs.eval_folder": "직접 쓴 질문 묶음에는 문서 폴더가 필요합니다.",
    "error.docs.eval_folder.fix": "--folder DIR을 붙이십시오.",
    "docs.eval.documents": "문서 {indexed}개 색인, {failed}개 실패, 청크 {chunks}개.",
    "docs.eval.all": "전체",
    "docs.eval.unanswerable": "답이 없는 질문({questions}개): 정밀도 {precision:.2f}, 재현율 {recall:.2f}, F1 {f1:.2f}. 임계값 {threshold:.3f}은 훈련 질문에서 정했습니다.",
    "docs.eval.time": "검색에 {p50} ms 걸렸습니다(p95 {p95} ms). 질문 임베딩을 포함합니다.",
}

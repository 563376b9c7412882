"""English messages of the search's evaluation."""

MESSAGES: dict[str, str] = {
    "cli.help.docs_eval": "measure how well search answers a set of questions",
    "cli.help.docs_set": "the sample corpus's questions, or a file of yours (.yaml, .jsonl)",
    "cli.help.docs_folder": "the documents the questions of FILE are about",
    "error.docs.eval_folder": "A question set of your own needs its documents.",
    "error.docs.eval_folder.fix": "Add --folder DIR.",
    "docs.eval.documents": "{indexed} documents indexed, {failed} failed, {chunks} chunks.",
    "docs.eval.all": "all",
    "docs.eval.unanswerable": "Unanswerable ({questions}): precision {precision:.2f}, recall {recall:.2f}, F1 {f1:.2f} at threshold {threshold:.3f}, found on the training questions.",
    "docs.eval.time": "A search took {p50} ms (p95 {p95} ms), the question's embedding included.",
}

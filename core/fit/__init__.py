"""Will a model fit into memory? The estimate term by term, what is available, and the verdict before anything is loaded.

Front door: :func:`report` (or :func:`estimate`, :func:`availability`, :func:`judge`), :func:`sentence`,
:func:`advice_lines`; after a death :func:`core.fit.oom.explain`.
"""

from core.fit.available import availability
from core.fit.catalog import known
from core.fit.estimate import embedded_plan, estimate, header_from_show, kv_bytes_per_token, ollama_plan
from core.fit.judge import judge, report
from core.fit.sentences import advice_lines, sentence, term_line
from core.fit.sizes import gib
from core.fit.types import Availability, Estimate, FitReport, LoadPlan, Verdict

__all__ = [
    "Availability", "Estimate", "FitReport", "LoadPlan", "Verdict", "advice_lines", "availability", "embedded_plan",
    "estimate", "gib", "header_from_show", "judge", "known", "kv_bytes_per_token", "ollama_plan", "report",
    "sentence", "term_line",
]  # fmt: skip

"""The estimate against the memory a real load takes."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from benchmarks.fit import bundled, measure


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/smaps_rollup; CI runs Linux")
def test_the_bundled_model_takes_what_was_predicted(tmp_path: Path) -> None:
    model = bundled()
    assert model is not None, "requirements-model.txt is installed"
    # A copy: pages that another engine maps too would count by half.
    copy = tmp_path / "model.gguf"
    shutil.copyfile(model, copy)
    found = measure(copy, 2048, 2)
    assert abs(found["error_percent"]) < 10, found

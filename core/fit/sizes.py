"""Sizes for a sentence."""

from __future__ import annotations


def gib(size: int | None) -> str:
    """A size with its unit: one decimal in GiB, MiB below a tenth of one, ``N/A`` when it is not known.

    ``GiB`` everywhere a shortage is spoken of, so that three numbers of one sentence can be compared.
    """
    if size is None:
        return "N/A"
    if 0 < size < 0.1 * 2**30:
        return f"{max(1, round(size / 2**20))} MiB"
    return f"{size / 2**30:.1f} GiB"

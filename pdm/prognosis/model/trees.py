"""Merge several LightGBM models into one that predicts their mean: it has all their trees, scaled."""

from __future__ import annotations

from collections.abc import Sequence

from pdm.errors import ModelError

_SCALED = ("leaf_value=", "internal_value=")
_UNREAD = ("split_gain=", "leaf_weight=", "internal_weight=")  # not needed for predictions and contributions
_END = "end of trees"


def mean_of_boosters(texts: Sequence[str]) -> str:
    """Return the text model that predicts the mean of text models trained on the same columns.

    Fields that are not needed for prediction and explanation are omitted. One model of all trees needs one call, which
    on 64 rows costs a fraction of one call per model.
    """
    header, trees = "", []
    for text in texts:
        header, own = _split(text)
        trees += own
    numbered = [f"Tree={number}\n{_scaled(tree, len(texts))}\n\n\n" for number, tree in enumerate(trees)]
    sizes = " ".join(str(len(tree.encode())) for tree in numbered)
    kept = [line for line in header.splitlines() if not line.startswith("tree_sizes=")]
    return "\n".join([*kept, f"tree_sizes={sizes}", "", ""]) + "".join(numbered) + f"{_END}\n"


def _split(text: str) -> tuple[str, list[str]]:
    if _END not in text or "\nTree=0\n" not in text:
        raise ModelError("this is not a LightGBM text model with trees")
    header, *trees = text[: text.index(_END)].split("\nTree=")
    return header.rstrip(), [tree.partition("\n")[2].rstrip() for tree in trees]


def _scaled(tree: str, count: int) -> str:
    lines = []
    for line in tree.splitlines():
        if line.startswith(_UNREAD):
            continue
        name = next((name for name in _SCALED if line.startswith(name)), None)
        if name is not None:
            line = name + " ".join(repr(float(value) / count) for value in line[len(name) :].split())
        lines.append(line)
    return "\n".join(lines)

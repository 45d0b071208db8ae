"""Validation of a LightGBM text model before LightGBM reads it."""

from __future__ import annotations

import re
from itertools import pairwise
from math import isfinite, isnan

from pdm.errors import ModelError

_TREE = re.compile(r"^Tree=(\d+)$", flags=re.MULTILINE)
_END = "end of trees"
_HEADER = {"version": "v4", "num_class": "1", "num_tree_per_iteration": "1", "label_index": "0"}
_LARGEST_LEAF = 100.0  # the targets are 0 to 1
_MOST_LEAVES = 4096  # of an imported tree; trees of this service have a few dozen
_NO_CATEGORY = {"0", "2", "4", "6", "8", "10"}  # decision types without the bit of a categorical split


def check_trees(text: str, columns: int, trees: int) -> None:
    """Raise ModelError unless a text model has `trees` valid numerical trees over `columns` columns.

    In a valid tree every split reads an existing column, every node is reached once, and every leaf is a finite number.

    Raises
    ------
    ModelError
        The model is not valid; the message names the tree.
    """
    body, found, _ = text.partition(_END)
    header, *parts = _TREE.split(body)
    fields = dict(line.partition("=")[::2] for line in header.splitlines() if "=" in line)
    if not header.startswith("tree\n") or not found or any(fields.get(k) != v for k, v in _HEADER.items()):
        raise ModelError("this is not a LightGBM text model of one regression")
    if fields.get("max_feature_idx") != str(columns - 1) or not fields.get("objective", "").startswith("regression"):
        raise ModelError("the trees were trained on other columns")
    blocks = parts[1::2]
    if len(blocks) != trees or [int(number) for number in parts[::2]] != list(range(trees)):
        raise ModelError(f"there are {len(blocks)} trees, not {trees} in order")
    starts = [match.start() for match in _TREE.finditer(body)] + [len(body)]
    sizes = [str(len(body[a:b].encode())) for a, b in pairwise(starts)]
    if fields.get("tree_sizes", "").split() != sizes:
        raise ModelError("the sizes of the trees differ from the header of the model")
    for number, block in enumerate(blocks):
        try:
            _check_tree(block, columns)
        except (ValueError, KeyError) as error:
            raise ModelError(f"tree {number} is not valid: {error}") from error


def _check_tree(block: str, columns: int) -> None:
    fields = dict(line.partition("=")[::2] for line in block.splitlines() if "=" in line)
    leaves = int(fields["num_leaves"])
    if not 1 <= leaves <= _MOST_LEAVES or fields["num_cat"] != "0" or fields.get("is_linear", "0") != "0":
        raise ValueError("it has no leaves, too many leaves, or categorical or linear leaves")
    values = [float(value) for value in fields["leaf_value"].split()]
    if len(values) != leaves or not all(isfinite(v) and abs(v) <= _LARGEST_LEAF for v in values):
        raise ValueError("the number of finite leaves differs from its header")
    if leaves == 1:
        return
    splits = {name: fields[name].split() for name in ("split_feature", "threshold", "decision_type")}
    left, right = ([int(child) for child in fields[name].split()] for name in ("left_child", "right_child"))
    lengths = {len(left), len(right), *(len(column) for column in splits.values())}
    if lengths != {leaves - 1}:
        raise ValueError("the number of nodes does not match the leaves")
    if not all(0 <= int(column) < columns for column in splits["split_feature"]):
        raise ValueError("it uses a column that does not exist")
    if any(isnan(float(at)) for at in splits["threshold"]) or not set(splits["decision_type"]) <= _NO_CATEGORY:
        raise ValueError("a split threshold is not a number")
    reached = sorted([*left, *right])
    if reached != [*range(-leaves, 0), *range(1, leaves - 1)]:
        raise ValueError("its nodes do not form a tree")
    if any(child >= 0 and child <= parent for side in (left, right) for parent, child in enumerate(side)):
        raise ValueError("its nodes do not form a tree")
    for name in ("leaf_count", "leaf_weight", "internal_value", "internal_weight", "internal_count", "split_gain"):
        expected = leaves if name.startswith("leaf") else leaves - 1
        if name in fields and len(fields[name].split()) != expected:
            raise ValueError(f"the number of {name} does not match the leaves")

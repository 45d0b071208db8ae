"""Kernels write to columns by name: a new feature moves columns, and a number would then be another feature's."""

import ast
from pathlib import Path

import pytest

from features.catalogue import bearing, gear, names, over_life, vibration, vibration_columns
from features.catalogue import over_life_columns as life

KERNELS = sorted((Path(__file__).parents[2] / "features" / "kernels").glob("*.py"))
ROWS = {"out", "values", "group"}


def literal_columns(source):
    """Return the line of each place where a row of features is indexed by a number, or by a sum with one."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in ROWS:
            index = node.slice.elts[-1] if isinstance(node.slice, ast.Tuple) else node.slice
            if any(isinstance(term, ast.Constant) for term in terms(index)):
                found.append(node.lineno)
    return found


def terms(index):
    if isinstance(index, ast.Slice):
        return [term for end in (index.lower, index.upper) if end is not None for term in terms(end)]
    if isinstance(index, ast.BinOp) and isinstance(index.op, ast.Add | ast.Sub):
        return [*terms(index.left), index.right]
    if isinstance(index, ast.IfExp):
        return terms(index.body) + terms(index.orelse)
    return [index]


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.stem)
def test_no_kernel_writes_to_a_column_by_number(path):
    assert literal_columns(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("out[3] = 1", [1]),
        ("out[r, 36 + 3 * fault + harmonic] = 1", [1]),
        ("x = values[phase, 2]", [1]),
        ("out[:, :21] = 1", [1]),
        ("out[r, RMS] = out[0, RMS]", []),
        ("out[r, LINES + 3 * fault + (harmonic - 1)] = 1", []),
        ("out[:] = totals[0]", []),
    ],
)
def test_a_number_as_a_column_is_found(source, lines):
    assert literal_columns(source) == lines


def test_families_that_are_written_as_a_whole_stand_in_one_piece():
    """Kernels add the number of a band, fault or harmonic to the first column of its family."""
    of = names("vibration")
    first = vibration_columns
    faults = ("bpfo", "bpfi", "bsf", "ftf")
    assert of[first.BAND_POWER :][:8] == tuple(f"band_power_{band}" for band in range(1, 9))
    assert of[first.ENVELOPE_LINES :][:12] == tuple(f"envelope_{f}_{h}" for f in faults for h in (1, 2, 3))
    assert of[first.ORDERS :][:4] == ("order_0_5x", "order_1x", "order_2x", "order_3x")
    assert of[first.PROMINENCE :][:4] == tuple(f"{fault}_prominence" for fault in faults)
    assert of[first.SIDEBANDS :][:2] == ("bpfi_sideband_prominence", "bsf_sideband_prominence")
    of = tuple(row[0] for row in bearing.BEARING)
    assert of[first.WHITENED_LINES :][:20] == tuple(f"whitened_{f}_{h}" for f in faults for h in range(1, 6))
    assert of[first.WHITENED_SLIP :][:4] == tuple(f"whitened_{fault}_slip" for fault in faults)
    for prefix, levels, sides in (
        ("whitened", first.WHITENED_PROMINENCE, first.WHITENED_SIDEBANDS),
        ("kurtogram", first.KURTOGRAM_PROMINENCE, first.KURTOGRAM_SIDEBANDS),
    ):
        assert of[levels:][:4] == tuple(f"{prefix}_{fault}_prominence" for fault in faults)
        assert of[sides:][:2] == tuple(f"{prefix}_{fault}_sideband_prominence" for fault in ("bpfi", "bsf"))
    of = tuple(row[0] for row in gear.GEAR)
    assert of[first.TRACKED_ORDERS :][:4] == tuple(f"order_tracked_{order}" for order in ("0_5x", "1x", "2x", "3x"))
    assert of[first.MESH :][:3] == ("mesh_1", "mesh_2", "mesh_3")


def test_columns_are_counted_as_the_catalogue_has_them():
    assert names("vibration")[: vibration_columns.KURTOSIS + 1][-1] == "kurtosis"
    assert names("vibration") == tuple(
        row[0] for row in (*vibration.CORE, *vibration.MORE, *bearing.BEARING, *gear.GEAR)
    )
    assert over_life.OVER_LIFE[life.CHANNELS :][: life.MEMORY_WIDTH] == over_life.MEMORY
    assert over_life.COMPARISON[life.MANN_KENDALL][0] == "{channel}.mann_kendall"

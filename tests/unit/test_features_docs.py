"""docs/features.md says what the catalogue says, its examples run, and its pictures show what they claim."""

import re
import runpy
import subprocess
import sys
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from docs import features as document
from docs import pictures
from features.catalogue import CATALOGUE, describe
from features.catalogue.over_life import OVER_LIFE
from features.catalogue.reasons import TEXTS, Reason

PAGE = document.PAGE.read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, flags=re.DOTALL | re.MULTILINE))


def test_the_page_is_what_the_catalogue_says():
    assert document.page() == PAGE, "docs/features.md is old: make docs"


def test_every_feature_occurs_once_and_in_one_line():
    rows = re.findall(r"^\| `([a-z0-9_]+)` \|", PAGE, flags=re.MULTILINE)
    over_life = [row[0] for row in OVER_LIFE if "{" not in row[0]]
    assert sorted(rows) == sorted([f"{d.name}" for d in CATALOGUE] + over_life)
    for line in PAGE.splitlines():
        if line.startswith("| `"):
            assert len(re.findall(r"(?<!\\)\|", line)) in (4, 5, 8), line


@pytest.mark.parametrize(
    ("section", "some"),
    [
        ("Vibration: time domain", {"rms", "kurtosis", "hjorth_complexity", "histogram_entropy"}),
        ("Vibration: frequency domain", {"band_power_8", "velocity_rms", "spectral_flatness", "rolloff_95"}),
        ("Vibration: envelope and bearings", {"envelope_bpfo_1", "envelope_rms", "bpfi_prominence"}),
        ("Vibration: gears and orders", {"order_1x", "fm0", "fm4", "m8a"}),
        ("Motor current: a phase", {"rms", "broken_bar_index", "k_factor"}),
        ("Motor current: the phases together", {"current_unbalance", "park_ripple_2sf"}),
    ],
)
def test_a_feature_is_listed_with_its_family(section, some):
    assert some <= set(re.findall(r"^\| `(\w+)` \|", SECTIONS[section], flags=re.MULTILINE))


def test_the_page_lists_every_reason_and_every_source_it_cites():
    for reason in Reason:
        assert f"| `{reason.name}` | {reason.value} | {TEXTS[reason]} |" in PAGE
    listed = set(re.findall(r"^- (\[\w+\]) ", SECTIONS["Sources"], flags=re.MULTILINE))
    cited = {source for d in CATALOGUE for source in re.findall(r"\[\w+\]", d.source)}
    cited |= {source for row in OVER_LIFE for source in re.findall(r"\[\w+\]", row[3])}
    assert cited <= listed
    assert listed <= cited, "a source that no feature has"


def test_the_examples_run_and_print_what_the_page_says(capsys):
    names = {}
    for example in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        exec(example, names)
    shape, velocity, absent, bars, sequence = capsys.readouterr().out.splitlines()
    assert shape == re.search(r"print\(table.values.shape\)  # (.*)", PAGE).group(1)
    assert np.fromstring(velocity.strip("[]"), sep=" ").shape == (2,)
    assert absent in PAGE
    np.testing.assert_allclose(np.fromstring(bars.strip("[]"), sep=" "), -40, atol=0.1)
    assert float(sequence.strip("[]")) < 1e-3


def test_printing_the_package_prints_the_catalogue(capsys):
    runpy.run_module("features", run_name="__main__")
    printed = capsys.readouterr().out
    assert printed == describe() + "\n"
    assert len(printed.splitlines()) == 1 + len(CATALOGUE)
    for line, definition in zip(printed.splitlines()[1:], CATALOGUE, strict=True):
        assert line.split()[:3] == [definition.name, definition.quantity, definition.scope]
        assert line.endswith(f"{definition.definition} {definition.source}")


def test_the_catalogue_is_printed_without_loading_the_compiler():
    code = "import sys, runpy; runpy.run_module('features', run_name='__main__'); sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, stdout=subprocess.DEVNULL).returncode == 0


def test_every_picture_is_on_the_page_small_and_drawn_by_the_command():
    shown = set(re.findall(r"!\[[^\]]+\]\(pictures/(\w+)\.png\)", PAGE))
    assert shown == set(pictures.PICTURES) == {path.stem for path in pictures.FOLDER.iterdir()}
    for path in pictures.FOLDER.iterdir():
        assert path.stat().st_size <= 150_000


@pytest.mark.parametrize("name", sorted(pictures.PICTURES))
def test_a_picture_is_labelled_with_units_and_as_large_as_the_one_kept(name):
    figure = pictures.PICTURES[name]()
    try:
        for axes in figure.axes:
            if axes.get_label() == "<colorbar>":
                continue
            assert re.search(r"\[.+\]", axes.get_xlabel()), name
            assert re.search(r"\[.+\]", axes.get_ylabel()), name
        memory = BytesIO()
        figure.savefig(memory, dpi=110)
        with Image.open(memory) as drawn, Image.open(pictures.FOLDER / f"{name}.png") as kept:
            assert drawn.size == kept.size
    finally:
        plt.close(figure)


def line_of(axes, index=0):
    return axes.lines[index].get_xdata(), axes.lines[index].get_ydata()


def marks_of(axes):
    return [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"]


def peak_near(axes, at, index=0, width=0.02):
    x, y = line_of(axes, index)
    return y[np.abs(x - at) <= width * at].max()


@pytest.fixture
def drawn():
    figures = []

    def draw(name):
        figures.append(pictures.PICTURES[name]())
        return figures[-1].axes

    yield draw
    for figure in figures:
        plt.close(figure)


def test_the_envelope_shows_the_fault_that_the_spectrum_hides(drawn):
    raw, levels, lines, _ = drawn("envelope")
    marks = marks_of(lines)
    assert len(marks) == 5
    x, y = line_of(lines)
    noise = np.median(y[(x > 5) & (x < 600)])
    assert all(peak_near(lines, mark) > 4 * noise for mark in marks)
    loudest = max(float(image.get_array().max()) for image in levels.collections)
    assert loudest > 1, "nothing strikes in any band"
    assert peak_near(raw, marks[0]) < 0.2 * line_of(raw)[1].max()


def test_the_orders_are_sharp_where_the_frequencies_are_smeared(drawn):
    before, after = drawn("order")
    for times, amplitude in ((1, 1.0), (2, 0.6), (3, 0.25), (7.2, 0.4)):
        assert peak_near(after, times) == pytest.approx(amplitude, rel=0.16)
    assert line_of(before)[1].max() < 0.25


def test_the_weak_tooth_is_the_largest_difference(drawn):
    _, difference = drawn("gear")
    angle, value = line_of(difference)
    assert angle[np.abs(value).argmax()] == pytest.approx(marks_of(difference)[0], abs=8)


def test_the_bars_sidebands_stand_where_the_catalogue_found_the_slip(drawn):
    (axes,) = drawn("current")
    lower, upper = marks_of(axes)
    assert lower + upper == pytest.approx(120, abs=0.1)
    for mark in (lower, upper):
        assert peak_near(axes, mark, index=1, width=0.005) > peak_near(axes, mark, index=0, width=0.005) + 20


def test_the_cumulative_sum_stays_low_before_the_rise_and_crosses_soon_after(drawn):
    _, change = drawn("over_life")
    hours, total = line_of(change)
    assert np.nanmax(total[hours < 180]) < 5
    assert 180 < hours[np.nanargmax(total > 5)] < 220


def test_the_readme_leads_to_the_page_and_the_page_to_no_machine():
    assert not re.search(r"/(work|root|home|tmp)/", PAGE)
    assert "docs/features.md" in (document.PAGE.parents[1] / "README.md").read_text(encoding="utf-8")

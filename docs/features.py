"""`python -m docs.features` writes docs/features.md: what the catalogue says, family by family (`make docs`)."""

from __future__ import annotations

import re
from pathlib import Path

from features.catalogue import CATALOGUE, FEATURE_VERSION, catalogue, gear, over_life, vibration
from features.catalogue.definition import FeatureDefinition
from features.catalogue.reasons import TEXTS, Reason

PAGE = Path(__file__).parent / "features.md"

_TIME = {row[0] for row in vibration.TIME} | {"histogram_entropy"}
_GEARS = {row[0] for row in gear.GEAR}
_BEARINGS = re.compile("envelope|bpfo|bpfi|bsf|ftf|kurtogram|whitened|cepstrum|spectral_kurtosis_peak")


def family_of(definition: FeatureDefinition) -> str:
    """Return the section in which a feature stands."""
    name = definition.name
    if definition.quantity == "current":
        return "phase" if definition.scope == "channel" else "phases"
    if name in _TIME:
        return "time"
    if name in _GEARS or name.startswith("order_"):
        return "gears"
    return "bearings" if _BEARINGS.search(name) else "frequency"


_INTRO = """# Features

{count} features of one record, {core} of them the `core` set whose speed the benchmarks watch, and {life} columns over
a life. This page is written by `make docs` from the tables in `features/catalogue/`; edit those. `python -m features`
prints the same table, and `features.catalogue.CATALOGUE` is it as objects.

## Use it alone

`features` takes arrays and gives numbers. It knows no machine, database or clock, and installs without the service:
NumPy, SciPy and Numba are all it needs.

```sh
pip wheel --no-deps --wheel-dir dist .
pip install dist/pdm_service-*.whl    # without the `service` extra
python -m features.compile            # once: compile the kernels
```

```python
import numpy as np
import features

sampling_rate = 25_600.0  # Hz
time = np.arange(32_768) / sampling_rate
rng = np.random.default_rng(0)
records = np.sin(2 * np.pi * 29.5 * time) + rng.normal(0, 0.3, (64, 2, time.size))  # (n, channels, samples), m/s2

bearing = features.BearingGeometry(9, 7.94e-3, 39.04e-3, 0.0).orders()  # 6205: 9 balls; diameters [m]; angle [rad]
table = features.extract(
    records.astype(np.float32),
    sampling_rate,
    speed=29.5,  # Hz; or one a record, NaN where unknown
    bearing_orders=[bearing.bpfo, bearing.bpfi, bearing.bsf, bearing.ftf],
)
print(table.values.shape)  # (64, 2, {vibration})
print(table.column("velocity_rms")[0] * 1000)  # mm/s, of both channels of the first record
print(table.column("mesh_1")[0, 0], "because", features.explain("mesh_1", int(table.reasons[0, 0])))
```

The last line prints `nan because the gear's number of teeth is not known`. Currents go the same way, the phases as
channels; features of all phases together are in `group_values`:

```python
sampling_rate = 2_048.0  # Hz
time = np.arange(16_384) / sampling_rate
phases = 2 * np.pi / 3 * np.arange(3)[:, None]
angle = 2 * np.pi * 50 * time - phases
bars = 1 + 0.02 * np.cos(2 * np.pi * 2 * 0.02 * 50 * time)  # slip 2 %: sidebands at -40 dB
currents = (20 * bars * np.cos(angle) + rng.normal(0, 0.01, angle.shape)).astype(np.float32)

table = features.extract(
    currents[None], sampling_rate, quantity="current", supply_frequency=50.0, pole_pairs=2, speed=24.5
)
print(table.column("broken_bar_index")[0])  # dB of each phase: -40
print(table.column("negative_sequence_ratio")[0])  # of the three together
```

A choice of `names` costs only the families it touches. int16 counts go in as they are, with `scale`. A record has the
same bits alone, in any batch and on any number of `threads`. `features.order` makes the angle of a shaft from a
tachometer or from the vibration itself, for records of varying speed; `features.spectrum`, `features.envelope` and
`features.order` give spectra to look at; `features.ranking` puts the faults of a bearing in order.

## What holds

- **The columns are fixed per version.** Another window length, rate or machine never adds or removes one. This is
  version {version}. A new version appends features; a feature whose definition changes gets a new name.
- **What a record cannot support is NaN, and says why.** Each row has a mask of reasons; `features.explain(name, mask)`
  puts it into words. The column *absent* below names the reasons that a feature can have; without one it is always
  there.
- **What is no measurement is refused.** Samples that are not finite or beyond 1e8, an impossible rate, speed or shape
  raise `features.SignalError`, which says where. With `bad="flag"` the record keeps its row, all NaN with the reason.
- **Units are SI**: m/s2 and A in, so velocities come out in m/s. The unit 1 is a plain number.

| reason | bit | what it says |
|---|---|---|
"""

_SECTIONS: tuple[tuple[str, str, str], ...] = (
    (
        "time",
        "Vibration: time domain",
        "Of the samples x themselves, for each channel. Kurtosis is not the excess: Gaussian noise has 3.",
    ),
    (
        "frequency",
        "Vibration: frequency domain",
        "Of one FFT under a Hann window, mean removed, for each channel. Velocities divide each line by 2 pi f and are "
        "corrected for the window's noise bandwidth.\n\n"
        "![Amplitude spectrum with the multiples of running speed marked](pictures/spectrum.png)",
    ),
    (
        "bearings",
        "Vibration: envelope and bearings",
        "Of the squared envelope of a band, for each channel. BPFO, BPFI, BSF and FTF follow from the geometry "
        "(`features.BearingGeometry`) and the shaft speed; a ball strikes at 2 BSF. Prominence is a line over the "
        "local median.\n\n"
        "![Spectrum, kurtogram and envelope spectrum of an outer-race fault, its lines marked](pictures/envelope.png)",
    ),
    (
        "gears",
        "Vibration: gears and orders",
        "Of a turn of the shaft rather than of a second, for each channel. With `shaft_angle` the speed may vary; "
        "without it, it must not.\n\n"
        "![Spectrum of a run-up over frequency and over orders](pictures/order.png)\n\n"
        "![Average turn of a gear with a cracked tooth, and what is left without mesh and sidebands]"
        "(pictures/gear.png)",
    ),
    (
        "phase",
        "Motor current: a phase",
        "Of each phase. f is the supply frequency found, p the number of pole pairs, s the slip, I_1 the fundamental."
        "\n\n![Current spectrum with the sidebands of broken bars](pictures/current.png)",
    ),
    ("phases", "Motor current: the phases together", "Of three phases sampled together (`group_values`)."),
)
_LIFE = """
## Over life

`features.over_life.OverLife` remembers any features over a life, one record at a time or a thousand, with the same
bits. `{channel}` is a followed feature, u its unit, `{tau}` a time constant and T the unit of life time given. A column
is NaN until there is enough of the life.

![A feature over a life, its averages and its cumulative sum](pictures/over_life.png)

| name | definition | unit | source |
|---|---|---|---|
"""


def page() -> str:
    """Return docs/features.md as the catalogue has it."""
    parts = [
        _INTRO.replace("{count}", str(len(CATALOGUE)))
        .replace("{core}", str(sum(d.core for d in CATALOGUE)))
        .replace("{life}", str(len(over_life.OVER_LIFE)))
        .replace("{vibration}", str(len(catalogue.names("vibration"))))
        .replace("{version}", str(FEATURE_VERSION))
    ]
    parts += [f"| {_code(reason)} | {reason.value} | {TEXTS[reason]} |\n" for reason in Reason]
    for family, title, text in _SECTIONS:
        parts.append(f"\n## {title}\n\n{text}\n\n")
        parts.append("| name | definition | unit | core | since | source | absent |\n|---|---|---|---|---|---|---|\n")
        parts += [_row(d) for d in CATALOGUE if family_of(d) == family]
    parts.append(_LIFE)
    parts += [
        f"| `{name}` | {_cell(definition)} | {unit} | {_cell(source)} |\n"
        for name, definition, unit, source in over_life.OVER_LIFE
    ]
    parts.append("\n## Sources\n\n")
    parts += [f"- {source}\n" for source in (*sources(catalogue.__doc__), *sources(over_life.__doc__))]
    return "".join(parts)


def sources(docstring: str | None) -> list[str]:
    """Return the numbered sources that a module's docstring lists, each in one line."""
    found = re.findall(r"^\[\w+\] .*(?:\n {4}.*)*", docstring or "", flags=re.MULTILINE)
    return [_cell(re.sub(r"\s+", " ", text)) for text in found]


def _row(definition: FeatureDefinition) -> str:
    absent = " ".join(_code(reason) for reason in Reason if reason & definition.absent)
    return (
        f"| `{definition.name}` | {_cell(definition.definition)} | {definition.unit} | "
        f"{'core' if definition.core else ''} | {definition.version} | {_cell(definition.source)} | {absent} |\n"
    )


def _code(reason: Reason) -> str:
    return f"`{reason.name}`"


def _cell(text: str) -> str:
    """Return text in which Markdown sees no table, emphasis or link."""
    return re.sub(r"([|*<])", r"\\\1", text)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

"""What users of `features` alone may rely on: its names, its arguments, choices of features, kinds of arrays, flags."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import features
from features.catalogue import CATALOGUE, definitions, names

ROOT = Path(__file__).parents[2]
SHAFT = {"speed": 30.0, "bearing_orders": [3.585, 5.415, 2.357, 0.398]}
KNOWN = {
    "vibration": SHAFT | {"gear_teeth": 12},
    "current": SHAFT | {"supply_frequency": 60.0, "pole_pairs": 2, "rotor_slots": 28, "quantity": "current"},
}
RATE = 4_096.0


def records(quantity, rows=3, samples=4096, channels=3):
    rng = np.random.default_rng(2)
    time = np.arange(samples) / RATE
    waves = rng.normal(0, 0.1, (rows, channels, samples))
    waves += np.sin(2 * np.pi * (60 if quantity == "current" else 30) * time - 2 * np.arange(channels)[:, None])
    return waves.astype(np.float32)


def assert_same_bits(a, b):
    assert (a.names, a.group_names) == (b.names, b.group_names)
    assert a.values.tobytes() == b.values.tobytes()
    assert a.group_values.tobytes() == b.group_values.tobytes()
    assert a.reasons.tobytes() == b.reasons.tobytes()


def test_the_public_names_are_there_and_documented():
    for name in features.__all__:
        assert inspect.getdoc(getattr(features, name)), name
    assert set(features.__all__) >= {"extract", "Features", "Reason", "SignalError", "explain", "warm"}


def test_extract_documents_each_of_its_arguments_and_keeps_their_names():
    signature = inspect.signature(features.extract)
    assert list(signature.parameters)[:2] == ["waveforms", "sampling_rate"]
    optional = {p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY}
    assert optional >= {
        "quantity", "names", "speed", "shaft_angle", "bearing_orders", "gear_teeth", "supply_frequency",
        "pole_pairs", "rotor_slots", "scale", "bad", "threads",
    }  # fmt: skip
    parameters = re.search(r"Parameters\n-+\n(.*?)\nReturns\n", inspect.getdoc(features.extract), re.DOTALL).group(1)
    documented = [name for line in re.findall(r"^(\w[\w, ]*) :", parameters, re.MULTILINE) for name in line.split(", ")]
    assert documented == list(signature.parameters)


def test_a_name_is_a_quantitys_column_of_one_version_only():
    for quantity in ("vibration", "current"):
        both = names(quantity, "channel") + names(quantity, "group")
        assert len(both) == len(set(both))
        of_channel = [d.version for d in definitions(quantity)]
        assert of_channel == sorted(of_channel), "a newer feature is listed before an older one"


def test_the_first_versions_columns_are_those_of_the_first_migration():
    frozen = (ROOT / "migrations" / "0002_features.sql").read_text(encoding="utf-8")
    for quantity in ("vibration", "current"):
        body = re.search(rf"CREATE TABLE feature_{quantity}_v1 \((.*?)\n\);", frozen, re.DOTALL).group(1)
        first = [d.name for d in CATALOGUE if d.quantity == quantity and d.version == 1]
        assert re.findall(r"^\s*(\w+) real,", body, re.MULTILINE) == first


@pytest.mark.parametrize("quantity", ["vibration", "current"])
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_choice_has_the_bits_of_the_whole_in_the_catalogues_order(quantity, data):
    offered = names(quantity, "channel") + names(quantity, "group")
    chosen = data.draw(st.lists(st.sampled_from(offered), min_size=1, max_size=6, unique=True))
    waves = records(quantity)
    whole = features.extract(waves, RATE, **KNOWN[quantity])
    part = features.extract(waves, RATE, names=chosen, **KNOWN[quantity])
    assert part.names + part.group_names == tuple(name for name in offered if name in chosen)
    for name in chosen:
        assert part.column(name).tobytes() == np.ascontiguousarray(whole.column(name)).tobytes(), name


@pytest.mark.parametrize("quantity", ["vibration", "current"])
def test_an_absent_feature_of_a_choice_is_explained_as_in_the_whole(quantity):
    waves = records(quantity, samples=512)
    known = {"quantity": quantity} | ({"supply_frequency": 60.0} if quantity == "current" else {})
    for name in names(quantity):
        table = features.extract(waves, RATE, names=[name], **known)
        if np.isnan(table.column(name)).any():
            assert features.explain(name, int(table.reasons[0, 0])), name


@pytest.mark.parametrize("quantity", ["vibration", "current"])
def test_one_record_a_list_of_channels_and_a_batch_agree(quantity):
    waves = records(quantity, channels=1)
    whole = features.extract(waves, RATE, **KNOWN[quantity])
    assert_same_bits(features.extract(waves[:, 0], RATE, **KNOWN[quantity]), whole)
    alone = features.extract(waves[1:2, 0], RATE, **KNOWN[quantity])
    assert alone.values.tobytes() == whole.values[1:2].tobytes()


@pytest.mark.parametrize("quantity", ["vibration", "current"])
@pytest.mark.parametrize("threads", [1, 2])
def test_how_an_array_lies_in_memory_changes_nothing_and_nothing_changes_it(quantity, threads):
    waves = records(quantity)
    kept = waves.copy()
    waves.setflags(write=False)
    whole = features.extract(waves, RATE, threads=threads, **KNOWN[quantity])
    np.testing.assert_array_equal(waves, kept)
    for other in (
        np.asfortranarray(waves),
        np.repeat(waves, 2, axis=2)[..., ::2],
        waves[::-1].copy()[::-1],
        waves.astype(np.float64),
    ):
        assert_same_bits(features.extract(other, RATE, **KNOWN[quantity]), whole)


@pytest.mark.parametrize("quantity", ["vibration", "current"])
def test_read_only_and_unaligned_memory_compiles_no_further_kernel(quantity):
    waves = records(quantity)
    whole = features.extract(waves, RATE, **KNOWN[quantity])
    kernels = [
        k for n in sorted(sys.modules) if n.startswith("features.kernels.") for k in vars(sys.modules[n]).values()
    ]
    kernels = [k for k in kernels if hasattr(k, "signatures")]
    before = {k.py_func.__qualname__: list(k.signatures) for k in kernels}
    assert any(before.values())
    received = np.frombuffer(b"-" + waves.tobytes(), np.uint8)[1:].view(np.float32).reshape(waves.shape)
    assert not received.flags.writeable
    assert not received.flags.aligned
    assert_same_bits(features.extract(received, RATE, **KNOWN[quantity]), whole)
    assert {k.py_func.__qualname__: list(k.signatures) for k in kernels} == before


def test_what_a_row_knows_may_differ_from_row_to_row():
    waves = records("vibration", rows=4)
    speeds, teeth = np.array([20.0, np.nan, 30.0, 30.0]), np.array([12, 12, np.nan, 15])
    orders = np.array([SHAFT["bearing_orders"]] * 4)
    orders[3] = np.nan
    table = features.extract(waves, RATE, speed=speeds, gear_teeth=teeth, bearing_orders=orders)
    for row in range(4):
        alone = features.extract(
            waves[row : row + 1], RATE, speed=speeds[row], gear_teeth=teeth[row], bearing_orders=orders[row]
        )
        assert alone.values.tobytes() == table.values[row : row + 1].tobytes()
        assert alone.reasons.tobytes() == table.reasons[row : row + 1].tobytes()


@pytest.mark.parametrize("quantity", ["vibration", "current"])
@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        (np.nan, features.Reason.NOT_FINITE),
        (np.inf, features.Reason.NOT_FINITE),
        (-np.inf, features.Reason.NOT_FINITE),
        (1e9, features.Reason.OUT_OF_RANGE),
    ],
)
def test_a_flagged_record_has_no_feature_and_a_reason_and_its_neighbours_all_of_theirs(quantity, sample, reason):
    waves = records(quantity, rows=5)
    good = features.extract(waves, RATE, **KNOWN[quantity])
    waves[2, 1, 777] = sample
    with pytest.raises(features.SignalError, match="record 2, channel 1"):
        features.extract(waves, RATE, **KNOWN[quantity])
    table = features.extract(waves, RATE, bad="flag", **KNOWN[quantity])
    others = [0, 1, 3, 4]
    assert table.values[others].tobytes() == good.values[others].tobytes()
    assert np.isnan(table.values[2, 1]).all()
    assert table.reasons[2, 1] & reason
    assert np.isnan(table.group_values[2]).all()
    for column, name in enumerate(table.names):
        for channel in range(3):
            if np.isnan(table.values[2, channel, column]):
                assert features.explain(name, int(table.reasons[2, channel])), name


def test_only_numpy_scipy_and_numba_are_loaded_beside_the_standard_library():
    code = """
import sys
class Fence:
    allowed = {"features", "numpy", "scipy", "numba", "llvmlite"}
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in self.allowed and top not in sys.stdlib_module_names and top in FENCED:
            raise ModuleNotFoundError(name)
from importlib.metadata import packages_distributions
FENCED = set(packages_distributions()) | {"pdm", "api", "migrations", "matplotlib"}

sys.meta_path.insert(0, Fence())
import numpy as np
import features, features.order, features.over_life, features.ranking, features.envelope, features.spectrum
features.warm()
print(features.extract(np.ones((1, 64), np.float32), 64.0).values.shape[2])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if k != "PDM_FFT"},
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(names("vibration"))

"""Several LightGBM models as one."""

import lightgbm
import numpy as np
import pytest

from pdm.errors import ModelError
from pdm.prognosis.model.trees import mean_of_boosters


def boosters(count):
    random = np.random.default_rng(0)
    x = random.normal(0, 1, (400, 6))
    x[random.uniform(size=x.shape) < 0.1] = np.nan
    y = np.nan_to_num(x[:, 0]) + np.nan_to_num(x[:, 1]) ** 2
    parameters = {"num_leaves": 7, "verbosity": -1, "num_threads": 1, "deterministic": True}
    trained = []
    for part in range(count):
        rows = np.arange(400) % count != part
        trained.append(lightgbm.train(parameters, lightgbm.Dataset(x[rows], y[rows], params=parameters), 30))
    return trained, x


def test_the_merged_model_predicts_and_explains_the_mean_of_its_parts():
    parts, x = boosters(5)
    merged = lightgbm.Booster(model_str=mean_of_boosters([part.model_to_string() for part in parts]))
    assert merged.num_trees() == 150
    mean = np.mean([part.predict(x, num_threads=1) for part in parts], axis=0)
    assert merged.predict(x, num_threads=1) == pytest.approx(mean, rel=1e-12, abs=1e-12)
    shares = merged.predict(x, num_threads=1, pred_contrib=True)
    assert shares.sum(axis=1) == pytest.approx(mean, rel=1e-9, abs=1e-9)


def test_what_is_no_text_model_is_refused():
    with pytest.raises(ModelError):
        mean_of_boosters(["tree\nversion=v4\n"])

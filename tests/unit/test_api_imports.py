"""The API process stays small: what only analysis and training need is not imported by it."""

from __future__ import annotations

import json
import subprocess
import sys

FORBIDDEN = ("numba", "lightgbm", "statsmodels", "pandas", "ducc0")
SHOWN = {"features.spectrum", "features.envelope", "features.errors"}  # what people look at needs no kernels
TABLES = {"features", "features.bearing"}


def test_the_api_imports_no_kernels_and_no_models() -> None:
    program = (
        "import sys, json; from api.app import create; from pdm.settings import Settings; "
        "create(Settings()).openapi(); print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert {name.partition(".")[0] for name in loaded} & set(FORBIDDEN) == set()
    analysis = {name for name in loaded if name.partition(".")[0] == "features"}
    assert {name for name in analysis if not name.startswith("features.catalogue")} <= SHOWN | TABLES
    assert "scipy.signal" not in loaded

"""The API process stays small: what only analysis and training need is not imported by it."""

from __future__ import annotations

import json
import subprocess
import sys

FORBIDDEN = ("numba", "lightgbm", "statsmodels", "features", "pandas", "ducc0")


def test_the_api_imports_no_kernels_and_no_models() -> None:
    program = (
        "import sys, json; from api.app import create; from pdm.settings import Settings; "
        "create(Settings()).openapi(); print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) & set(FORBIDDEN) == set()

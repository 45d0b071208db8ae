"""Kernels are plain Python too: with the compiler off they stay within their arrays and give the same features."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.contract.short_records import compute

ROOT = Path(__file__).parents[2]
SUITE = ("tests/contract/test_features*.py", "tests/unit/test_features*.py")
COMPILING = ("without_jit", "compiles_no_kernel_anew", "are_loaded_beside", "memory", "docs", "real_recordings")
"""Of names of tests: those that look at the compiler or at its memory, and those of long recordings."""


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_kernels_keep_their_contract_without_the_compiler(tmp_path):
    np.savez(tmp_path / "compiled.npz", **compute())
    done = run("-x", "tests/contract/kernels_without_jit.py", COMPILED_FEATURES=str(tmp_path / "compiled.npz"))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.trust("features")
@pytest.mark.timeout(2700)
def test_the_suite_of_features_passes_without_the_compiler():
    files = sorted(str(path) for pattern in SUITE for path in ROOT.glob(pattern))
    done = run("--timeout", "2600", "-k", " and ".join(f"not {name}" for name in COMPILING), *files)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]

"""The wheel holds all that the service needs, and serves from an environment that knows no checkout."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import zipfile
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.xdist_group("services")

ROOT = Path(__file__).parents[2]
SOURCES = ("features", "pdm", "api", "migrations")
WANTED = {
    "migrations": "*.sql",
    "migrations/repeatable": "*.sql",
    "pdm/store/sql": "*.sql",
    "api/dashboard/static": "*",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of what `pyproject.toml` names and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in SOURCES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    _pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(folder), str(source))
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment with the wheel, and its dependencies borrowed from this one."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    _pip("--python", str(python), "install", "--no-deps", "--no-index", "--no-compile", str(wheel))
    packages = next((folder / "lib").glob("python3*/site-packages"))
    # a folder that a .pth file names comes last, and .pth files in it (an editable checkout) do not count
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def test_the_wheel_holds_every_query_migration_and_page(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        contents = set(archive.namelist())
    for folder, pattern in WANTED.items():
        expected = {str(path.relative_to(ROOT)) for path in (ROOT / folder).glob(pattern) if path.is_file()}
        assert expected, folder
        assert expected <= contents
    modules = {str(p.relative_to(ROOT)) for name in SOURCES for p in (ROOT / name).rglob("*.py")}
    assert modules <= contents, modules - contents
    assert not [name for name in contents if name.startswith(("tests/", "benchmarks/"))]


def test_the_wheel_states_its_licence_and_holds_the_text(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
        licence = archive.read(metadata.replace("METADATA", "licenses/LICENSE")).decode()
    assert "License-Expression: Apache-2.0\n" in text
    assert "License-File: LICENSE\n" in text
    assert 'ducc0>=0.37; extra == "ducc0"' in text
    assert licence == (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_the_installed_service_migrates_and_serves(installed: Path, empty_dsn: str, tmp_path: Path) -> None:
    port = _free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PDM_", "PYTHON"))}
    environment |= {"PDM_DSN": empty_dsn, "PDM_PORT": str(port), "PYTHONDONTWRITEBYTECODE": "1"}
    where = _run(installed / "python", environment, tmp_path, "-c", "import api, pdm.bootstrap; print(pdm.__file__)")
    assert Path(where.strip()).is_relative_to(installed.parent), "the checkout was imported"
    assert "0001" in _run(installed / "pdm", environment, tmp_path, "migrate")
    assert "schema is up to date" in _run(installed / "pdm", environment, tmp_path, "migrate")
    with subprocess.Popen(
        [installed / "pdm", "serve"], cwd=tmp_path, env=environment, stderr=subprocess.STDOUT, stdout=subprocess.PIPE
    ) as server:
        try:
            _answers(f"http://127.0.0.1:{port}")
        finally:
            server.terminate()
            output, _ = server.communicate(timeout=20)
    assert server.returncode in (0, -signal.SIGTERM), output.decode()
    assert output == b""


def test_features_alone_need_three_packages_and_no_service(wheel: Path, tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    _pip("--python", str(python), "install", "--no-deps", "--no-index", "--no-compile", str(wheel))
    packages = next((tmp_path / "venv" / "lib").glob("python3*/site-packages"))
    needed = {"numpy", "scipy", "numba", "llvmlite"}  # llvmlite is Numba's own
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if re.split(r"[.-]", path.name)[0] in needed and not path.name.endswith(".dist-info"):
            (packages / path.name).symlink_to(path)
    # Compiling takes a minute and is tested elsewhere; the kernels' Python is the same.
    environment = {"PATH": os.environ["PATH"], "NUMBA_DISABLE_JIT": "1"}
    record = "np.sin(np.arange(1024, dtype=np.float32))[None]"
    extract = f"import numpy as np, features; print(features.extract({record}, 1024.0).column('crest_factor'))"
    crest = _run(python, environment, tmp_path, "-c", extract)
    assert float(crest.strip("[]\n")) == pytest.approx(2**0.5, rel=1e-3)
    missing = subprocess.run(
        [python, "-c", "import pdm.cli.app"], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert missing.returncode != 0, "the service came with it"
    printed = _run(python, environment, tmp_path, "-m", "features")
    assert printed.startswith("name ")


def _answers(url: str) -> None:
    """Check the pages that need files of the package, once the server is there."""
    with httpx.Client(base_url=url, trust_env=False) as http:
        deadline = time.monotonic() + 30
        while True:
            try:
                alive = http.get("/healthz")
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline, "the server did not start"
                time.sleep(0.1)
        assert alive.json() == {"status": "alive"}
        assert http.get("/readyz").is_success
        page = http.get("/")
        assert page.is_success
        assert page.headers["content-type"].startswith("text/html")
        docs = http.get("/docs")
        assert docs.is_success
        files = re.findall(r'(?:src|href)="(/[^"]+)"', page.text + docs.text)
        assert len(files) >= 4
        assert [file for file in files if not http.get(file).is_success] == []
        assert http.get("/v1/machines").status_code == 401


def _pip(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _run(program: Path, environment: dict[str, str], folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

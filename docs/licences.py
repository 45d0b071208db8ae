"""`python -m docs.licences` writes docs/licences.md: under which licence each package of the default install is."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

from packaging.markers import Marker
from packaging.utils import canonicalize_name

PAGE = Path(__file__).parent / "licences.md"
LOCK = Path(__file__).parents[1] / "deploy" / "requirements.lock"

LESSER = frozenset({"psycopg", "psycopg-binary", "psycopg-pool"})
"""Packages under the LGPL that may be installed: they are used as they are, and can be replaced by other versions."""

LESSER_OF_FORMATS = frozenset({"asammdf", "nptdms"})
"""Packages under the LGPL that only the extra `formats` installs: readers of MDF and TDMS files."""

_REFUSED = re.compile(r"(?<![A-Za-z])A?GPL|GNU (Affero )?General Public", re.IGNORECASE)
_LESSER = re.compile(r"LGPL|GNU (Lesser|Library) General Public", re.IGNORECASE)

_INTRO = """# Licences

pdm is under the Apache License 2.0 (`LICENSE`). These packages are installed with it (`deploy/requirements.lock`); each
licence is the one that the package states of itself. None is under the GPL or the AGPL, which a test checks.

Under the LGPL are {lesser}: they are installed unchanged and may be replaced. Wheels contain further code under other
licences, such as GCC's runtime library in NumPy and SciPy (GPL with the runtime library exception); their licence
files name it. `pip install pdm-service[ducc0]` adds ducc0, which is under the GPL; the extra `formats` adds packages of
which {formats} are under the LGPL.

This page is written by `make docs`.

| package | version | licence |
|---|---|---|
"""


def locked() -> dict[str, str]:
    """Return the packages of the lock with their versions, without those of other platforms."""
    lines = re.findall(
        r"^([A-Za-z0-9_.-]+)==([^\s;]+)(?: ; (.*?))?(?: \\)?$", LOCK.read_text(encoding="utf-8"), re.MULTILINE
    )
    return {name: version for name, version, marker in lines if not marker or Marker(marker).evaluate()}


def stated(name: str) -> str:
    """Return the licence that an installed package states: its expression, else its classifiers, else its text."""
    fields = metadata.metadata(name)
    expression = fields.get("License-Expression")
    if expression:
        return expression
    classifiers = [c.rsplit(" :: ", 1)[1] for c in fields.get_all("Classifier") or () if c.startswith("License ::")]
    if classifiers:
        return ", ".join(classifiers)
    return (fields.get("License") or "").split("\n")[0].strip()


def is_refused(name: str, licence: str) -> bool:
    """Tell whether a package may not be part of the default install."""
    if _LESSER.search(licence) and canonicalize_name(name) not in LESSER:
        return True
    return bool(_REFUSED.search(licence))


def page() -> str:
    """Return docs/licences.md as the installed packages have it.

    Raises
    ------
    SystemExit
        An installed package is not of the locked version.
    """
    rows = []
    for name, version in locked().items():
        if metadata.version(name) != version:
            sys.exit(f"{name} {metadata.version(name)} is installed, {version} is locked: make setup")
        rows.append(f"| {name} | {version} | {stated(name)} |\n")
    lesser, formats = (", ".join(sorted(names)) for names in (LESSER, LESSER_OF_FORMATS))
    return _INTRO.format(lesser=lesser, formats=formats) + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

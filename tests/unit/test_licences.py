"""pdm states its licence, and nothing that it installs by default is under the GPL or the AGPL."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from docs import licences

ROOT = Path(__file__).parents[2]
PACKAGES = licences.locked()


def test_the_page_is_what_the_installed_packages_state():
    assert licences.page() == licences.PAGE.read_text(encoding="utf-8"), "docs/licences.md is old: make docs"


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_of_the_default_install_states_a_licence_that_is_allowed(name):
    licence = licences.stated(name)
    assert licence
    assert not licences.is_refused(name, licence), f"{name} is under {licence}"


def test_a_package_of_the_extra_for_formats_is_not_under_the_gpl_and_the_lgpl_ones_are_named():
    needed = of_formats()
    assert {"h5py", "lxml", "canmatrix"} <= needed
    refused = {name for name in needed if licences.is_refused(name, licences.stated(name))}
    assert refused == licences.LESSER_OF_FORMATS
    for name in refused:
        assert "LGPL" in licences.stated(name)


def of_formats():
    """The packages that the extra installs, with what they need, as far as they are installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    open_ = [Requirement(each).name for each in project["optional-dependencies"]["formats"]]
    found = set()
    while open_:
        name = canonicalize_name(open_.pop())
        if name in found:
            continue
        found.add(name)
        for each in map(Requirement, metadata.requires(name) or ()):
            if each.marker is None or each.marker.evaluate({"extra": ""}):
                open_.append(each.name)
    return found


def test_every_package_that_the_allow_list_names_is_installed_and_needs_it():
    for name in licences.LESSER:
        assert name in PACKAGES
        assert licences.is_refused("another-package", licences.stated(name))


@pytest.mark.parametrize(
    "licence",
    [
        "GPL-2.0-or-later",
        "AGPL-3.0-only",
        "MIT AND (GPL-3.0-only OR BSD-3-Clause)",
        "GPLv2+",
        "GNU General Public License v2 or later (GPLv2+)",
        "GNU Affero General Public License v3",
        "LGPL-3.0-only",
        "GNU Lesser General Public License v3 (LGPLv3)",
    ],
)
def test_a_planted_licence_is_refused(licence):
    assert licences.is_refused("planted", licence)


@pytest.mark.parametrize("licence", ["MIT", "BSD-3-Clause", "Apache-2.0", "MPL-2.0", "EPL-2.0 OR BSD-3-Clause"])
def test_a_permissive_licence_is_allowed(licence):
    assert not licences.is_refused("planted", licence)


def test_ducc0_is_of_development_only_and_would_be_refused():
    assert "ducc0" not in PACKAGES
    assert re.search(r"^ducc0==", (ROOT / "deploy" / "requirements-dev.lock").read_text(encoding="utf-8"), re.MULTILINE)
    assert licences.is_refused("ducc0", licences.stated("ducc0"))


def test_locks_have_hashes_and_name_no_registry():
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / "deploy" / name).read_text(encoding="utf-8")
        assert "://" not in text
        assert "--index-url" not in text
        for block in re.split(r"\n(?=\S)", text):
            assert "--hash=sha256:" in block, block


def test_the_project_states_its_own_licence():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "Apache-2.0"
    assert project["license-files"] == ["LICENSE"]
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License\n" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
